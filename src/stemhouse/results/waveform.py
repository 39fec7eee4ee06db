"""The overview of a stem that a player draws: lowest, highest and mean level, coarse to fine."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.audio import Samples
from stemhouse.errors import ResultDamaged

MAGIC = b"SHWF"
VERSION = 1
FINEST_SAMPLES = 1024
"""Samples behind one point of the finest level: 23 ms at 44.1 kHz, 15 kB for a minute."""

FACTOR = 8
LEVELS = 3
"""Each level has an eighth of the points of the next finer one: 1,024, 8,192, 65,536 samples."""

_HEADER = struct.Struct("<4sHHIIQ")
_LEVEL = struct.Struct("<II")
_FULL_SCALE = 32_767

Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution.

    Attributes
    ----------
    samples_per_point : int
        Samples per channel behind one point.
    points : ndarray of float32, shape (P, 3)
        Lowest value, highest value and root mean square over all channels; full scale ±1.0.
    """

    samples_per_point: int
    points: Points


@dataclass(frozen=True, slots=True)
class Waveform:
    """The overview of one stem.

    Attributes
    ----------
    sample_rate : int
        Rate in Hz.
    channels : int
        Channels that were looked at together.
    length_samples : int
        Samples per channel.
    levels : tuple of Level
        From coarse to fine.

    Notes
    -----
    The file, little-endian: ``SHWF``, version u16 (1), channels u16, sample rate u32, number of
    levels u32, samples u64; then for each level, coarse to fine, samples per point u32 and points
    u32; then the points of each level, three i16 each: lowest, highest, root mean square, 32,767
    being full scale. What is beyond full scale is drawn at it. The coarse level comes first, so
    that the beginning of the file is enough for a first drawing.
    """

    sample_rate: int
    channels: int
    length_samples: int
    levels: tuple[Level, ...]

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        head = _HEADER.pack(
            MAGIC, VERSION, self.channels, self.sample_rate, len(self.levels), self.length_samples
        )
        table = b"".join(
            _LEVEL.pack(level.samples_per_point, len(level.points)) for level in self.levels
        )
        return head + table + b"".join(_packed(level.points) for level in self.levels)

    @classmethod
    def from_bytes(cls, data: bytes) -> Waveform:
        """Read the file.

        Raises
        ------
        ResultDamaged
            It is something else, or cut off.
        """
        try:
            magic, version, channels, rate, count, length = _HEADER.unpack_from(data)
            sizes = [
                _LEVEL.unpack_from(data, _HEADER.size + _LEVEL.size * number)
                for number in range(count if count <= 64 else 0)
            ]
        except struct.error as error:
            raise ResultDamaged("the waveform of this result is cut off") from error
        offset = _HEADER.size + _LEVEL.size * len(sizes)
        if (magic, version) != (MAGIC, VERSION) or len(data) != offset + 6 * sum(
            points for _samples, points in sizes
        ):
            raise ResultDamaged("the waveform of this result cannot be read")
        levels = []
        for samples_per_point, points in sizes:
            raw = np.frombuffer(data, "<i2", points * 3, offset).reshape(points, 3)
            levels.append(
                Level(samples_per_point, raw.astype(np.float32) / np.float32(_FULL_SCALE))
            )
            offset += points * 6
        return cls(rate, channels, length, tuple(levels))

    def level_for(self, points: int) -> Level:
        """Return the coarsest level with at least `points` points, or the finest."""
        fitting = (level for level in self.levels if len(level.points) >= points)
        return next(fitting, self.levels[-1])


class WaveformBuilder:
    """Gathers the overview while a stem is written; keeps 12 bytes for 1,024 samples.

    Parameters
    ----------
    sample_rate, channels : int
        Of the samples that `write` gets.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sample_rate, self._channels = sample_rate, channels
        self._points: list[Points] = []
        self._rest: Samples = np.empty((channels, 0), np.float32)
        self._length = 0

    def write(self, samples: Samples) -> None:
        """Append samples, float32 (C, T)."""
        self._length += samples.shape[1]
        joined = np.concatenate([self._rest, samples], axis=1) if self._rest.size else samples
        whole = joined.shape[1] // FINEST_SAMPLES * FINEST_SAMPLES
        if whole:
            self._points.append(_points_of(joined[:, :whole]))
        self._rest = joined[:, whole:].copy()

    def build(self) -> Waveform:
        """Return the overview of what was written so far."""
        tail = [_point(self._rest)] if self._rest.size else []
        finest = np.concatenate([np.empty((0, 3), np.float32), *self._points, *tail])
        levels = [Level(FINEST_SAMPLES, finest)]
        for _ in range(LEVELS - 1):
            finer = levels[0]
            levels.insert(0, Level(finer.samples_per_point * FACTOR, _coarser(finer.points)))
        return Waveform(self._sample_rate, self._channels, self._length, tuple(levels))


def _points_of(samples: Samples) -> Points:
    # (C, P * 1024) -> (C, P, 1024)
    blocks = samples.reshape(samples.shape[0], -1, FINEST_SAMPLES)
    squares = np.einsum("cpt,cpt->p", blocks, blocks) / (samples.shape[0] * FINEST_SAMPLES)
    return np.stack(
        [blocks.min(axis=(0, 2)), blocks.max(axis=(0, 2)), np.sqrt(squares)], axis=1
    ).astype(np.float32)


def _point(samples: Samples) -> Points:
    rms = np.sqrt(np.mean(np.square(samples)))
    return np.array([[samples.min(), samples.max(), rms]], np.float32)


def _coarser(points: Points) -> Points:
    groups = -(-len(points) // FACTOR)
    padded = np.full((groups * FACTOR, 3), np.nan, np.float32)
    padded[: len(points)] = points
    grouped = padded.reshape(groups, FACTOR, 3)  # (P, 3) -> (P / 8, 8, 3)
    if groups == 0:
        return np.empty((0, 3), np.float32)
    return np.stack(
        [
            np.nanmin(grouped[:, :, 0], axis=1),
            np.nanmax(grouped[:, :, 1], axis=1),
            # The last, shorter point weighs as much as a whole one: not to be seen in a drawing.
            np.sqrt(np.nanmean(np.square(grouped[:, :, 2]), axis=1)),
        ],
        axis=1,
    ).astype(np.float32)


def _packed(points: Points) -> bytes:
    return np.rint(np.clip(points, -1, 1) * _FULL_SCALE).astype("<i2").tobytes()
