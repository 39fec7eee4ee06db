# The pages of the four sites in a real browser: by day and by night, on a laptop and on a phone.

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from stemhouse.pages.discovery import LISTED, LISTED_LEGAL
from stemhouse.sites.loading import SITE_FILE, load_site
from stemhouse.sites.place import shipped_folder
from stemhouse.testing.sites import TEST_SITE, write_site
from tests.browser.conftest import ONE_SIZE, PATIENCE_MS, PICTURES, SIZES, faults_of
from tests.service.serving import Served, served

SITES = ["splitter", "acapella", "karaoke", "studio"]
REFERENCE = "/developers/reference"
READ = [path for path in (*LISTED, *LISTED_LEGAL) if path != REFERENCE]
STRANGE = {
    "long": "Die außerordentlich lange und umständlich benannte Stemma",
    "rtl": "فصل الأغاني إلى أجزاء 🎤",
    "emoji": "🎤🎸🥁 <b>&",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("four-sites")
    with served(folder) as service:
        shutil.rmtree(folder / "sites" / TEST_SITE)
        for site in SITES:
            shutil.copytree(shipped_folder() / site, folder / "sites" / site)
        for name, title in STRANGE.items():
            tagline = f"{title} " * 3
            write_site(
                folder / "sites", name, hosts=[], title=title[:40], texts__en__tagline=tagline
            )
        wait_for_sites(service)
        yield service


_UNTIL_HEARD = """async () => {
  const { player } = document.querySelector('stem-player');
  while (player.position_s < 0.2) await new Promise(go => setTimeout(go, 20));
}"""


def wait_for_sites(service: Served) -> None:
    # The service looks at its folder once a second.
    with httpx2.Client(timeout=PATIENCE_MS / 1000) as client:
        for _ in range(300):
            if all(client.get(f"{service.url}/s/{site}/").status_code == 200 for site in SITES):
                return
            time.sleep(0.1)
    raise AssertionError("the sites are not there")


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(browser: Browser, service: Served, size: str, **more: object) -> BrowserContext:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=service.url, viewport={"width": width, "height": height}, **more
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


def wider_than_screen(page: Page) -> int:
    # Letters of right-to-left names, and pictures, must not make the page scroll sideways.
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES)
def test_every_page_is_without_faults_by_day_and_by_night(
    site: str, scheme: str, size: str, browser: Browser, service: Served
) -> None:
    assert not faults_on(READ, site, scheme, opened_at=(browser, service, size))


@pytest.mark.parametrize("size", ["narrow"], indirect=True)
@pytest.mark.parametrize("site", SITES)
def test_a_phone_shows_all_plans_at_once(
    site: str, size: str, browser: Browser, service: Served
) -> None:
    with opened(browser, service, size) as context:
        page = context.new_page()
        page.goto(f"/s/{site}/prices")
        table = page.get_by_role("region", name="Everything side by side")

        ends = table.locator("tr > :last-child").evaluate_all(
            "cells => cells.map(cell => cell.getBoundingClientRect().right)"
        )

        assert len(table.get_by_role("columnheader").all()) >= 2
        assert max(ends) <= SIZES[size][0]


# What it holds is the same on every site, and looking at all of it takes longer than at all else.
@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("narrow", "dark")], indirect=True)
def test_the_reference_is_without_faults(
    scheme: str, size: str, browser: Browser, service: Served
) -> None:
    assert not faults_on([REFERENCE], "studio", scheme, opened_at=(browser, service, size))


def faults_on(
    paths: list[str], site: str, scheme: str, *, opened_at: tuple[Browser, Served, str]
) -> list[str]:
    faults: list[str] = []
    PICTURES.mkdir(exist_ok=True)
    size = opened_at[2]
    with opened(*opened_at, color_scheme=scheme, reduced_motion="reduce") as context:
        page = context.new_page()
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        for path in paths:
            page.goto(f"/s/{site}{path}")
            page.wait_for_load_state("networkidle")
            faults += [f"{path}: {fault}" for fault in faults_of(page)]
            if wider_than_screen(page):
                faults.append(f"{path}: scrolls sideways")
            name = f"{site}{path.replace('/', '-')}-{scheme}-{SIZES[size][0]}.png"
            page.screenshot(path=PICTURES / name, full_page=True)
    return faults


