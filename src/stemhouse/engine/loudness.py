"""How loud a window is, so that the network can be shown every song as loud as those it learnt.

Spleeter's network is not indifferent to level: it was trained on finished masters and finds less of
a voice in a quiet mix. Raising a quiet window before the network, and only there, gives it back;
masks are ratios, so the stems keep the song's level.
"""

from __future__ import annotations

import numpy as np

from stemhouse.engine.audio import Samples

MAX_RAISE_DB = 12.0
"""Most that a window is raised, in dB: a fade-out or a pause must not be blown up to noise."""

_BLOCK = 1_024
_GATE = 1e-6
"""Mean square below which a block of 23 ms counts as silence (-60 dBFS)."""


def raise_to(samples: Samples, level_db: float) -> float:
    """Return the factor that brings a window to a loudness, never below 1.

    Parameters
    ----------
    samples : ndarray of float32, shape (C, T)
        The window.
    level_db : float
        Wanted RMS of what is not silence, in dB of full scale.

    Returns
    -------
    float
        1.0 for windows that are as loud already, at most 12 dB.
    """
    whole = samples[:, : samples.shape[1] // _BLOCK * _BLOCK]
    # (C, T) -> (T / block,), mean over channels and block
    power = np.square(whole).reshape(samples.shape[0], -1, _BLOCK).mean(axis=(0, 2))
    sounding = power[power > _GATE]
    if not sounding.size:
        return 1.0
    missing_db = level_db - 10.0 * float(np.log10(sounding.mean()))
    return float(10.0 ** (min(max(missing_db, 0.0), MAX_RAISE_DB) / 20.0))
