from __future__ import annotations

import numpy as np
import pytest

from stemhouse.engine.masks import EDGE_BINS, EPSILON, apply_mask, ratio_masks

# A few roundings of float32 numbers near 1.
ROUNDING = 1e-6


def gains(stems: int, shape: tuple[int, ...] = (2, 20, 64)) -> list[np.ndarray]:
    random = np.random.default_rng(stems)
    return [random.uniform(0, 1, shape).astype(np.float32) for _ in range(stems)]


def magnitude(shape: tuple[int, ...] = (2, 20, 64)) -> np.ndarray:
    return np.random.default_rng(9).uniform(0, 30, shape).astype(np.float32)


@pytest.mark.parametrize("stems", [2, 4, 5])
@pytest.mark.parametrize("exponent", [1.0, 1.3, 2.0])
def test_masks_are_the_estimates_powers_over_their_sum(stems: int, exponent: float):
    shares, mix = gains(stems), magnitude()
    powers = [(share.astype(np.float64) * mix) ** exponent for share in shares]
    total = sum(powers) + float(EPSILON)

    masks = ratio_masks(shares, mix, exponent)

    for mask, power in zip(masks, powers, strict=True):
        expected = (power + float(EPSILON) / stems) / total
        np.testing.assert_allclose(mask, expected, atol=ROUNDING)


@pytest.mark.parametrize("stems", [2, 4, 5])
@pytest.mark.parametrize("level", [0.0, 1e-12, 1e-6, 1.0, 1e4])
def test_masks_add_up_to_one_however_quiet_or_loud_the_mix_is(stems: int, level: float):
    masks = ratio_masks(gains(stems), magnitude() * np.float32(level), 2.0)

    np.testing.assert_allclose(sum(masks), 1.0, atol=ROUNDING)


def test_silence_is_shared_equally():
    masks = ratio_masks(gains(4), np.zeros((2, 20, 64), np.float32), 2.0)

    for mask in masks:
        np.testing.assert_allclose(mask, 0.25, atol=ROUNDING)


def test_gains_and_mix_stay_as_they_are():
    shares, mix = gains(2), magnitude()
    before = [share.copy() for share in shares], mix.copy()

    ratio_masks(shares, mix, 2.0)

    assert all(map(np.array_equal, shares, before[0]))
    assert np.array_equal(mix, before[1])


def test_one_magnitude_serves_the_gains_of_two_channels():
    shares, mix = gains(2), magnitude((1, 20, 64))

    masks = ratio_masks(shares, mix, 2.0)

    assert masks[0].shape == (2, 20, 64)
    both = ratio_masks(shares, np.repeat(mix, 2, axis=0), 2.0)
    assert np.array_equal(masks[0], both[0])


def test_a_mask_weighs_every_bin_and_those_above_it_as_its_edge():
    spectrum = (magnitude((2, 20, 165)) * np.exp(1j)).astype(np.complex64)
    before, mask = spectrum.copy(), gains(1, (2, 20, 100))[0]

    masked = apply_mask(spectrum, mask)

    np.testing.assert_allclose(masked[:, :, :100], before[:, :, :100] * mask, rtol=ROUNDING)
    edge = mask[:, :, 100 - EDGE_BINS :].mean(axis=2, keepdims=True)
    np.testing.assert_allclose(masked[:, :, 100:], before[:, :, 100:] * edge, rtol=ROUNDING)
    assert np.array_equal(spectrum, before)


def test_a_mask_as_high_as_the_spectrum_leaves_nothing_to_its_neighbour():
    spectrum = magnitude().astype(np.complex64)

    masked = apply_mask(spectrum, np.ones((2, 20, 64), np.float32))

    assert np.array_equal(masked, spectrum)
