"""Multichannel Wiener filtering: use where sounds sit between the channels to tell them apart.

Letters: S stems, C channels, N frames, B bins.

Source: A. Liutkus, F.-R. Stöter, "sigsep/norbert", 2019 (`expectation_maximization`), after
N. Q. K. Duong et al., "Under-determined reverberant audio source separation using a full-rank
spatial covariance model", 2010. We differ in estimating the covariances over each chunk of frames
on its own, so that memory does not grow with the song, and in writing the 2 × 2 algebra out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.spectral import Spectrum

_EPSILON = 1e-10


def wiener_filter(spectrum: Spectrum, stems: Sequence[Spectrum], iterations: int) -> list[Spectrum]:
    """Refine stereo stems with their spatial covariances.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (C, N, B)
        The mix. With one channel there is nothing to learn from space: stems come back as given.
    stems : sequence of ndarray of complex64, shape (C, N, B)
        First estimates, adding up to the mix.
    iterations : int
        Rounds, 1 or more.

    Returns
    -------
    list of ndarray of complex64, shape (C, N, B)
        Refined estimates, adding up to the mix (to ε where the mix is silent).
    """
    refined = list(stems)
    if spectrum.shape[0] != 2:
        return refined
    for _ in range(iterations):
        powers = [_power(stem) for stem in refined]
        spaces = [
            _Hermitian.spatial(stem, power) for stem, power in zip(refined, powers, strict=True)
        ]
        mix = _Hermitian.weighted(powers, spaces)
        whitened = mix.solve(spectrum)
        refined = [
            space.apply(whitened, power) for space, power in zip(spaces, powers, strict=True)
        ]
    return refined


def _power(stem: Spectrum) -> NDArray[np.float32]:
    # Mean power over channels, (N, B)
    energy = _energy(stem)
    mean: NDArray[np.float32] = np.float32(0.5) * (energy[0] + energy[1])
    return mean


def _energy(values: Spectrum) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = values.real**2 + values.imag**2
    return squares


class _Hermitian:
    """A 2 × 2 Hermitian matrix per bin, (B,), or per frame and bin, (N, B)."""

    def __init__(
        self, first: NDArray[np.float32], second: NDArray[np.float32], cross: Spectrum
    ) -> None:
        self.first, self.second, self.cross = first, second, cross

    @classmethod
    def spatial(cls, stem: Spectrum, power: NDArray[np.float32]) -> _Hermitian:
        """Average a stem's channel covariance over frames, free of its loudness."""
        weight = power.sum(axis=0) + np.float32(_EPSILON)
        first, second = _energy(stem).sum(axis=1) / weight
        cross = (stem[0] * stem[1].conj()).sum(axis=0) / weight
        return cls(first, second, cross)

    @classmethod
    def weighted(
        cls, powers: Sequence[NDArray[np.float32]], spaces: Sequence[_Hermitian]
    ) -> _Hermitian:
        """Add up every stem's covariance at its loudness of the moment."""
        first, second = np.zeros_like(powers[0]), np.zeros_like(powers[0])
        cross = np.zeros(first.shape, np.complex64)
        for power, space in zip(powers, spaces, strict=True):
            first += power * space.first
            second += power * space.second
            cross += power * space.cross
        # A floor relative to the matrix keeps it invertible where both channels are alike.
        floor = np.float32(1e-5) * (first + second) + np.float32(_EPSILON)
        return cls(first + floor, second + floor, cross)

    def solve(self, vector: Spectrum) -> Spectrum:
        """Return the inverse times `vector`, (2, N, B)."""
        determinant = self.first * self.second - _energy(self.cross)
        scale = np.reciprocal(np.maximum(determinant, np.float32(1e-30)))
        solved = np.empty_like(vector)
        solved[0] = (self.second * vector[0] - self.cross * vector[1]) * scale
        solved[1] = (self.first * vector[1] - self.cross.conj() * vector[0]) * scale
        return solved

    def apply(self, vector: Spectrum, power: NDArray[np.float32]) -> Spectrum:
        """Return `power` times this matrix times `vector`, (2, N, B)."""
        product = np.empty_like(vector)
        product[0] = (self.first * vector[0] + self.cross * vector[1]) * power
        product[1] = (self.second * vector[1] + self.cross.conj() * vector[0]) * power
        return product
