from __future__ import annotations

import numpy as np
import pytest

from stemhouse.engine.wiener import wiener_filter


def stereo(seed: int, pan: float, loudness: np.ndarray) -> np.ndarray:
    # A sound from one direction, in (2, N, B).
    random = np.random.default_rng(seed)
    shape = loudness.shape
    sound = (random.standard_normal(shape) + 1j * random.standard_normal(shape)) * loudness
    return np.array([np.cos(pan) * sound, np.sin(pan) * sound]).astype(np.complex64)


def reference(mix: np.ndarray, stems: list[np.ndarray]) -> list[np.ndarray]:
    # One round in matrices, frame by frame and bin by bin, in float64.
    mix = mix.astype(np.complex128)
    stems = [stem.astype(np.complex128) for stem in stems]
    powers = [np.mean(np.abs(stem) ** 2, axis=0) for stem in stems]
    spaces = [
        np.einsum("anb,cnb->bac", stem, stem.conj()) / power.sum(axis=0)[:, None, None]
        for stem, power in zip(stems, powers, strict=True)
    ]
    covariance = sum(
        power[:, :, None, None] * space for power, space in zip(powers, spaces, strict=True)
    )
    whitened = np.linalg.solve(covariance, mix.transpose(1, 2, 0)[..., None])
    return [
        (power[:, :, None, None] * space @ whitened)[..., 0].transpose(2, 0, 1)
        for power, space in zip(powers, spaces, strict=True)
    ]


@pytest.fixture
def loudness() -> list[np.ndarray]:
    random = np.random.default_rng(4)
    return [random.uniform(0.2, 3.0, (40, 12)) for _ in range(3)]


@pytest.fixture
def estimates(loudness: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    mix = sum(stereo(i, 0.2 + 0.5 * i, loud) for i, loud in enumerate(loudness))
    shares = [loud**2 / sum(one**2 for one in loudness) for loud in loudness]
    return mix, [(mix * share).astype(np.complex64) for share in shares]


def test_one_round_is_the_textbooks_matrix_formula(estimates):
    mix, stems = estimates

    refined = wiener_filter(mix, stems, 1)

    # The floor that keeps matrices invertible is 1e-5 of them; some are a hundred times as flat.
    for actual, expected in zip(refined, reference(mix, stems), strict=True):
        assert np.abs(actual - expected).max() < 5e-3 * np.abs(mix).max()


@pytest.mark.parametrize("rounds", [1, 2])
def test_refined_stems_add_up_to_the_mix(estimates, rounds: int):
    mix, stems = estimates

    refined = wiener_filter(mix, stems, rounds)

    # As far as that floor allows.
    assert np.abs(sum(refined) - mix).max() < 5e-3 * np.abs(mix).max()


def test_sounds_from_different_sides_come_apart_better(loudness):
    # Two sounds that are loud at the same time: only where they sit tells them apart.
    true = [stereo(0, 0.1, loudness[0]), stereo(1, 1.4, loudness[1])]
    mix = true[0] + true[1]
    tilt = np.array([[[0.8]], [[0.2]]], np.float32)
    stems = [mix * tilt, mix * (1 - tilt)]

    refined = wiener_filter(mix, stems, 1)

    for given_stem, better, wanted in zip(stems, refined, true, strict=True):
        assert np.linalg.norm(better - wanted) < 0.8 * np.linalg.norm(given_stem - wanted)


def test_mono_has_no_sides_and_comes_back_as_given():
    mix = np.ones((1, 5, 6), np.complex64)
    stems = [mix * np.float32(0.25), mix * np.float32(0.75)]

    refined = wiener_filter(mix, stems, 2)

    assert all(map(np.array_equal, refined, stems))


def test_silence_stays_silent_and_finite():
    silence = np.zeros((2, 5, 6), np.complex64)

    refined = wiener_filter(silence, [silence, silence], 1)

    assert all(np.array_equal(stem, silence) for stem in refined)


def test_channels_that_are_alike_stay_finite():
    sound = stereo(0, np.pi / 4, np.ones((40, 12)))

    refined = wiener_filter(sound, [sound * np.float32(0.3), sound * np.float32(0.7)], 1)

    assert all(np.isfinite(stem).all() for stem in refined)
    # The determinant is 2e-5 of its terms there, each of which rounds to 6e-8: 3e-3.
    assert np.abs(sum(refined) - sound).max() < 1e-2 * np.abs(sound).max()


def test_left_and_right_may_change_places(estimates):
    mix, stems = estimates

    straight = wiener_filter(mix, stems, 1)
    swapped = wiener_filter(mix[::-1], [stem[::-1] for stem in stems], 1)

    for one, other in zip(straight, swapped, strict=True):
        np.testing.assert_allclose(one, other[::-1], atol=1e-3)


def test_estimates_and_mix_stay_as_they_are(estimates):
    mix, stems = estimates
    before = mix.copy(), [stem.copy() for stem in stems]

    wiener_filter(mix, stems, 1)

    assert np.array_equal(mix, before[0])
    assert all(map(np.array_equal, stems, before[1]))
