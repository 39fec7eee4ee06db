# Visits from beginning to end, and visitors whom pages easily forget: on two sites at once, with
# names in other scripts, with a keyboard alone, without a script, from another provider.

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from stemhouse.testing.sites import write_site
from tests.browser.conftest import ONE_SIZE, Look, faults_of, take_apart
from tests.browser.test_pages import wider_than_screen
from tests.browser.test_uploader import UNTIL_DONE_MS, send, tab_to
from tests.service.browser import PASSWORD, mails, token_in
from tests.service.provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.service.serving import Served, served

Song = Callable[..., Path]
STRANGE = ["أغنية طويلة جدا عن البحر والليل.wav", "🎤🎸🥁 " * 6 + ".wav", "x" * 90 + ".wav"]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def elsewhere(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # A service whose visitors may sign in with the provider.
    openid = {
        "STEMHOUSE_OPENID_ISSUER": provider.issuer,
        "STEMHOUSE_OPENID_CLIENT_ID": CLIENT_ID,
        "STEMHOUSE_OPENID_CLIENT_SECRET": CLIENT_SECRET,
    }
    with served(tmp_path_factory.mktemp("elsewhere"), **openid) as service:
        yield service


def test_somebody_signs_in_with_a_provider(
    page: Page, elsewhere: Served, provider: Provider, look: Look
) -> None:
    provider.claims["sub"] = provider.claims["email"] = f"{uuid.uuid4().hex}@example.org"
    page.goto(f"{elsewhere.url}/sign-in")
    expect(page.locator("sign-in-form[data-ready]")).to_be_visible()
    door = page.locator("sign-in-form a.button")
    expect(door).to_be_visible()
    look(page, "sign-in-provider")

    door.click()
    page.get_by_role("link", name="I am Ada").click()

    page.wait_for_url(lambda url: url.startswith(elsewhere.url))
    page.goto(f"{elsewhere.url}/account")
    expect(page.locator(".profile")).to_contain_text(str(provider.claims["email"]))


@ONE_SIZE
def test_a_guest_who_signs_up_keeps_the_songs(page: Page, song: Song) -> None:
    send(page, song("Moonlight.wav"))
    page.get_by_role("button", name="Take it apart").click()
    expect(page.locator(".song[data-status=succeeded]")).to_be_visible(timeout=UNTIL_DONE_MS)

    page.goto("/sign-up")
    expect(page.locator("sign-up-form")).to_contain_text("songs")
    page.get_by_label("E-mail").fill(f"{uuid.uuid4().hex}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("sign-up-form").get_by_role("button", name="Create an account").click()

    page.wait_for_url("**/library")
    expect(page.locator(".song-name")).to_have_text("Moonlight.wav")
    page.get_by_role("link", name="Listen to Moonlight.wav").click()
    expect(page.locator("stem-player .go")).to_be_enabled()


def test_the_keyboard_alone_plays_and_takes_home(page: Page, member: str, song: Song) -> None:
    take_apart(page, song("Keys.wav", seconds=4.0), quality="fast")
    page.goto("/library")
    expect(page.locator(".song")).to_be_visible()
    tab_to(page, ".song-actions a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/songs/*")
    expect(page.locator("stem-player .go")).to_be_enabled()

    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('stem-player').player.position_s > 0.3")
    page.keyboard.press("Space")
    tab_to(page, ".song-bar button")
    page.keyboard.press("Enter")
    first = page.locator("stem-player .takes a").first
    expect(first).to_be_visible()
    for _ in range(10):
        if first.evaluate("link => link === link.getRootNode().activeElement"):
            break
        page.keyboard.press("Tab")
    with page.expect_download() as download:
        page.keyboard.press("Enter")

    assert download.value.path().stat().st_size > 1_000


@ONE_SIZE
def test_two_sites_at_once_are_two_services(
    page: Page, context: BrowserContext, service: Served, member: str, song: Song
) -> None:
    sites = service.settings.data_dir / "sites"
    if not (sites / "second").exists():
        write_site(sites, "second", hosts=[], title="Second")
    for _ in range(300):  # the service looks at its folder once a second
        if page.request.get("/s/second/").ok:
            break
        page.wait_for_timeout(100)
    take_apart(page, song("First.wav"), quality="fast")
    page.goto("/library")
    other = context.new_page()
    other.goto("/s/second/")
    expect(other.locator("song-uploader[data-ready]")).to_be_visible()

    expect(other.locator("header").get_by_text("Sign in")).to_have_count(2)
    other.set_input_files("song-uploader input[type=file]", song("Second.wav", 3.0, 7))
    other.get_by_role("checkbox", name="I may use these songs").check()
    other.get_by_role("button", name="Take it apart").click()
    expect(other.locator(".song[data-status=succeeded]")).to_be_visible(timeout=UNTIL_DONE_MS)

    other.goto("/s/second/library")
    expect(other.locator(".song-name")).to_have_text(["Second.wav"])
    page.reload()
    expect(page.locator(".song-name")).to_have_text(["First.wav"])
    assert page.request.get("/v1/account").json()["email"] == member
    assert other.request.get("/s/second/v1/account").json()["kind"] == "guest"


def test_names_in_every_script_stay_in_their_places(
    page: Page, member: str, song: Song, look: Look
) -> None:
    jobs = [take_apart(page, song(name, 2.0, seed)) for seed, name in enumerate(STRANGE)]
    page.goto("/library")
    expect(page.locator(".song-name")).to_have_text([name.strip() for name in reversed(STRANGE)])
    assert wider_than_screen(page) == 0
    assert faults_of(page) == []
    look(page, "library-strange")

    for job in jobs:
        page.goto(f"/songs/{job['id']}")
        expect(page.locator("stem-player .go")).to_be_enabled()
        assert wider_than_screen(page) == 0
        look(page, f"song-strange-{jobs.index(job)}")
    page.goto(f"/songs/{jobs[0]['id']}")
    expect(page.locator("h1")).to_have_text(STRANGE[0].removesuffix(".wav"))
    direction = page.locator("h1").evaluate("heading => getComputedStyle(heading).direction")
    assert direction == "rtl"


def reset_token(folder: Path, email: str) -> str:
    # The mail that confirms the address may come before it or after.
    for _ in range(600):
        for mail in mails(folder, 0):
            if mail["To"] == email and "/reset?" in mail.get_content():
                return token_in(mail)
        time.sleep(0.05)
    raise AssertionError("the mail did not come")


@ONE_SIZE
def test_a_new_password_is_chosen_without_a_script(
    browser: Browser, service: Served, page: Page, member: str, look: Look
) -> None:
    folder = service.settings.data_dir
    assert page.request.post("/v1/password-reset", data={"email": member}).ok
    token = reset_token(folder, member)
    context = browser.new_context(base_url=service.url, java_script_enabled=False)
    plain = context.new_page()

    plain.goto(f"/reset?token={token}")
    plain.get_by_label("New password").fill("another horse, another battery")
    look(plain, "reset")
    plain.get_by_role("button", name="Set the password").click()

    expect(plain.locator("h1")).to_have_text("Your password is set")
    context.close()
    body = {"email": member, "password": "another horse, another battery"}
    assert page.request.post("/v1/session", data=body).ok
