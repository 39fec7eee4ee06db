"""``make quality``: SDR per song and quality for a folder of songs whose true stems are known."""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np

from stemhouse.engine.codec import AudioWriter, open_source, parse_format
from stemhouse.engine.evaluate import Score, score_folder
from stemhouse.engine.loading import DEFAULT_MODEL
from stemhouse.engine.options import Quality
from stemhouse.engine.runtime import RuntimeOptions
from stemhouse.engine.separator import Separator

ROOT = Path(__file__).resolve().parent.parent
CARRIED = ROOT / "tests" / "data" / "voice-over-guitars"
QUALITIES: tuple[Quality, ...] = ("fast", "standard", "best")

# Streams of a file in Native Instruments' stem format, in the order that stempeg fixes.
_STEMPEG_STREAMS = ("mixture", "drums", "bass", "other", "vocals")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "songs",
        nargs="?",
        type=Path,
        help="a folder of <song>/{mixture,vocals,accompaniment}.wav; by default the song that the "
        "project carries, and the one inside the package stempeg where that is installed",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--quality", action="append", choices=QUALITIES, default=None)
    parser.add_argument("--precision", default="auto", help="of the network's arithmetic")
    arguments = parser.parse_args()
    runtime = RuntimeOptions(precision=arguments.precision)
    qualities = list(arguments.quality or QUALITIES)
    with (
        tempfile.TemporaryDirectory() as folder,
        Separator(arguments.model, runtime=runtime) as separator,
    ):
        songs = arguments.songs or _carried_songs(Path(folder))
        _print_table(list(score_folder(songs, separator, qualities)))


def _print_table(scores: list[Score]) -> None:
    stems = list(scores[0].sdr_db)
    print(f"| song | quality | {' | '.join(f'{stem} (dB)' for stem in stems)} | × real time |")
    print(f"|---|---|{'---|' * (len(stems) + 1)}")
    grouped: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        grouped[score.quality].append(score)
        _print_row(score.song, score.quality, score.sdr_db, score.duration_s / score.seconds)
    for quality, of_quality in grouped.items():
        means = {stem: mean(score.sdr_db[stem] for score in of_quality) for stem in stems}
        speed = sum(s.duration_s for s in of_quality) / sum(s.seconds for s in of_quality)
        _print_row("**mean**", quality, means, speed)


def _print_row(song: str, quality: str, sdr_db: object, speed: float) -> None:
    assert isinstance(sdr_db, dict)
    cells = " | ".join(f"{value:.2f}" for value in sdr_db.values())
    print(f"| {song} | {quality} | {cells} | {speed:.1f} |")


def _carried_songs(folder: Path) -> Path:
    (folder / CARRIED.name).symlink_to(CARRIED)
    song = _stempeg_song()
    if song is not None:
        _unpack_stempeg(song, folder / song.name.split(".")[0])
    return folder


def _stempeg_song() -> Path | None:
    from importlib.util import find_spec

    spec = find_spec("stempeg")
    if spec is None or spec.origin is None:
        print("(stempeg is not installed: its song with true stems is left out)\n")
        return None
    return next(Path(spec.origin).parent.glob("data/*.stem.mp4"), None)


def _unpack_stempeg(source: Path, folder: Path) -> None:
    """Write the streams as files. The mixture is the sum: the file's own was mastered louder."""
    import av

    streams = {}
    for number, name in enumerate(_STEMPEG_STREAMS):
        with av.open(str(source)) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=number)]
        streams[name] = np.concatenate(frames, axis=1).astype(np.float32)
    accompaniment = streams["drums"] + streams["bass"] + streams["other"]
    mixture = accompaniment + streams["vocals"]
    folder.mkdir()
    tracks = {**streams, "accompaniment": accompaniment, "mixture": mixture}
    for name, samples in tracks.items():
        path = folder / f"{name}.wav"
        form = parse_format("wavfloat")
        with AudioWriter(path, form, sample_rate=44_100, channels=samples.shape[0]) as writer:
            writer.write(samples)
    with open_source(folder / "mixture.wav") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == mixture.shape[1]


if __name__ == "__main__":
    main()
