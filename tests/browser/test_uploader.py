# A visitor's way from a file to stems, with a mouse, with a keyboard, and over bad lines.

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.conftest import ONE_SIZE, Look, faults_of
from tests.service.lines import Line
from tests.service.serving import Served

Song = Callable[..., Path]
UNTIL_DONE_MS = 120_000
FILE = "song-uploader input[type=file]"


def choose(page: Page, *songs: Path) -> None:
    page.goto("/")
    expect(page.locator("song-uploader[data-ready]")).to_be_visible()
    page.set_input_files(FILE, list(songs))


def send(page: Page, *songs: Path) -> None:
    choose(page, *songs)
    page.get_by_role("checkbox", name="I may use these songs").check()
    expect(page.locator(".item[data-state=priced]")).to_have_count(len(songs))


def tab_to(page: Page, selector: str) -> None:
    wanted = page.locator(selector).first
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {selector}")


@pytest.fixture
def bad_line(service: Served) -> Iterator[Line]:
    line = Line(service.port)
    yield line
    line.end()


def test_a_guest_sends_a_song_sees_its_price_and_gets_it_apart(
    page: Page, song: Song, look: Look
) -> None:
    choose(page, song("Moonlight.wav", seconds=20.0))
    item = page.locator(".item")
    expect(item).to_contain_text("0:20")
    expect(page.get_by_role("button", name="Take it apart")).to_have_count(0)
    page.get_by_role("checkbox", name="I may use these songs").check()
    expect(page.locator(".total")).to_have_text("Price: 20 seconds")
    assert faults_of(page) == []
    look(page, "uploader-priced")

    page.get_by_role("button", name="Take it apart").click()

    card = page.locator("song-list .song")
    expect(card).to_contain_text("Moonlight")
    expect(card).to_have_attribute("data-status", "succeeded", timeout=UNTIL_DONE_MS)
    expect(card.get_by_role("link", name="Listen to Moonlight")).to_be_visible()
    expect(page.get_by_role("status").last).to_contain_text("is done")
    expect(page.locator(".item")).to_have_count(0)
    assert faults_of(page) == []
    look(page, "uploader-done")


@ONE_SIZE
def test_members_send_several_songs_at_once(page: Page, member: str, song: Song) -> None:
    send(page, song("One.wav", 3.0, 1), song("Two.wav", 3.0, 2), song("Three.wav", 3.0, 3))

    page.get_by_role("button", name="Take 3 songs apart").click()

    done = page.locator("song-list .song[data-status=succeeded]")
    expect(done).to_have_count(3, timeout=UNTIL_DONE_MS)


@ONE_SIZE
def test_nothing_is_sent_before_the_rights_are_confirmed(page: Page, song: Song) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    choose(page, song())
    expect(page.locator(".item[data-state=chosen]")).to_be_visible()

    assert not [url for url in sent if "/v1/uploads" in url or "/v1/session" in url]
    expect(page.locator("song-uploader")).to_contain_text("Confirm the line above")


@ONE_SIZE
def test_a_song_chosen_before_the_site_has_told_its_limits_is_not_lost(
    page: Page, song: Song
) -> None:
    held: list[Route] = []
    page.route("**/v1/site", lambda route: held.append(route))

    choose(page, song())
    expect(page.locator(".item")).to_have_count(0)
    for route in held:
        route.continue_()

    expect(page.locator(".item[data-state=chosen]")).to_be_visible()


@ONE_SIZE
def test_limits_are_said_before_a_byte_is_sent(page: Page, song: Song) -> None:
    # The test site lets guests have ten minutes.
    facts = {"max_duration_s": 2, "max_upload_bytes": 100_000_000}

    def narrow(route):
        answer = route.fetch()
        body = answer.json()
        body["plan"] |= facts
        route.fulfill(response=answer, json=body)

    page.route("**/v1/site", narrow)
    choose(page, song("Long.wav", seconds=3.0))

    expect(page.locator(".item[data-state=refused]")).to_contain_text(
        "0:03 is longer than the 0:02"
    )
    expect(page.locator(".dropzone")).to_contain_text("0:02 and 100 MB")


@ONE_SIZE
def test_more_songs_than_the_plan_allows_at_once_are_refused(page: Page) -> None:
    page.goto("/")
    expect(page.locator("song-uploader[data-ready]")).to_be_visible()
    # Guests of the test site have one at a time; two are dropped.
    page.evaluate(
        """names => {
          const data = new DataTransfer();
          for (const name of names) data.items.add(new File(["x".repeat(1000)], name));
          window.dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
        }""",
        ["One.wav", "Two.wav"],
    )

    expect(page.locator(".item")).to_have_count(2)
    expect(page.locator(".item").nth(1)).to_contain_text("1 song at a time is allowed")


@ONE_SIZE
def test_what_is_no_song_is_refused_with_the_reason(
    page: Page, tmp_path: Path, expected_errors: list[str]
) -> None:
    expected_errors.append("400")
    letter = tmp_path / "letter.mp3"
    letter.write_text("This is no song. " * 500)

    choose(page, letter)
    page.get_by_role("checkbox", name="I may use these songs").check()

    item = page.locator(".item[data-state=refused]")
    expect(item).to_contain_text("no sound that we can read")
    # It would be refused again, and nothing is left that could have a price.
    expect(item.get_by_role("button")).to_have_text(["Remove"])
    expect(page.locator(".start")).to_have_count(0)


