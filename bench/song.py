"""Songs to measure with: as long as wanted, made from the demo song, the same every time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

DEMO = Path(__file__).resolve().parent.parent / "examples" / "voice-over-guitars.flac"
PIECE_S = 3.0
FADE_S = 0.02


def make_song(path: Path, duration_s: float, source: Path = DEMO) -> Path:
    """Write `duration_s` seconds of stereo, 16 bit WAV, piece by piece, and return `path`.

    Pieces of the source follow each other in changing order and level, with short fades, so that
    no two windows of the network see the same input.
    """
    samples, sample_rate = soundfile.read(source, dtype="float32", always_2d=True)
    left = round(duration_s * sample_rate)
    with soundfile.SoundFile(
        path, "w", samplerate=sample_rate, channels=samples.shape[1], subtype="PCM_16"
    ) as song:
        for piece in _pieces(samples, sample_rate):
            song.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                return path
    raise AssertionError("the pieces never end")


def _pieces(samples: NDArray[np.float32], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    length, fade = round(PIECE_S * sample_rate), round(FADE_S * sample_rate)
    envelope = np.ones((length, 1), np.float32)
    envelope[:fade, 0] = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    envelope[-fade:] = envelope[:fade][::-1]
    steps = np.random.default_rng(seed=1)
    for _ in itertools.count():
        start = int(steps.integers(0, len(samples) - length))
        gain = np.float32(steps.uniform(0.4, 1.0))
        yield samples[start : start + length] * envelope * gain
