# What the whole path gives for tiny models, sample by sample: `make golden` writes it anew.
#
# The networks' raw output is held against what Spleeter itself computed (tests/data/tiny-*), and
# that is nothing to regenerate. These are the stems at the end of our own path, for every quality.

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stemhouse import Audio, Options, RuntimeOptions, Separator

TESTS = Path(__file__).resolve().parent
FILE = TESTS / "data" / "golden-stems.npz"
MODELS = ("tiny-2stems", "tiny-4stems", "tiny-5stems")
QUALITIES = ("fast", "standard", "best")

# Every 41st sample of 1.5 s: coprime with the hop, so that every place in a frame is seen.
DURATION_SAMPLES = 66_150
STEP_SAMPLES = 41


def compute(model: str, quality: str) -> dict[str, NDArray[np.float32]]:
    samples, sample_rate = soundfile.read(
        TESTS / "data" / "voice-over-guitars" / "mixture.flac",
        start=2 * 44_100,
        frames=DURATION_SAMPLES,
        dtype="float32",
    )
    song = Audio(np.ascontiguousarray(samples.T), sample_rate=sample_rate)
    runtime = RuntimeOptions(provider="openvino", device="cpu", precision="float32")
    with Separator(TESTS / "data" / model, runtime=runtime) as separator:
        result = separator.separate(song, Options(quality=quality))
    return {name: stem.audio.samples[:, ::STEP_SAMPLES] for name, stem in result.stems.items()}


def main() -> None:
    arrays = {
        f"{model}/{quality}/{stem}": samples
        for model in MODELS
        for quality in QUALITIES
        for stem, samples in compute(model, quality).items()
    }
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
