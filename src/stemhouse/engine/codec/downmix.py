"""From many channels to two, with the coefficients of ITU-R BS.775."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.audio import Samples

_HALF_POWER = math.sqrt(0.5)
"""-3 dB: a channel shared by both sides keeps its power."""

_SIDES: dict[str, tuple[float, float]] = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (_HALF_POWER, _HALF_POWER),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "BL": (_HALF_POWER, 0.0),
    "BR": (0.0, _HALF_POWER),
    "SL": (_HALF_POWER, 0.0),
    "SR": (0.0, _HALF_POWER),
    "BC": (0.5, 0.5),
    "FLC": (_HALF_POWER, 0.5),
    "FRC": (0.5, _HALF_POWER),
    "WL": (_HALF_POWER, 0.0),
    "WR": (0.0, _HALF_POWER),
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
}

_USUAL_LAYOUTS: dict[int, tuple[str, ...]] = {
    1: ("FC",),
    2: ("FL", "FR"),
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""Speaker order of files that do not name their channels: the order of WAVE and FLAC."""


def usual_layout(channels: int) -> tuple[str, ...]:
    """Return the speakers that a file of 1 to 8 unnamed channels holds, in WAVE order."""
    return _USUAL_LAYOUTS[channels]


def downmix_matrix(speakers: Sequence[str]) -> NDArray[np.float32]:
    """Return the matrix that mixes `speakers` down to stereo.

    Parameters
    ----------
    speakers : sequence of str
        One FFmpeg speaker name per channel, such as ``FL``. A list with a name that is not known
        is taken to be in WAVE order.

    Returns
    -------
    ndarray of float32, shape (2, C)
        Left and right rows; ``matrix @ samples`` is the stereo mix.

    Notes
    -----
    Centre and surrounds enter at -3 dB, as ITU-R BS.775 has it; the low-frequency effects channel
    is left out, as the recommendation allows and broadcast practice does. Both rows are divided by
    the larger row sum, so that full scale in every channel at once is full scale in the mix: the
    down-mix cannot clip by itself, and left and right keep their balance.
    """
    if any(name not in _SIDES for name in speakers):
        speakers = usual_layout(len(speakers))
    matrix = np.array([_SIDES[name] for name in speakers], np.float64).T  # (C, 2) -> (2, C)
    loudest = float(matrix.sum(axis=1).max())
    if loudest > 0.0:
        matrix /= loudest
    return np.ascontiguousarray(matrix, np.float32)


def downmix(matrix: NDArray[np.float32], samples: Samples) -> Samples:
    """Mix `samples`, float32 (C, T), with `matrix`, float32 (2, C), to float32 (2, T)."""
    mixed: Samples = np.matmul(matrix, samples)
    return mixed
