# The player in front of people: keys, fingers, downloads, on our pages and on those of others.

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.conftest import JSON, ONE_SIZE, Look, faults_of
from tests.browser.stored_songs import song_server
from tests.service.serving import Served


@pytest.fixture
def expected_errors() -> list[str]:
    # The icon that a bare document has not.
    return [r"status of 404 \(Not Found\)"]


@pytest.fixture
def player(page: Page, job: JSON) -> Locator:
    return shown(page, job["manifest_url"], keys="page")


def shown(page: Page, src: str, *, ready: bool = True, **attributes: str) -> Locator:
    # A document without scripts of its own.
    page.goto("/healthz")
    page.evaluate(
        """async ([src, attributes]) => {
          document.documentElement.lang = 'en';
          document.title = 'A song';
          await import('/player.js');
          const element = document.createElement('stem-player');
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
          element.src = src;
          const main = document.createElement('main');
          const heading = document.createElement('h1');
          heading.textContent = 'A song';
          main.append(heading, element);
          document.body.replaceChildren(main);
        }""",
        [src, attributes],
    )
    if ready:
        expect(page.locator("stem-player .go")).to_be_enabled()
    return page.locator("stem-player")


def fact(player: Locator, expression: str) -> Any:
    return player.evaluate(
        f"element => {{ const {{ player }} = element; const {{ mixer }} = player;"
        f"return {expression}; }}"
    )


def test_it_shows_a_row_for_every_stem_of_the_song(player: Locator, look: Look) -> None:
    names = player.locator(".row .name").all_text_contents()

    assert [name.strip() for name in names] == ["vocals", "accompaniment"]
    for row in player.locator(".row").all():
        wait_until_drawn(row.locator("canvas"))
    player.locator(".go").click()
    player.page.wait_for_timeout(600)
    look(player.page, "player")


def wait_until_drawn(canvas: Locator) -> None:
    canvas.page.wait_for_function(
        """canvas => {
          const { width, height } = canvas;
          const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
          return data.some((value, at) => at % 4 === 3 && value > 150);
        }""",
        arg=canvas.element_handle(),
    )


def test_everything_can_be_done_with_keys(player: Locator) -> None:
    keyboard = player.page.keyboard

    keyboard.press(" ")
    assert fact(player, "player.state.value.transport") == "playing"
    keyboard.press("k")
    assert fact(player, "player.state.value.transport") == "paused"
    keyboard.press("Home")
    assert fact(player, "player.position_s") == 0
    keyboard.press("ArrowRight")
    keyboard.press("Shift+ArrowRight")
    assert fact(player, "player.position_s") == pytest.approx(6)
    keyboard.press("ArrowLeft")
    assert fact(player, "player.position_s") == pytest.approx(1)
    keyboard.press("2")
    keyboard.press("m")
    keyboard.press("s")
    keyboard.press("ArrowDown")
    keyboard.press(".")
    assert fact(player, "mixer.state.value.stems[1]") == {
        "gain_db": -1,
        "pan": 0.1,
        "muted": True,
        "soloed": True,
    }
    assert fact(player, "mixer.state.value.stems[0].muted") is False
    keyboard.press("[")
    keyboard.press("ArrowRight")
    keyboard.press("]")
    assert fact(player, "player.state.value.loop") == {"start": 44_100, "end": 6 * 44_100}
    keyboard.press("l")
    assert fact(player, "player.state.value.loop") is None
    keyboard.press("PageDown")
    assert fact(player, "mixer.state.value.master_db") == -2
    keyboard.press("End")
    assert fact(player, "player.position_s") == pytest.approx(12.5)


@ONE_SIZE
def test_keys_zoom_and_the_play_head_stays_in_sight(player: Locator) -> None:
    keyboard = player.page.keyboard
    keyboard.press("ArrowRight")
    keyboard.press("+")
    keyboard.press("+")

    scroll = player.get_by_label("Visible part")
    expect(scroll).to_be_visible()
    assert float(scroll.input_value()) == pytest.approx(5 - 5 / 4, abs=0.3)
    keyboard.press("0")
    expect(scroll).to_be_hidden()


def test_help_tells_the_keys_and_the_keyboard_can_leave_it(player: Locator) -> None:
    player.page.keyboard.press("?")

    help = player.get_by_role("dialog", name="Keyboard")
    expect(help).to_be_visible()
    expect(help).to_contain_text("Play or pause")
    switch = help.get_by_label("Keys work on the whole page")
    expect(switch).to_be_checked()
    switch.uncheck()
    player.page.keyboard.press("Escape")
    expect(help).to_be_hidden()
    player.page.evaluate("document.activeElement.blur()")
    player.page.keyboard.press(" ")
    assert fact(player, "player.state.value.transport") == "paused"


