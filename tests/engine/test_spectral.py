from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemhouse.engine.spectral import Stft

STFT = Stft(4096, 1024)
SMALL = Stft(32, 8)

# Sums of 4,096 float32 products: each of the 12 stages of the transform rounds to 6e-8 of the
# largest value.
FORWARD = 2e-6
# Window, transform, inverse and window again round to float32, full scale 1.
IDENTITY = 1e-6


def noise(channels: int, length: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (channels, length)).astype(np.float32)


def hann(length: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def framed(stft: Stft, song: np.ndarray) -> tuple[np.ndarray, int]:
    # The song between zeros, as long as its frames look at.
    frames = stft.frames(song.shape[1])
    behind = stft.samples(frames) - stft.lead_samples - song.shape[1]
    return np.pad(song, ((0, 0), (stft.lead_samples, behind))), frames


def test_the_transform_is_that_of_every_windowed_frame_by_itself():
    samples = noise(2, STFT.samples(70))
    expected = np.array(
        [
            [
                np.fft.rfft(row[n * 1024 : n * 1024 + 4096].astype(np.float64) * hann(4096))
                for n in range(70)
            ]
            for row in samples
        ]
    )

    spectrum = STFT.forward(samples)

    assert spectrum.shape == (2, 70, 2049)
    assert spectrum.dtype == np.complex64
    assert np.abs(spectrum - expected).max() < FORWARD * np.abs(expected).max()


@pytest.mark.parametrize("bins", [1, 1024, 2048, 2049])
def test_fewer_bins_are_the_lowest_of_all(bins: int):
    samples = noise(1, STFT.samples(5))

    kept = STFT.forward(samples, bins)

    assert np.array_equal(kept, STFT.forward(samples)[:, :, :bins])


def test_the_inverse_is_every_frames_inverse_windowed_and_added():
    spectrum = STFT.forward(noise(1, STFT.samples(9)))
    expected = np.zeros(STFT.samples(9))
    for n in range(9):
        expected[n * 1024 : n * 1024 + 4096] += np.fft.irfft(spectrum[0, n]) * hann(4096) * 2 / 3

    samples = STFT.inverse(spectrum.copy())

    assert samples.dtype == np.float32
    assert np.abs(samples[0] - expected).max() < IDENTITY


def test_bins_that_are_missing_at_the_top_count_as_zero():
    spectrum = STFT.forward(noise(1, STFT.samples(4)))
    cut = spectrum.copy()
    cut[:, :, 1024:] = 0

    samples = STFT.inverse(spectrum[:, :, :1024].copy())

    assert np.abs(samples - STFT.inverse(cut)).max() < IDENTITY


@pytest.mark.parametrize("length", [1, 1023, 1024, 1025, 4095, 4096, 4097, 100_000])
def test_transform_and_inverse_give_the_song_back_at_its_edges_as_well(length: int):
    song = noise(2, length)
    padded, _ = framed(STFT, song)

    back = STFT.inverse(STFT.forward(padded))

    assert np.abs(back[:, 4096 : 4096 + length] - song).max() < IDENTITY


@given(length=st.integers(1, 400), channels=st.integers(1, 2), stretch=st.integers(1, 60))
def test_stretches_of_frames_add_up_to_the_song(length: int, channels: int, stretch: int):
    song = noise(channels, length, seed=length)
    padded, frames = framed(SMALL, song)
    spectrum = SMALL.forward(padded)
    output = np.zeros_like(padded)

    for first in range(0, frames, stretch):
        SMALL.add_inverse(spectrum[:, first : first + stretch].copy(), output, first)

    back = output[:, SMALL.lead_samples : SMALL.lead_samples + length]
    assert np.abs(back - song).max() < IDENTITY


@given(length=st.integers(1, 10**9))
def test_there_are_as_many_frames_as_cover_the_last_sample(length: int):
    frames = STFT.frames(length)

    end = length + STFT.lead_samples
    assert (frames - 1) * STFT.step < end <= frames * STFT.step


def test_no_frames_look_at_no_samples():
    assert STFT.samples(0) == 0
    assert STFT.samples(1) == 4096


def test_the_samples_that_are_transformed_stay_as_they_are():
    samples = noise(2, STFT.samples(3))
    before = samples.copy()

    STFT.forward(samples)

    assert np.array_equal(samples, before)
