"""Cut a stream of samples into the overlapping windows that the network looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.spectral import Stft


@dataclass(frozen=True, slots=True)
class Window:
    """What one pass of the network looks at.

    Attributes
    ----------
    index : int
        Its place: it begins at frame ``index * hop_frames``.
    samples : ndarray of float32, shape (C, T)
        What its frames look at, zeros where there is no song.
    """

    index: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """Where windows lie; the same for a song whatever blocks it is read in.

    Attributes
    ----------
    stft : Stft
        The transform.
    frames : int
        Frames per window.
    hop_frames : int
        Frames from one window to the next.
    """

    stft: Stft
    frames: int
    hop_frames: int

    @property
    def passes(self) -> int:
        """How many windows see a frame, at most."""
        return -(-self.frames // self.hop_frames)

    def chunks(self, song_frames: int) -> int:
        """Return how many chunks of `hop_frames` a song of `song_frames` has."""
        return -(-song_frames // self.hop_frames)

    def cut(self, blocks: Iterable[Samples], channels: int) -> Iterator[Window]:
        """Cut blocks into windows, one for every chunk.

        Parameters
        ----------
        blocks : iterable of ndarray of float32, shape (C, any)
            The song from its first sample on.
        channels : int
            C.

        Yields
        ------
        Window
            In order of their index.
        """
        step = self.hop_frames * self.stft.step
        size = self.stft.samples(self.frames)
        # Everything is counted from the first sample that frame 0 looks at, `lead` before the song.
        buffer = _Buffer(channels, self.stft.lead_samples)
        index = length = 0
        for block in blocks:
            length += block.shape[1]
            buffer.append(block)
            while buffer.filled >= size:
                yield Window(index, buffer.take(size, step))
                index += 1
        last = self.chunks(self.stft.frames(length)) if length else 0
        while index < last:
            buffer.append(np.zeros((channels, max(0, size - buffer.filled)), np.float32))
            yield Window(index, buffer.take(size, step))
            index += 1


class _Buffer:
    """Blocks waiting to be long enough for a window."""

    def __init__(self, channels: int, lead: int) -> None:
        self._channels = channels
        self._blocks: list[Samples] = [np.zeros((channels, lead), np.float32)]
        self.filled = lead

    def append(self, block: Samples) -> None:
        self._blocks.append(block)
        self.filled += block.shape[1]

    def take(self, size: int, step: int) -> Samples:
        """Return a copy of the first `size` samples and forget the first `step`."""
        joined = np.concatenate(self._blocks, axis=1)
        # A copy, because what stays is read by other threads while this goes on filling.
        self._blocks = [joined[:, step:].copy()]
        self.filled -= step
        return joined[:, :size]
