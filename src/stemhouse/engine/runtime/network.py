"""The face that every runtime shows to the pipeline."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Gains = list[NDArray[np.float32]]
"""Per stem in manifest order, float32 (C, N, F) in 0..1."""


class Network(Protocol):
    """A compiled network for windows of one size."""

    def infer(self, magnitude: NDArray[np.float32]) -> Gains:
        """Compute every stem's gains for one window.

        Parameters
        ----------
        magnitude : ndarray of float32, shape (C, N, F)
            Magnitude spectrogram of the mix, ≥ 0, of the size the network was compiled for.

        Returns
        -------
        list of ndarray of float32, shape (C, N, F)
            The gains, one array per stem in manifest order; the caller's own.

        Raises
        ------
        DeviceLost
            The device failed.

        Notes
        -----
        May be called from as many threads at once as the runtime has; more wait.
        """
        ...
