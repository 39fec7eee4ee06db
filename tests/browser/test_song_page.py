# The page of a song: what there is to do above its player, and what others hear by a link.

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Page, expect

from stemhouse.testing.sites import write_site
from tests.browser.conftest import JSON, ONE_SIZE, Kept, Look, faults_of, take_apart
from tests.browser.listening import recorded
from tests.browser.test_player_page import shown
from tests.service.browser import PASSWORD
from tests.service.serving import Served

Song = Callable[..., Path]
ONE = "/s/one"


@pytest.fixture
def one(page: Page, service: Served, song: Song) -> JSON:
    # A song on a site that sells the vocals alone.
    outputs = [
        {
            "name": "voice",
            "title": {"en": "Voice"},
            "model": "tiny-2stems",
            "stems": ["vocals"],
            "residual": True,
        }
    ]
    sites = service.settings.data_dir / "sites"
    if not (sites / "one").exists():
        write_site(sites, "one", hosts=[], screen="single", outputs=outputs)
    for _ in range(300):  # the service looks at its folder once a second
        if page.request.get(f"{ONE}/").ok:
            break
        page.wait_for_timeout(100)
    account = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
    assert page.request.post(f"{ONE}/v1/account", data=account).ok
    return take_apart(page, song("Paper Boats.wav", seconds=6.0), ONE, quality="fast")


@pytest.fixture
def stranger(browser: Browser, service: Served) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(base_url=service.url, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_the_page_of_a_song_has_its_name_its_facts_and_its_downloads(
    page: Page, job: JSON, look: Look
) -> None:
    page.goto(f"/songs/{job['id']}")

    expect(page.locator("h1")).to_have_text("Paper Boats")
    expect(page.locator(".song-bar")).to_contain_text("0:12")
    expect(page.locator("stem-player .name")).to_have_text(["Vocals", "Instrumental"])
    look(page, "song")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Vocals").click()
    assert "vocals" in download.value.suggested_filename
    page.keyboard.press("Escape")
    page.get_by_role("link", name="My songs").locator("visible=true").first.click()
    page.wait_for_url("**/library")


@ONE_SIZE
def test_a_song_that_is_not_there_has_no_player(
    page: Page, member: str, expected_errors: list[str]
) -> None:
    expected_errors.append("404")
    page.goto("/songs/job_01aaaaaaaaaaaaaaaaaaaaaaaa")

    page.get_by_role("link", name="All my songs").click()

    page.wait_for_url("**/library")


@ONE_SIZE
def test_a_song_of_somebody_else_leads_to_signing_in(page: Page, kept: Kept) -> None:
    page.goto(f"/songs/{kept.job['id']}")

    expect(page.locator("song-page")).to_contain_text("If it is yours, sign in.")
    expect(page.locator("stem-player")).to_have_count(0)
    page.locator("song-page").get_by_role("link", name="Sign in").click()

    page.wait_for_url("**/sign-in?next=*")


def test_a_link_lets_others_listen_until_it_is_ended(
    page: Page, job: JSON, stranger: Page, look: Look
) -> None:
    page.goto(f"/songs/{job['id']}")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_role("textbox", name="Link")
    expect(link).to_be_focused()
    look(page, "song-shared")
    # On a phone the transport follows, above whatever is scrolled below it: all of it at once.
    page.set_viewport_size({"width": page.evaluate("innerWidth"), "height": 1600})
    assert faults_of(page) == []
    address = link.input_value()

    stranger.goto(address)
    expect(stranger.locator("h1")).to_have_text("Paper Boats")
    stranger.get_by_role("button", name="Play").click()
    stranger.wait_for_function(
        "() => document.querySelector('stem-player').player.position_s > 0.3"
    )
    expect(stranger.get_by_role("button", name="Download")).to_have_count(0)
    assert faults_of(stranger) == []

    page.get_by_role("button", name="End it").click()
    expect(link).to_have_count(0)
    stranger.reload()
    expect(stranger.locator("shared-song")).to_contain_text("leads nowhere any more")
    expect(stranger.locator("stem-player")).to_have_count(0)


def test_a_single_stem_is_compared_with_the_whole_song(
    page: Page, one: JSON, song: Song, look: Look
) -> None:
    page.goto(f"{ONE}/songs/{one['id']}")
    expect(page.get_by_role("button", name="Vocals")).to_have_attribute("aria-pressed", "true")
    look(page, "song-single")
    assert faults_of(page) == []

    page.get_by_role("button", name="Download").click()
    expect(page.locator("stem-player .takes a")).to_have_text(["Vocals"])

    # Heard where a recorder may run: the policy of our pages would refuse it.
    shown(page, f"{ONE}/v1/jobs/{one['id']}/manifest", single="")
    page.get_by_role("button", name="Play").click()
    stem = loudness(recorded(page, "await hear(1)"))
    page.get_by_role("button", name="Original").click()
    recorded(page, "await hear(0.2)")  # the switch fades
    whole = loudness(recorded(page, "await hear(1)"))
    sent = loudness(soundfile.read(song("Again.wav", seconds=6.0))[0])
    assert whole == pytest.approx(sent, rel=0.05)  # another second of the same noise
    assert stem < 0.9 * whole


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))
