"""Stems put together again, each as loud and where somebody set it: as the player plays them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.errors import InvalidOption
from stemhouse.results.reader import ResultReader

QUIETEST_DB = -60.0
"""Gains down to this are taken; at it a stem is silent, as in the player."""

LOUDEST_DB = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StemLevel:
    """How one stem is in a mix.

    Attributes
    ----------
    stem : str
        Its name.
    gain_db : float
        0 leaves it as it is.
    pan : float
        -1 is left, 0 where it was, 1 is right.
    """

    stem: str
    gain_db: float = 0.0
    pan: float = 0.0

    def __post_init__(self) -> None:
        if not QUIETEST_DB <= self.gain_db <= LOUDEST_DB:
            raise InvalidOption(
                f"the gain of {self.stem} must be {QUIETEST_DB:g} to {LOUDEST_DB:g} dB",
                stem=self.stem,
            )
        if not -1 <= self.pan <= 1:
            raise InvalidOption(f"the pan of {self.stem} must be -1 to 1", stem=self.stem)

    @property
    def is_silent(self) -> bool:
        """Whether it adds nothing."""
        return self.gain_db <= QUIETEST_DB


@dataclass(frozen=True, slots=True)
class Mix:
    """Stems of a result, mixed while they are read.

    Parameters
    ----------
    reader : ResultReader
        A complete result.
    levels : sequence of StemLevel
        What is in the mix; what is not named is not.
    gain_db : float
        Of the whole mix, to leave headroom.

    Notes
    -----
    Memory is one segment of every stem. The pan is that of the Web Audio API's StereoPannerNode
    (https://www.w3.org/TR/webaudio/#stereopanner-algorithm): a stereo stem at the centre is left
    as it is, and moves into one side with its whole width. A mono song becomes stereo when
    something in it is panned; it is then panned as two equal channels.
    """

    reader: ResultReader
    levels: Sequence[StemLevel]
    gain_db: float = 0.0

    @property
    def channels(self) -> int:
        """Channels of the mix."""
        panned = any(level.pan != 0 for level in self.levels)
        return 2 if panned else self.reader.manifest.channels

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[Samples]:
        """Yield float32 (C, T) from `start` up to, not including, `end`.

        Raises
        ------
        NotFound
            The result has no such stem (at the call).
        """
        readers = [self.reader.blocks(level.stem, start, end) for level in self.levels]
        matrices = [_matrix(level, self.gain_db, self.channels) for level in self.levels]
        # All stems of a result are cut at the same places.
        return (self._sum(blocks, matrices) for blocks in zip(*readers, strict=True))

    def _sum(self, blocks: tuple[Samples, ...], matrices: Sequence[Samples]) -> Samples:
        total = np.zeros((self.channels, blocks[0].shape[1]), np.float32)
        for samples, matrix in zip(blocks, matrices, strict=True):
            wide = samples if len(samples) == self.channels else np.repeat(samples, 2, axis=0)
            if np.count_nonzero(matrix) == np.count_nonzero(np.diag(matrix)):
                # Unpanned: without a product with zero, so that 0 dB leaves every bit as it is.
                total += wide * np.diag(matrix)[:, None]
            else:
                total += matrix @ wide  # (C, C) @ (C, T)
        return total


def _matrix(level: StemLevel, gain_db: float, channels: int) -> Samples:
    gain = 0.0 if level.is_silent else 10 ** ((level.gain_db + gain_db) / 20)
    if channels == 1:
        return np.array([[gain]], np.float32)
    angle = (level.pan + 1 if level.pan <= 0 else level.pan) * math.pi / 2
    near, far = math.cos(angle), math.sin(angle)
    if level.pan == 0:
        matrix = [[1.0, 0.0], [0.0, 1.0]]
    elif level.pan < 0:
        # The right channel moves over to the left.
        matrix = [[1.0, near], [0.0, far]]
    else:
        matrix = [[near, 0.0], [far, 1.0]]
    return np.array(matrix, np.float32) * np.float32(gain)
