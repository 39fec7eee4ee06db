from __future__ import annotations

import numpy as np
import pytest

from stemhouse import Audio
from stemhouse.errors import EmptyAudio, InvalidOption, UnsupportedAudio


def test_audio_knows_its_shape_and_length():
    audio = Audio(np.zeros((2, 22_050), np.float32), sample_rate=44_100)

    assert (audio.channels, audio.length_samples, audio.duration_s) == (2, 22_050, 0.5)


def test_audio_keeps_the_callers_array_and_values_beyond_full_scale():
    samples = np.full((1, 10), 3.5, np.float32)

    audio = Audio(samples, sample_rate=8_000)

    assert audio.samples is samples


def test_audio_is_frozen():
    audio = Audio(np.zeros((1, 10), np.float32), sample_rate=8_000)

    with pytest.raises(AttributeError):
        audio.sample_rate = 16_000


def test_audio_may_be_empty_but_a_song_may_not():
    audio = Audio(np.zeros((2, 0), np.float32), sample_rate=44_100)

    with pytest.raises(EmptyAudio, match="no samples"):
        audio.require_samples()


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param([[0.0, 0.0]], id="a list"),
        pytest.param(np.zeros((2, 10)), id="float64"),
        pytest.param(np.zeros((2, 10), np.int16), id="integers"),
    ],
)
def test_samples_of_another_type_are_refused(samples: object):
    with pytest.raises(UnsupportedAudio, match="float32"):
        Audio(samples, sample_rate=44_100)


def test_samples_without_a_channel_axis_are_refused():
    with pytest.raises(UnsupportedAudio, match=r"mono is \(1, T\)"):
        Audio(np.zeros(10, np.float32), sample_rate=44_100)


def test_samples_the_wrong_way_round_are_refused_with_the_way_out():
    with pytest.raises(UnsupportedAudio, match="transpose"):
        Audio(np.zeros((44_100, 2), np.float32), sample_rate=44_100)


def test_no_channels_are_refused():
    with pytest.raises(UnsupportedAudio, match="0 channels"):
        Audio(np.zeros((0, 100), np.float32), sample_rate=44_100)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_refused(value: float):
    samples = np.zeros((2, 1_000), np.float32)
    samples[1, 500] = value

    with pytest.raises(UnsupportedAudio, match="NaN or infinity"):
        Audio(samples, sample_rate=44_100)


@pytest.mark.parametrize("sample_rate", [0, -44_100, 7_999, 192_001, 10**9])
def test_absurd_rates_are_refused(sample_rate: int):
    with pytest.raises(UnsupportedAudio, match="8000 to 192000"):
        Audio(np.zeros((2, 10), np.float32), sample_rate=sample_rate)


@pytest.mark.parametrize("sample_rate", [44_100.0, "44100", None, True])
def test_rates_that_are_no_integers_are_refused(sample_rate: object):
    with pytest.raises(InvalidOption, match="integer in Hz"):
        Audio(np.zeros((2, 10), np.float32), sample_rate=sample_rate)
