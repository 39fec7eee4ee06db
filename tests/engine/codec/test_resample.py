import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemhouse.engine.codec import Resampler, resampled_length
from stemhouse.errors import InvalidOption, UnsupportedAudio

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])


def run(samples, from_rate, to_rate, sizes=()):
    resampler = Resampler(samples.shape[0], from_rate, to_rate)
    parts, at = [], 0
    for size in sizes:
        parts.append(resampler.process(samples[:, at : at + size]))
        at = min(at + size, samples.shape[1])
    parts.append(resampler.process(samples[:, at:], last=True))
    return np.concatenate(parts, axis=1)


@settings(max_examples=60)
@given(
    length=st.integers(0, 20_000),
    from_rate=st.integers(8_000, 192_000) | RATES,
    to_rate=st.integers(8_000, 192_000) | RATES,
    sizes=st.lists(st.integers(0, 9_000), max_size=6),
)
def test_the_length_is_exact_whatever_the_blocks(length, from_rate, to_rate, sizes):
    samples = np.zeros((1, length), np.float32)

    assert run(samples, from_rate, to_rate, sizes).shape == (
        1,
        (2 * length * to_rate + from_rate) // (2 * from_rate),
    )


@settings(max_examples=30)
@given(
    from_rate=RATES,
    to_rate=RATES,
    sizes=st.lists(st.integers(0, 5_000), max_size=6),
    seed=st.integers(0, 99),
)
def test_the_blocks_do_not_change_the_samples(from_rate, to_rate, sizes, seed):
    noise = np.random.default_rng(seed).uniform(-1, 1, (2, 12_000)).astype(np.float32)

    whole = run(noise, from_rate, to_rate)

    np.testing.assert_allclose(run(noise, from_rate, to_rate, sizes), whole, atol=1e-6)


@settings(max_examples=100)
@given(length=st.integers(0, 10**12), low=RATES, high=RATES)
def test_up_and_back_down_is_the_original_length(length, low, high):
    low, high = min(low, high), max(low, high)

    assert resampled_length(resampled_length(length, low, high), high, low) == length


def test_a_sine_keeps_its_place_and_size():
    time = np.arange(44_100) / 44_100
    sine = np.sin(2 * np.pi * 997 * time).astype(np.float32)[None]

    up = run(sine, 44_100, 48_000)
    expected = np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000)

    # The edges ring, as the sine begins and ends suddenly there.
    np.testing.assert_allclose(up[0, 2_000:-2_000], expected[2_000:-2_000], atol=2e-6)


def test_there_and_back_is_the_same_sound(song):
    back = run(run(song, 44_100, 96_000), 96_000, 44_100)

    assert back.shape == song.shape
    assert np.abs(back - song)[:, 500:-500].max() < 3e-3


def test_equal_rates_change_nothing(song):
    assert Resampler(2, 44_100, 44_100).process(song) is song


def test_the_input_is_not_modified(song):
    before = song.copy()

    run(song, 44_100, 48_000, [1_000, 1, 0])

    np.testing.assert_array_equal(song, before)


def test_another_shape_is_refused(song):
    with pytest.raises(InvalidOption):
        Resampler(1, 44_100, 48_000).process(song)


def test_nothing_may_follow_the_last_block(song):
    resampler = Resampler(2, 44_100, 48_000)
    resampler.process(song, last=True)

    with pytest.raises(InvalidOption, match="ended"):
        resampler.process(song)


def test_absurd_rates_are_refused():
    with pytest.raises(UnsupportedAudio):
        Resampler(2, 44_100, 1)