def test_a_finger_on_a_waveform_seeks_and_a_drag_on_the_ruler_loops(player: Locator) -> None:
    page = player.page
    lane = player.locator(".lane").first.bounding_box()
    ruler = player.locator(".ruler").bounding_box()
    assert lane is not None
    assert ruler is not None

    page.mouse.click(lane["x"] + lane["width"] / 2, lane["y"] + 20)
    assert fact(player, "player.position_s") == pytest.approx(6.25, abs=0.1)
    page.mouse.move(ruler["x"] + ruler["width"] * 0.2, ruler["y"] + 10)
    page.mouse.down()
    page.mouse.move(ruler["x"] + ruler["width"] * 0.5, ruler["y"] + 10, steps=4)
    page.mouse.up()
    loop = fact(player, "player.state.value.loop")
    assert loop["start"] / 44_100 == pytest.approx(2.5, abs=0.15)
    assert loop["end"] / 44_100 == pytest.approx(6.25, abs=0.15)
    expect(player.get_by_role("button", name="Loop", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


@ONE_SIZE
def test_downloads_are_the_stems_the_mix_as_it_is_set_and_all(
    player: Locator, job: JSON, look: Look
) -> None:
    keyboard = player.page.keyboard
    for key in ("1", "ArrowUp", "2", ",", "d"):
        keyboard.press(key)

    dialog = player.get_by_role("dialog", name="Take it home")
    dialog.get_by_label("Format").select_option("flac")
    look(player.page, "player-downloads")
    links = {
        link.text_content(): link.get_attribute("href") for link in dialog.get_by_role("link").all()
    }

    names = [(name or "").strip() for name in links]
    assert names == ["The mix as you set it", "vocals", "accompaniment", "All stems in one ZIP"]
    mix = urlsplit(links["The mix as you set it"] or "")
    assert parse_qs(mix.query) == {
        "format": ["flac"],
        "stem": ["vocals,1,0", "accompaniment,0,-0.1"],
    }
    for address in links.values():
        answer = player.page.request.get(str(address))
        assert answer.ok, answer.text()
        assert answer.body()[:4] in {b"fLaC", b"PK\x03\x04"}


@ONE_SIZE
def test_the_moment_is_in_the_address(page: Page, job: JSON) -> None:
    player = shown(page, job["manifest_url"], moment="")
    page.evaluate("location.hash = 't=7.5'")
    page.wait_for_function(
        "element => element.player.position_s === 7.5", arg=player.element_handle()
    )
    player.locator(".player").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile(r"#t=2\.5$"))


def test_the_small_form_has_one_stem_and_compares_it_with_the_original(
    page: Page, job: JSON, look: Look
) -> None:
    player = shown(page, job["manifest_url"], single="vocals")
    look(page, "player-single")
    soloed = "mixer.state.value.stems.map(stem => stem.soloed)"

    assert fact(player, soloed) == [True, False]
    player.get_by_role("button", name="Original").click()
    assert fact(player, soloed) == [False, False]
    expect(player.locator("canvas")).to_have_count(1)
    assert not faults_of(page)


def test_axe_finds_nothing(player: Locator) -> None:
    assert not faults_of(player.page)
    player.page.keyboard.press("?")
    assert not faults_of(player.page)


def test_nothing_moves_when_the_song_comes(page: Page, job: JSON) -> None:
    held: list[Route] = []
    page.route("**/manifest", lambda route: held.append(route), times=1)
    player = shown(page, job["manifest_url"], ready=False, rows="2")
    while not held:
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)
    before = player.bounding_box()
    held[0].continue_()
    expect(player.locator(".go")).to_be_enabled()

    assert player.bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def elsewhere(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    # The page of somebody else, who knows no cookie of ours.
    with song_server(tmp_path) as server:
        context = browser.new_context(base_url=server.url)
        page = context.new_page()
        page.goto("/")
        yield page
        context.close()


@ONE_SIZE
def test_a_shared_song_plays_on_a_page_of_another_site_until_it_is_taken_back(
    page: Page, job: JSON, service: Served, elsewhere: Page
) -> None:
    headers = {"X-CSRF-Token": page.request.get("/v1/session").json()["csrf_token"]}
    address = f"/v1/jobs/{job['id']}/shares"
    link = page.request.post(address, data={}, headers=headers).json()
    src = service.url + urlsplit(link["manifest_url"]).path
    mount = """async ([script, src]) => {
      await import(script);
      const element = document.createElement('stem-player');
      element.src = src;
      document.body.replaceChildren(element);
    }"""

    elsewhere.evaluate(mount, [f"{service.url}/player.js", src])
    player = elsewhere.locator("stem-player")
    expect(player.locator(".go")).to_be_enabled()
    player.locator(".go").click()
    elsewhere.wait_for_function("document.querySelector('stem-player').player.position_s > 0.3")
    expect(player.get_by_role("button", name="Download")).to_have_count(0)
    gone = page.request.delete(f"{address}/{link['id']}", headers=headers)
    elsewhere.evaluate(mount, [f"{service.url}/player.js", src])

    assert gone.status == 204
    expect(player.get_by_role("alert")).to_contain_text("no such song")