@ONE_SIZE
def test_the_uploader_has_its_words_before_its_script(
    browser: Browser, service: Served, page: Page
) -> None:
    with browser.new_context(base_url=service.url, java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto("/")
        before = plain.locator(".dropzone-title, .dropzone > .hint").all_inner_texts()

    page.goto("/")
    expect(page.locator("song-uploader[data-ready]")).to_be_visible()

    words = page.locator(".dropzone .dropzone-title, .dropzone .pick .hint")
    expect(words).to_have_text(before)


@ONE_SIZE
def test_a_broken_connection_is_waited_for(
    page: Page,
    context: BrowserContext,
    bad_line: Line,
    song: Song,
    expected_errors: list[str],
) -> None:
    # The first connection that carries this much breaks: after the first part, in mid-second.
    expected_errors += ["ERR_", "Failed to load resource"]
    bad_line.up.append(12_000_000)
    page.goto(bad_line.url)
    expect(page.locator("song-uploader[data-ready]")).to_be_visible()

    page.set_input_files(FILE, song("Long.wav", seconds=120.0))
    page.get_by_role("checkbox", name="I may use these songs").check()

    expect(page.locator(".item[data-state=priced]")).to_be_visible(timeout=UNTIL_DONE_MS)
    assert bad_line.breaks == 1


@ONE_SIZE
def test_after_a_reload_the_same_file_goes_on_where_it_was(
    page: Page, song: Song, expected_errors: list[str]
) -> None:
    expected_errors += ["ERR_", "Failed to load resource"]
    file = song("Long.wav", seconds=120.0)
    offsets: list[int] = []

    def stop_after_one(route):
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) > 1:
                route.abort()  # and each try after it: the line is dead
                return
        route.continue_()

    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/v1/uploads/resumable/**", stop_after_one)
    choose(page, file)
    page.get_by_role("checkbox", name="I may use these songs").check()
    page.wait_for_function("() => document.querySelector('.item progress')?.value > 0.3")
    while len(offsets) < 2:
        page.wait_for_timeout(100)
    page.reload()
    expect(page.locator(".item")).to_contain_text("Choose the same file again")
    page.unroute("**/v1/uploads/resumable/**")
    later: list[str] = []
    page.on("request", lambda request: later.append(request.headers.get("upload-offset", "")))

    page.set_input_files(FILE, file)
    page.get_by_role("checkbox", name="I may use these songs").check()

    expect(page.locator(".item[data-state=priced]")).to_have_count(1, timeout=UNTIL_DONE_MS)
    assert next(offset for offset in later if offset) == str(offsets[1])


@ONE_SIZE
def test_a_song_that_was_sent_and_not_started_is_still_there(page: Page, song: Song) -> None:
    send(page, song())

    page.reload()

    expect(page.locator(".item")).to_contain_text("song.wav")
    page.get_by_role("checkbox", name="I may use these songs").check()
    page.get_by_role("button", name="Take it apart").click()
    expect(page.locator("song-list .song")).to_be_visible()


@ONE_SIZE
def test_a_running_song_is_cancelled(page: Page, member: str, song: Song) -> None:
    send(page, song("Endless.wav", seconds=200.0))
    page.get_by_role("button", name="Take it apart").click()

    page.get_by_role("button", name="Cancel Endless.wav").click()

    card = page.locator("song-list .song")
    expect(card).to_have_attribute("data-status", "canceled")
    expect(card.get_by_role("button", name="Try Endless.wav again")).to_be_visible()


def test_the_keyboard_alone_gets_a_song_apart(page: Page, song: Song) -> None:
    # Who listens from the beginning has the browser leave its dialog closed in time: asking for
    # that in the moment of the key comes too late on a busy machine.
    page.on("filechooser", lambda _: None)
    page.goto("/")
    expect(page.locator("song-uploader[data-ready]")).to_be_visible()
    tab_to(page, FILE)
    # The button shows that it is reached; the browser's own beside it stays out of sight.
    assert page.locator(FILE).evaluate("input => input.offsetWidth") == 1
    outline = page.locator(".pick .button").evaluate("it => getComputedStyle(it).outlineStyle")
    assert outline == "solid"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(song("Keys.wav"))
    expect(page.locator(".item")).to_be_visible()

    tab_to(page, "input[name=rights]")
    page.keyboard.press("Space")
    expect(page.locator(".item[data-state=priced]")).to_be_visible()
    tab_to(page, ".start button")
    page.keyboard.press("Enter")

    card = page.locator("song-list .song")
    expect(card).to_have_attribute("data-status", "succeeded", timeout=UNTIL_DONE_MS)
    tab_to(page, "song-list a.button")


@ONE_SIZE
def test_a_link_is_fetched(page: Page, song: Song, expected_errors: list[str]) -> None:
    # What a link may lead to is tested with the API; here: that it is asked for, and said.
    expected_errors.append("400")
    page.goto("/")
    page.get_by_label("Or paste a link to a file").fill("http://127.0.0.1:9/Nothing.mp3")
    page.get_by_role("button", name="Fetch it").click()
    page.get_by_role("checkbox", name="I may use these songs").check()

    expect(page.locator(".item[data-state=failed]")).to_contain_text("cannot be fetched")
    expect(page.locator(".start")).to_have_count(0)
    page.get_by_role("button", name="Remove Nothing.mp3").click()
    expect(page.locator(".item")).to_have_count(0)
