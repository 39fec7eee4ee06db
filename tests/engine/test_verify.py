from __future__ import annotations

import math

import numpy as np
import pytest

from stemhouse import Audio, Options
from stemhouse.engine.verify import SILENT_DB, ResultMeter
from stemhouse.errors import SeparationFailed


def noise(length: int = 10_000, level: float = 0.1) -> np.ndarray:
    return (np.random.default_rng(2).standard_normal((2, length)) * level).astype(np.float32)


def meter(mix: np.ndarray, **tracks: np.ndarray) -> ResultMeter:
    measured = ResultMeter(list(tracks))
    for start in range(0, mix.shape[1], 3_000):
        part = slice(start, start + 3_000)
        measured.add(mix[:, part], {name: track[:, part] for name, track in tracks.items()})
    return measured


def codes(notices: tuple) -> list[str]:
    return [notice.code for notice in notices]


def test_a_song_that_came_apart_counts_without_a_word():
    mix = noise()

    notices = meter(mix, vocals=mix * 0.7, drums=mix * 0.3).judge(10_000, complete=True)

    assert notices == ()


def test_peak_and_level_are_those_of_the_whole_track():
    mix = noise()
    track = mix * np.float32(0.1)
    track[1, 7_000] = -0.9

    measured = meter(mix, vocals=track)

    assert measured.peak("vocals") == pytest.approx(0.9)
    expected = 10 * math.log10(np.sum(track.astype(float) ** 2) / np.sum(mix.astype(float) ** 2))
    assert measured.level_db("vocals") == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_a_failure_at_once(value: float):
    mix = noise()
    track = mix.copy()
    track[0, 8_000] = value

    with pytest.raises(SeparationFailed, match="not numbers"):
        meter(mix, vocals=track)


def test_a_track_of_another_length_is_a_failure():
    mix = noise()

    with pytest.raises(SeparationFailed, match="not 10001"):
        meter(mix, vocals=mix * 0.5).judge(10_001, complete=False)


def test_several_copies_of_the_song_are_a_failure():
    mix = noise()
    nearly = mix * np.float32(1.0005)

    with pytest.raises(SeparationFailed, match="vocals and drums came out as copies") as failure:
        meter(mix, vocals=mix, drums=nearly, bass=mix * 0.2).judge(10_000, complete=True)

    assert failure.value.details["tracks"] == ["vocals", "drums"]


def test_a_song_that_is_all_one_stem_is_none_of_the_others_and_says_so():
    mix = noise()

    notices = meter(mix, vocals=mix, drums=mix * 0.001).judge(10_000, complete=True)

    assert codes(notices) == ["stem_silent"]
    assert notices[0].details["stem"] == "drums"
    assert notices[0].details["level_db"] == pytest.approx(-60, abs=0.1)


@pytest.mark.parametrize(("above_db", "silent"), [(-1.0, True), (1.0, False)])
def test_a_stem_far_below_the_song_is_silent(above_db: float, silent: bool):
    mix = noise()

    measured = meter(mix, vocals=mix * np.float32(10 ** ((SILENT_DB + above_db) / 20)), drums=mix)

    assert measured.silent("vocals") is silent


def test_digital_silence_in_a_stem_has_no_level():
    mix = noise()

    (notice,) = meter(mix, vocals=np.zeros_like(mix), drums=mix).judge(10_000, complete=True)

    assert notice.details == {"stem": "vocals", "level_db": None}
    assert "silent" in notice.message


def test_silence_that_stays_silent_counts_and_is_said():
    silence = np.zeros((2, 10_000), np.float32)

    notices = meter(silence, vocals=silence, drums=silence).judge(10_000, complete=True)

    assert codes(notices) == ["silent_input"]


def test_a_song_of_which_no_part_sounds_is_said_to_lie_above_the_band():
    mix = noise()
    silence = np.zeros_like(mix)

    notices = meter(mix, vocals=silence, drums=silence).judge(10_000, complete=True)

    assert codes(notices) == ["nothing_in_band"]


def test_a_song_without_the_parts_that_were_asked_for_has_other_parts():
    mix = noise()
    silence = np.zeros_like(mix)

    notices = meter(mix, vocals=silence, drums=silence).judge(10_000, complete=False)

    assert codes(notices) == ["stem_silent", "stem_silent"]


@pytest.mark.parametrize("quality", ["fast", "standard", "best"])
def test_a_network_that_gives_no_numbers_fails_the_separation(quality, stream_through, song):
    def broken(magnitude: np.ndarray) -> list[np.ndarray]:
        return [np.full_like(magnitude, np.nan), np.ones_like(magnitude)]

    with (
        stream_through(broken, song(20_000), Options(quality=quality)) as stream,
        pytest.raises(SeparationFailed, match="not numbers"),
    ):
        list(stream)


def test_a_network_that_keeps_everything_in_one_stem_is_said_to_find_no_other(stream_through, song):
    def lazy(magnitude: np.ndarray) -> list[np.ndarray]:
        return [np.ones_like(magnitude), np.zeros_like(magnitude)]

    with stream_through(lazy, song(20_000)) as stream:
        list(stream)

    assert codes(stream.result.notices) == ["stem_silent"]
    assert stream.result["accompaniment"].silent


def test_a_song_above_the_band_of_fast_is_said_to_need_another_quality(stream_through):
    time = np.arange(44_100) / 44_100
    fade = np.hanning(44_100)
    whistle = np.tile(0.3 * fade * np.sin(2 * np.pi * 15_000 * time), (2, 1)).astype(np.float32)

    def even(magnitude: np.ndarray) -> list[np.ndarray]:
        return [np.ones_like(magnitude)] * 2

    with stream_through(even, Audio(whistle, 44_100), Options(quality="fast")) as stream:
        list(stream)

    (notice,) = stream.result.notices
    assert notice.code == "nothing_in_band"
    assert "standard" in notice.message