@pytest.mark.parametrize("site", SITES)
def test_a_page_can_be_read_and_left_without_a_script(
    site: str, size: str, browser: Browser, service: Served
) -> None:
    with opened(browser, service, size, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"/s/{site}/")

        expect(page.locator("h1")).to_be_visible()
        expect(page.locator(".desk-plain audio").first).to_be_visible()
        expect(page.locator(".desk-play")).to_be_hidden()
        expect(page.locator(".uploader noscript, .uploader .notice").first).to_be_attached()
        if size == "narrow":
            page.locator(".nav-small summary").click()
        page.locator("header").get_by_role("link", name="Prices").locator("visible=true").click()
        expect(page.locator("h1")).to_have_text("Prices")
        page.goto(f"/s/{site}/help")
        page.locator("summary", has_text="Which files can I send?").click()
        expect(page.get_by_text("Nearly all of them")).to_be_visible()


@pytest.mark.parametrize("site", ["splitter", "karaoke"])
def test_the_example_comes_apart(site: str, size: str, browser: Browser, service: Served) -> None:
    with opened(browser, service, size) as context:
        page = context.new_page()
        page.goto(f"/s/{site}/")
        page.get_by_role("button", name="Play the example").click()
        expect(page.get_by_role("button", name="Pause the example")).to_be_visible()

        if site == "splitter":
            page.get_by_label("Volume: Vocals").fill("0")
        else:
            page.get_by_role("radio", name="Instrumental").check()

        gain = "getComputedStyle(document.querySelector('[data-part=vocals]'))"
        assert page.evaluate(f"{gain}.getPropertyValue('--gain')") == "0"
        page.get_by_role("button", name="Pause the example").click()
        expect(page.get_by_role("button", name="Play the example")).to_be_visible()


@ONE_SIZE
@pytest.mark.parametrize("site", SITES)
def test_the_uploader_says_what_the_site_calls_its_button(
    site: str, size: str, browser: Browser, service: Served
) -> None:
    texts = load_site(shipped_folder() / site / SITE_FILE).texts["en"]
    with opened(browser, service, size) as context:
        page = context.new_page()
        page.goto(f"/s/{site}/")
        expect(page.locator("song-uploader[data-ready]")).to_be_visible()

        expect(page.locator("song-uploader .pick .button")).to_have_text(texts.button)


@pytest.mark.parametrize("name", list(STRANGE))
def test_strange_names_stay_on_the_page(
    name: str, size: str, browser: Browser, service: Served, tmp_path: Path
) -> None:
    with opened(browser, service, size) as context:
        page = context.new_page()
        for path in ("/", "/prices", "/terms"):
            page.goto(f"/s/{name}{path}")
            assert wider_than_screen(page) == 0
            expect(page.locator(".brand").first).to_contain_text(STRANGE[name][:8])


def test_an_address_without_a_page_looks_like_the_site(
    size: str, browser: Browser, service: Served
) -> None:
    with opened(browser, service, size) as context:
        page = context.new_page()
        answer = page.goto("/s/studio/nothing")

        assert answer is not None
        assert answer.status == 404
        expect(page.locator("h1")).to_have_text("Nothing plays here")
        assert not faults_of(page)
        page.screenshot(path=PICTURES / f"studio-404-{SIZES[size][0]}.png", full_page=True)


@ONE_SIZE
def test_links_of_scripts_stay_in_the_language_of_the_page(page: Page) -> None:
    page.goto("/s/studio/de/library")

    page.locator("song-library .empty a").click()

    expect(page).to_have_url(re.compile(r"/s/studio/de/sign-in\?next="))
    expect(page.locator("html")).to_have_attribute("lang", "de")


@ONE_SIZE
def test_the_page_on_embedding_shows_a_player_that_plays(page: Page) -> None:
    page.goto("/s/studio/developers/player")

    page.get_by_role("button", name="Play", exact=True).click()

    page.evaluate(_UNTIL_HEARD)
    expect(page.locator("stem-player").get_by_text("Carlos Viola Iborra")).to_be_visible()
