"""Takes the demo song apart for the first page, and notes how loud its parts are over time.

The files are small and the same for everybody, so they are kept: `make example` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from stemhouse import Audio, separate
from stemhouse.engine.codec import AudioWriter, OutputFormat

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples" / "voice-over-guitars.flac"
FOLDER = ROOT / "src" / "stemhouse" / "pages" / "example"

BITRATE_KBPS = 72
BARS = 120


def levels(audio: Audio) -> list[float]:
    mono = audio.samples.mean(axis=0)
    return [float(np.sqrt(np.mean(part**2))) for part in np.array_split(mono, BARS)]


def write(name: str, audio: Audio) -> None:
    with AudioWriter(
        FOLDER / f"{name}.m4a",
        OutputFormat(name="m4a", bitrate_kbps=BITRATE_KBPS),
        sample_rate=audio.sample_rate,
        channels=audio.channels,
    ) as writer:
        writer.write(audio.samples)


def main() -> None:
    stems = {name: stem.audio for name, stem in separate(DEMO, quality="best").stems.items()}
    parts = {name: audio for name, audio in stems.items() if audio is not None}
    # The parts add up to the song: what is played as the song is what was taken apart.
    rate = next(iter(parts.values())).sample_rate
    total = np.stack([audio.samples for audio in parts.values()]).sum(axis=0, dtype=np.float32)
    parts = {"song": Audio(total, rate), **parts}
    waves = {name: levels(audio) for name, audio in parts.items()}
    loudest = max(max(wave) for wave in waves.values())
    FOLDER.mkdir(exist_ok=True)
    for name, audio in parts.items():
        write(name, audio)
    rounded = {name: [round(100 * one / loudest) for one in wave] for name, wave in waves.items()}
    (FOLDER / "waves.json").write_text(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
