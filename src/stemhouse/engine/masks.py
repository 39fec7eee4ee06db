"""From the network's gains to each stem's share of the spectrum.

Letters: S stems, C channels, N frames, F bins the network sees.

Source: Spleeter 2.4.2, `_build_masks`; the exponent follows A. Liutkus and R. Badeau,
"Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.spectral import Spectrum

Mask = NDArray[np.float32]

EPSILON = np.float32(1e-10)
"""Spleeter's ε: shares a bin equally among the stems where all estimates vanish."""


EDGE_BINS = 64
"""Bins (0.7 kHz) whose mean speaks for those above that the network does not see."""


def ratio_masks(gains: Sequence[Mask], magnitude: Mask, exponent: float) -> list[Mask]:
    """Turn gains into masks that add up to one.

    Parameters
    ----------
    gains : sequence of ndarray of float32, shape (C, N, F)
        One per stem, 0..1.
    magnitude : ndarray of float32, shape (C, N, F)
        The mix, ≥ 0.
    exponent : float
        p > 0 of estimate^p / Σ estimate^p.

    Returns
    -------
    list of ndarray of float32, shape (C, N, F)
        One per stem, 0..1, adding up to 1 in every bin.
    """
    powers = []
    for gain in gains:
        estimate = gain * magnitude
        if exponent == 2.0:
            np.multiply(estimate, estimate, out=estimate)
        else:
            np.power(estimate, np.float32(exponent), out=estimate)
        powers.append(estimate)
    total = powers[0] + EPSILON
    for power in powers[1:]:
        total += power
    np.reciprocal(total, out=total)
    share = EPSILON / np.float32(len(powers))
    for power in powers:
        power += share
        power *= total
    return powers


def apply_mask(spectrum: Spectrum, mask: Mask) -> Spectrum:
    """Weigh a spectrum with a mask that may reach less high than it.

    Parameters
    ----------
    spectrum : ndarray of complex64, shape (C, N, B), B >= F
        The mix; not changed.
    mask : ndarray of float32, shape (C, N, F)
        The stem's share. Bins above F take its mean over the topmost `EDGE_BINS`.

    Returns
    -------
    ndarray of complex64, shape (C, N, B)
        The stem.
    """
    bins = mask.shape[2]
    masked = np.empty_like(spectrum)
    np.multiply(spectrum[:, :, :bins], mask, out=masked[:, :, :bins])
    if spectrum.shape[2] > bins:
        edge = mask[:, :, -EDGE_BINS:].mean(axis=2, keepdims=True)
        np.multiply(spectrum[:, :, bins:], edge, out=masked[:, :, bins:])
    return masked
