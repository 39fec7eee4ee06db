"""Short-time Fourier transform and its inverse, a stretch of frames at a time.

Frames are counted as Spleeter counts them: 4,096 zeros are put before the song, frame n looks at
the samples from n · step on, and there are as many frames as are needed to cover the last sample.
Every sample of the song is then seen by exactly four frames, at its edges as well, so that the
inverse is exact to rounding everywhere.

Letters: C channels, T samples, N frames, B = length / 2 + 1 bins.

Source: `tf.signal.stft` and `inverse_stft` as Spleeter 2.4.2 calls them (periodic Hann window for
both, result times 2/3). We differ in computing a stretch at a time and in the order of additions.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stemhouse.engine.audio import Samples
from stemhouse.engine.fft import transform, transform_back

Spectrum = NDArray[np.complex64]

_ROWS = 16
"""Frames transformed at once, so that what they need (0.5 MB) stays in a core's cache."""


@dataclass(frozen=True, slots=True)
class Stft:
    """The transform with a window of `length` samples every `step` samples.

    Attributes
    ----------
    length : int
        Window length in samples: 4,096 (93 ms at 44.1 kHz), a multiple of `step`.
    step : int
        Samples from one window to the next: 1,024 (23 ms).
    """

    length: int
    step: int

    @property
    def bins(self) -> int:
        """Number of frequency bins B, from 0 Hz to half the sample rate."""
        return self.length // 2 + 1

    @property
    def lead_samples(self) -> int:
        """Zeros before the song."""
        return self.length

    @property
    def overlap_samples(self) -> int:
        """Samples that a stretch of frames shares with the next."""
        return self.length - self.step

    def frames(self, length_samples: int) -> int:
        """Return how many frames a song of `length_samples` has."""
        # ceil((T + lead) / step)
        return -(-(length_samples + self.lead_samples) // self.step)

    def samples(self, frames: int) -> int:
        """Return how many samples `frames` successive frames look at."""
        return 0 if frames == 0 else (frames - 1) * self.step + self.length

    def forward(self, samples: Samples, bins: int | None = None) -> Spectrum:
        """Transform a stretch of samples.

        Parameters
        ----------
        samples : ndarray of float32, shape (C, T)
            What N frames look at: T = ``self.samples(N)``.
        bins : int, optional
            Keep only the lowest this many bins, 1 to B; all by default.

        Returns
        -------
        ndarray of complex64, shape (C, N, B), or (C, N, bins)
            The spectrum.
        """
        # (C, T) -> (C, N, length), a view
        framed = sliding_window_view(samples, self.length, axis=1)[:, :: self.step]
        channels, frames = framed.shape[:2]
        bins = self.bins if bins is None else bins
        spectrum = np.empty((channels, frames, bins), np.complex64)
        window = _hann(self.length)
        windowed = np.empty((channels, _ROWS, self.length), np.float32)
        every = np.empty((channels, _ROWS, self.bins), np.complex64)
        for first in range(0, frames, _ROWS):
            rows = min(_ROWS, frames - first)
            np.multiply(framed[:, first : first + rows], window, out=windowed[:, :rows])
            transform(windowed[:, :rows], every[:, :rows])
            spectrum[:, first : first + rows] = every[:, :rows, :bins]
        return spectrum

    def inverse(self, spectrum: Spectrum) -> Samples:
        """Transform a stretch of frames back and add them up.

        Parameters
        ----------
        spectrum : ndarray of complex64, shape (C, N, B)
            Successive frames; not changed. With fewer bins those missing at the top are zero.

        Returns
        -------
        ndarray of float32, shape (C, T)
            T = ``self.samples(N)``. The first and last `overlap_samples` are complete only when
            the neighbouring stretches' are added.
        """
        channels, frames = spectrum.shape[:2]
        output = np.zeros((channels, self.samples(frames)), np.float32)
        self.add_inverse(spectrum, output, 0)
        return output

    def add_inverse(self, spectrum: Spectrum, output: Samples, first: int) -> None:
        """Add the inverse of frames `first`, `first` + 1, … to `output`.

        Parameters
        ----------
        spectrum : ndarray of complex64, shape (C, N, B)
            Successive frames; not changed. With fewer bins those missing at the top are zero.
        output : ndarray of float32, shape (C, T)
            What is added to; its sample 0 is the first that frame 0 looks at.
        first : int
            Number of the first frame.
        """
        channels, frames, bins = spectrum.shape
        # A frame is length / step pieces of one step each; piece k of frame n belongs to step
        # n + k. Adding piece by piece needs no loop over frames.
        # (C, T) -> (C, T / step, step), a view
        steps = output.reshape(channels, -1, self.step)
        window = _synthesis_window(self.length, self.step)
        every = np.zeros((channels, min(_ROWS, frames), self.bins), np.complex64)
        framed = np.empty((channels, min(_ROWS, frames), self.length), np.float32)
        for begin in range(0, frames, _ROWS):
            rows = min(_ROWS, frames - begin)
            every[:, :rows, :bins] = spectrum[:, begin : begin + rows]
            transform_back(every[:, :rows], framed[:, :rows])
            framed *= window
            # (C, rows, length) -> (C, rows, pieces, step), a view
            pieces = framed[:, :rows].reshape(channels, rows, -1, self.step)
            for piece in range(pieces.shape[2]):
                start = first + begin + piece
                steps[:, start : start + rows] += pieces[:, :, piece]


@functools.cache
def _hann(length: int) -> NDArray[np.float32]:
    # Periodic: the window of length + 1 without its last point.
    return np.hanning(length + 1)[:-1].astype(np.float32)


@functools.cache
def _synthesis_window(length: int, step: int) -> NDArray[np.float32]:
    # Squared Hann windows every `step` samples add up to 3 / 8 · length / step: 3 / 2 here, which
    # is where Spleeter's factor 2 / 3 comes from.
    scale = 8 * step / (3 * length)
    return (_hann(length).astype(np.float64) * scale).astype(np.float32)
