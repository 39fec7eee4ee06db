# What is heard is what was separated: bit for bit, on one clock.

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.listening import Wish, left_out, longest_match, opened, recorded, rendered
from tests.browser.stored_songs import SongServer, Stems, noise, song_server, store

RATE = 44_100


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SongServer]:
    with song_server(tmp_path_factory.mktemp("songs")) as server:
        yield server


@pytest.fixture(scope="module")
def stems(songs: SongServer) -> Stems:
    stems = noise(4, seconds=5.3, rate=RATE)
    store(songs.folder / "four", stems, rate=RATE)
    return stems


@pytest.fixture
def listener(browser: Browser, songs: SongServer) -> Iterator[Page]:
    context = browser.new_context(base_url=songs.url)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def wish(seconds: float = 3.0, **more: object) -> Wish:
    return Wish(src="/four/manifest.json", rate=RATE, seconds=seconds, **more)  # type: ignore[arg-type]


def mixed(stems: Stems) -> np.ndarray:
    return np.sum(list(stems.values()), axis=0, dtype=np.float32)


def assert_same(heard: np.ndarray, expected: np.ndarray, rate: int = RATE) -> None:
    heard, expected = opened(heard, rate), opened(expected, rate)
    count = min(heard.shape[1], expected.shape[1])
    assert count > rate
    assert np.array_equal(heard[:, :count], expected[:, :count])
    assert not heard[:, count:].any()


def test_all_stems_together_are_the_mix_with_no_seam_at_a_join(
    listener: Page, stems: Stems
) -> None:
    heard = rendered(listener, wish(seconds=5.6))

    assert_same(heard, mixed(stems))


@pytest.mark.parametrize("stem", [0, 3])
def test_solo_leaves_that_stem_alone(listener: Page, stems: Stems, stem: int) -> None:
    settings: list[dict[str, object]] = [{} for _ in stems]
    settings[stem] = {"soloed": True}

    heard = rendered(listener, wish(settings=settings))

    assert_same(heard, list(stems.values())[stem][:, : 3 * RATE])


def test_mute_takes_a_stem_away_and_wins_over_its_solo(listener: Page, stems: Stems) -> None:
    settings = [{"muted": True, "soloed": True}, {"soloed": True}, {"soloed": True}, {}]

    heard = rendered(listener, wish(settings=settings))

    second, third = list(stems.values())[1:3]
    assert_same(heard, (second + third)[:, : 3 * RATE])


def test_volume_and_pan_are_what_they_say(listener: Page, stems: Stems) -> None:
    settings = [{"gain_db": -6.0}, {"pan": 1.0}, {"gain_db": -60.0}, {"muted": True}]

    heard = rendered(listener, wish(settings=settings))

    first, second = list(stems.values())[:2]
    expected = first * 10 ** (-6 / 20)
    expected[1] += second.sum(axis=0)
    # Gains are float32: a difference in the last of their 24 bits.
    assert np.allclose(
        opened(heard, RATE), opened(expected, RATE)[:, : opened(heard, RATE).shape[1]], atol=1e-6
    )


@pytest.mark.parametrize("start_s", [0.5, 2.0, 3.3])
def test_seeking_lands_on_the_sample(listener: Page, stems: Stems, start_s: float) -> None:
    heard = rendered(listener, wish(seconds=2.5, start_s=start_s))

    assert_same(heard, mixed(stems)[:, round(start_s * RATE) : round((start_s + 2.5) * RATE)])


def test_a_loop_comes_round_without_a_lost_or_added_sample(listener: Page, stems: Stems) -> None:
    start_s, end_s = 0.7, 2.45
    heard = rendered(
        listener, wish(seconds=6.0, start_s=start_s, loop={"start_s": start_s, "end_s": end_s})
    )

    turn = mixed(stems)[:, round(start_s * RATE) : round(end_s * RATE)]
    assert_same(heard, np.tile(turn, 4)[:, : 6 * RATE])


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (22_050, 2), (96_000, 2)])
def test_other_rates_and_mono_are_played_as_they_are(
    listener: Page, songs: SongServer, rate: int, channels: int
) -> None:
    stems = noise(2, seconds=2.4, rate=rate, channels=channels)
    folder = f"{rate}-{channels}"
    store(songs.folder / folder, stems, rate=rate, segment_s=0.5)

    heard = rendered(listener, Wish(src=f"/{folder}/manifest.json", rate=rate, seconds=2.6))

    expected = mixed(stems)
    assert_same(heard, expected if channels == 2 else np.tile(expected, (2, 1)), rate)


def test_what_was_louder_than_full_scale_is_as_loud_again(
    listener: Page, songs: SongServer
) -> None:
    stems = {name: samples * 16 for name, samples in noise(1, seconds=2.3, rate=RATE).items()}
    store(songs.folder / "loud", stems, rate=RATE)

    heard = rendered(listener, Wish(src="/loud/manifest.json", rate=RATE, seconds=2.4))

    assert np.abs(heard).max() > 1.9
    assert_same(heard, mixed(stems))


def test_a_loudspeaker_of_another_rate_has_no_seams_either(listener: Page, stems: Stems) -> None:
    heard = rendered(listener, Wish(src="/four/manifest.json", rate=48_000, seconds=5.0))

    # As one buffer of the whole song would be converted: on the line between two samples.
    song = mixed(stems).astype(np.float64)
    at = np.arange(heard.shape[1]) * RATE / 48_000
    whole = at.astype(int)
    part = at - whole
    expected = song[:, whole] * (1 - part) + song[:, whole + 1] * part
    assert np.abs(opened(heard, 48_000) - opened(expected, 48_000)).max() < 1e-6


def test_the_loudspeaker_gets_the_mix_while_solo_and_seeks_come_and_go(
    listener: Page, songs: SongServer, stems: Stems
) -> None:
    listener.evaluate(
        """async () => {
          await import('/player.js');
          const element = document.createElement('stem-player');
          element.src = '/four/manifest.json';
          document.body.append(element);
          await element.updateComplete;
          while (!element.player.manifest) await new Promise(go => setTimeout(go, 20));
          element.player.play();
        }"""
    )

    heard = recorded(
        listener,
        """
        player.seek(1.25); await hear(1);
        player.mixer.change(1, {soloed: true}); await hear(0.6);
        player.seek(3.5); await hear(0.9);
        """,
    )

    whole, second = mixed(stems), list(stems.values())[1]
    sought = second[:, round(3.5 * RATE) + 400 :]
    silent = left_out(heard)
    assert longest_match(heard, whole, without=silent) > 0.6 * RATE
    assert longest_match(heard, second, without=silent) > 0.3 * RATE
    assert longest_match(heard, sought, anywhere=False, without=silent) > 0.5 * RATE
