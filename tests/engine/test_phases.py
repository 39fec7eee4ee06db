from __future__ import annotations

import numpy as np
import pytest

from stemhouse.engine.phases import BLOCK, dilated_to_phases, transposed_to_phases

# Float32 kernels against float64 sums of at most 400 products.
ROUNDING = 1e-5


def convolve(source: np.ndarray, kernel: np.ndarray, stride: int, padding: int) -> np.ndarray:
    # (I, H, W) with (O, I, K, K), tap by tap
    size = kernel.shape[2]
    padded = np.pad(source, ((0, 0), (padding, padding), (padding, padding)))
    rows = (padded.shape[1] - size) // stride + 1
    columns = (padded.shape[2] - size) // stride + 1
    output = np.zeros((kernel.shape[0], rows, columns))
    for y in range(size):
        for x in range(size):
            seen = padded[:, y : y + stride * rows : stride, x : x + stride * columns : stride]
            output += np.einsum("ihw,oi->ohw", seen, kernel[:, :, y, x])
    return output


def unfold(phases: np.ndarray) -> np.ndarray:
    # (O b², H, W) -> (O, H b, W b)
    outputs, rows, columns = phases.shape[0] // BLOCK**2, *phases.shape[1:]
    blocks = phases.reshape(outputs, BLOCK, BLOCK, rows, columns)
    return blocks.transpose(0, 3, 1, 4, 2).reshape(outputs, rows * BLOCK, columns * BLOCK)


def fold(plane: np.ndarray) -> np.ndarray:
    # (H b, W b) -> (b², H, W)
    rows, columns = (edge // BLOCK for edge in plane.shape)
    blocks = plane.reshape(rows, BLOCK, columns, BLOCK)
    return blocks.transpose(1, 3, 0, 2).reshape(BLOCK**2, rows, columns)


@pytest.mark.parametrize("channels", [1, 3, 32])
def test_phases_of_a_transposed_convolution_are_its_pixels(channels: int):
    random = np.random.default_rng(channels)
    kernel = random.standard_normal((channels, 1, 5, 5)).astype(np.float32)
    source = random.standard_normal((channels, 12, 10))
    # Every input pixel adds the kernel, scaled, to 5 × 5 outputs; 'same' drops one row and column
    # before and two behind.
    full = np.zeros((2 * 12 + 3, 2 * 10 + 3))
    for row in range(12):
        for column in range(10):
            share = np.tensordot(source[:, row, column], kernel[:, 0], axes=1)
            full[2 * row : 2 * row + 5, 2 * column : 2 * column + 5] += share
    expected = full[1:-2, 1:-2]

    phases = convolve(source, transposed_to_phases(kernel), stride=BLOCK // 2, padding=1)

    assert np.abs(unfold(phases)[0] - expected).max() < ROUNDING


@pytest.mark.parametrize("outputs", [1, 2])
def test_phases_of_a_dilated_convolution_are_its_pixels(outputs: int):
    random = np.random.default_rng(outputs)
    kernel = random.standard_normal((outputs, 1, 4, 4)).astype(np.float32)
    plane = random.standard_normal((16, 24))
    padded = np.pad(plane, 3)
    expected = np.zeros((outputs, 16, 24))
    for y in range(4):
        for x in range(4):
            seen = padded[2 * y : 2 * y + 16, 2 * x : 2 * x + 24]
            expected += kernel[:, 0, y, x, None, None] * seen

    phases = convolve(fold(plane), dilated_to_phases(kernel), stride=1, padding=1)

    assert np.abs(unfold(phases) - expected).max() < ROUNDING
