"""Rewrite the network's last two layers so that they fill a processor's vectors.

Spleeter's U-Net ends in a transposed convolution to *one* channel at full resolution and a dilated
convolution from one to two. Written down like that they take a quarter of the network's time
although they are 2 % of its arithmetic, because convolution kernels work on 16 channels at once.

Here the full-resolution plane is held as the b² phases of its b × b blocks (b = 4: 16 channels at a
quarter of the resolution), so both layers become ordinary dense convolutions, and one
depth-to-space at the end puts the pixels back. The arithmetic is the same, only its order differs;
nothing is approximated.

Letters: b block edge, K kernel, I input and O output channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 4
"""Edge b of a block: 4 × 4 phases are the 16 floats of an AVX-512 vector."""


def transposed_to_phases(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a stride-2 transposed convolution to one channel into a convolution to b² phases.

    Parameters
    ----------
    kernel : ndarray of float32, shape (I, 1, 5, 5)
        Transposed-convolution kernel in ONNX order, stride 2, padding (1, 2): 'same'.

    Returns
    -------
    ndarray of float32, shape (b², I, b/2 + 2, b/2 + 2)
        Kernel of a convolution with stride b/2 and padding 1 on every side. Output channel
        ``py * b + px`` holds the pixels at rows ≡ py and columns ≡ px (mod b).
    """
    taps = [_transposed_taps(phase) for phase in range(BLOCK)]
    edge = BLOCK // 2 + 2
    dense = np.zeros((BLOCK * BLOCK, kernel.shape[0], edge, edge), np.float32)
    for row, row_taps in enumerate(taps):
        for column, column_taps in enumerate(taps):
            for y, kernel_y in row_taps:
                for x, kernel_x in column_taps:
                    dense[row * BLOCK + column, :, y + 1, x + 1] = kernel[:, 0, kernel_y, kernel_x]
    return dense


def _transposed_taps(phase: int) -> list[tuple[int, int]]:
    # Output o of a stride-2 transposed convolution with padding 1 takes input i through the
    # kernel's tap k where o = 2 i + k - 1. Offsets i run from -1 to b/2.
    return [((phase + 1 - k) // 2, k) for k in range(5) if (phase + 1 - k) % 2 == 0]


def dilated_to_phases(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn the dilated output convolution into one that reads and writes b² phases.

    Parameters
    ----------
    kernel : ndarray of float32, shape (O, 1, 4, 4)
        Kernel in ONNX order, dilation 2, padding 3 on every side: 'same'.

    Returns
    -------
    ndarray of float32, shape (O · b², b², 3, 3)
        Kernel of a plain convolution with padding 1. Output channel ``o * b² + py * b + px``, the
        order that ONNX's DepthToSpace calls CRD.
    """
    outputs = kernel.shape[0]
    dense = np.zeros((outputs, BLOCK, BLOCK, BLOCK, BLOCK, 3, 3), np.float32)
    for row in range(BLOCK):
        for column in range(BLOCK):
            for tap_y in range(4):
                for tap_x in range(4):
                    # Divmod gives the neighbouring block (-1, 0 or 1) and the phase within it.
                    block_y, phase_y = divmod(row + 2 * tap_y - 3, BLOCK)
                    block_x, phase_x = divmod(column + 2 * tap_x - 3, BLOCK)
                    dense[:, row, column, phase_y, phase_x, block_y + 1, block_x + 1] = kernel[
                        :, 0, tap_y, tap_x
                    ]
    # (O, b, b, b, b, 3, 3) -> (O b², b², 3, 3)
    return dense.reshape(outputs * BLOCK * BLOCK, BLOCK * BLOCK, 3, 3)
