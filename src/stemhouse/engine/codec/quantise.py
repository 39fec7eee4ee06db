"""From float32 to the integers of a file, counting what does not fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.audio import Samples

_BOUNDS = {16: (-32_768.0, 32_767.0), 24: (-8_388_608.0, 8_388_607.0)}


class Quantiser:
    """Rounds samples to 16 or 24 bits and keeps the score.

    Parameters
    ----------
    bit_depth : int
        16 or 24.

    Attributes
    ----------
    clipped_samples : int
        Samples so far, over all channels, that did not fit and were set to the nearest full-scale
        value.

    Notes
    -----
    ``round_half_even(x * 2**(bits - 1))`` clipped to the integer range. No dither: a 16-bit file
    that is read and written again keeps every bit, equal input gives equal output, and a silent
    stem stays digital silence. Rounding noise is at -98 dB of full scale, below that of the song.
    """

    def __init__(self, bit_depth: int) -> None:
        self.clipped_samples = 0
        self._low, self._high = _BOUNDS[bit_depth]
        self._scale = np.float32(-self._low)

    def interleave(self, samples: Samples, peak: float) -> NDArray[np.signedinteger]:
        """Return `samples`, float32 (C, T), as integers of shape (T, C).

        `peak` is the largest absolute value in `samples`: what cannot clip is not clipped.
        """
        scaled = np.empty((samples.shape[1], samples.shape[0]), np.float32)
        np.multiply(samples.T, self._scale, out=scaled)  # (C, T) -> (T, C)
        np.rint(scaled, out=scaled)
        if peak * -self._low > self._high:
            self.clipped_samples += int(np.count_nonzero(scaled > self._high))
            self.clipped_samples += int(np.count_nonzero(scaled < self._low))
            np.clip(scaled, self._low, self._high, out=scaled)
        if self._high < 2**15:
            return scaled.astype(np.int16)
        return scaled.astype(np.int32)


def peak_of(samples: Samples) -> float:
    """Return the largest absolute value of `samples`; 0.0 for none. No temporary is made."""
    if samples.size == 0:
        return 0.0
    return max(float(samples.max()), -float(samples.min()), 0.0)
