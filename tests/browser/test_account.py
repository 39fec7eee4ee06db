# Signing up, in and out; keys, webhooks, and leaving.

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_SIZE, Look, faults_of, take_apart
from tests.service.browser import PASSWORD
from tests.service.webhook_receiver import Receiver

Song = Callable[..., Path]
OTHER_PASSWORD = "another horse, another battery"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def test_somebody_signs_up_out_and_in_again(page: Page, look: Look) -> None:
    email = f"{uuid.uuid4().hex}@example.org"
    page.goto("/sign-up")
    expect(page.locator("sign-up-form[data-ready]")).to_be_visible()
    assert faults_of(page) == []
    look(page, "sign-up")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("sign-up-form").get_by_role("button", name="Create an account").click()
    page.wait_for_url("**/library")

    page.goto("/account")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r"/$"))

    page.goto("/sign-in?next=/account")
    expect(page.locator("sign-in-form[data-ready]")).to_be_visible()
    assert faults_of(page) == []
    look(page, "sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    expect(page.locator("account-profile")).to_contain_text(email)


@ONE_SIZE
def test_somebody_with_a_throw_away_address_is_told_why_it_is_not_taken(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("400")
    page.goto("/sign-up")
    page.get_by_label("E-mail").fill("ada@mailinator.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("sign-up-form").get_by_role("button", name="Create an account").click()

    expect(page.get_by_role("alert")).to_contain_text("Use an address that you keep.")
    expect(page.get_by_label("E-mail")).to_have_value("ada@mailinator.com")


@ONE_SIZE
def test_a_wrong_password_is_told_and_nothing_typed_is_lost(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("401")
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_label("Password").fill("wrong password")

    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("do not fit")
    expect(page.get_by_label("E-mail")).to_have_value("nobody@example.org")


@ONE_SIZE
def test_signing_in_leads_to_no_other_site(page: Page, member: str) -> None:
    page.context.clear_cookies()
    page.goto("/sign-in?next=https://example.com/")
    page.get_by_label("E-mail").fill(member)
    page.get_by_label("Password").fill(PASSWORD)

    page.keyboard.press("Enter")

    page.wait_for_url("**/library")


@ONE_SIZE
def test_a_forgotten_password_is_mailed_a_way_back(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_role("button", name="Forgotten your password?").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.get_by_label("E-mail").fill("ada@example.org")

    page.get_by_role("button", name="Mail me the link").click()

    expect(page.get_by_role("status").first).to_contain_text("the link is on its way")


def test_a_key_is_shown_once_and_revoked(page: Page, member: str, look: Look) -> None:
    page.goto("/account")
    keys = page.locator("api-keys")
    keys.get_by_text("New key").click()
    keys.get_by_label("What is it for?").fill("My script")
    keys.get_by_role("button", name="Make the key").click()
    key = keys.locator(".secret code").inner_text()
    assert key.startswith("shk_")
    bearer = {"Authorization": f"Bearer {key}"}
    assert page.request.get("/v1/jobs", headers=bearer).ok
    assert faults_of(page) == []
    look(page, "account")

    page.reload()
    expect(keys).to_contain_text("My script")
    expect(page.locator(".secret")).to_have_count(0)
    page.once("dialog", lambda dialog: dialog.accept())
    keys.get_by_role("button", name="Revoke My script").click()

    expect(keys.locator(".row")).to_have_count(0)
    assert page.request.get("/v1/jobs", headers=bearer).status == 401


def test_a_webhook_is_added_tested_paused_and_deleted(
    page: Page, member: str, receiver: Receiver
) -> None:
    page.goto("/account")
    hooks = page.locator("web-hooks")
    hooks.get_by_text("New webhook").click()
    hooks.get_by_label("Address of your server").fill(receiver.url)
    hooks.get_by_role("button", name="Add it").click()
    assert hooks.locator(".secret code").inner_text().startswith("whsec_")

    hooks.get_by_role("button", name="Test: http").click()
    expect(hooks).to_contain_text("A test is on its way")
    receiver.wait(1)
    log = hooks.get_by_role("button", name="Log: http")
    expect(log).to_be_enabled()
    log.click()
    expect(hooks.locator("tbody tr")).to_contain_text(["webhook.test"])
    assert faults_of(page) == []
    hooks.get_by_role("button", name="Pause: http").click()
    expect(hooks).to_contain_text("Paused by you")
    hooks.get_by_role("button", name="Go on: http").click()
    expect(hooks).not_to_contain_text("Paused by you")
    page.once("dialog", lambda dialog: dialog.accept())
    hooks.get_by_role("button", name="Delete: http").click()

    expect(hooks.locator(".row")).to_have_count(0)


@ONE_SIZE
def test_the_password_is_changed(page: Page, member: str) -> None:
    page.goto("/account")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(OTHER_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("account-password")).to_contain_text("The password is changed")

    body = {"email": member, "password": OTHER_PASSWORD}
    assert page.request.post("/v1/session", data=body).ok


@ONE_SIZE
def test_an_account_takes_its_data_along_and_goes(page: Page, member: str) -> None:
    page.goto("/account")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download my data").click()
    assert member in json.dumps(json.loads(download.value.path().read_text()))

    leaving = page.locator("account-leaving")
    leaving.locator("summary").click()
    leaving.get_by_label("Password").fill(PASSWORD)
    leaving.get_by_label("Yes, delete everything").check()
    leaving.get_by_role("button", name="Delete the account").click()

    page.wait_for_url(re.compile(r"/$"))
    body = {"email": member, "password": PASSWORD}
    assert page.request.post("/v1/session", data=body).status == 401


@ONE_SIZE
def test_who_is_not_signed_in_is_led_to_signing_in(page: Page) -> None:
    page.goto("/account")

    expect(page.locator("account-page")).to_contain_text("Your account is here")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.locator("account-page").get_by_role("link", name="Sign in").click()

    page.wait_for_url("**/sign-in?next=%2Faccount")


@ONE_SIZE
def test_who_was_signed_out_elsewhere_is_led_to_signing_in(
    page: Page, member: str, expected_errors: list[str]
) -> None:
    expected_errors.append("401")
    page.goto("/account")
    expect(page.locator("account-profile")).to_contain_text(member)
    page.route("**/v1/account", lambda route: route.fulfill(status=401, body="{}"))

    page.reload()

    expect(page.locator("account-page").get_by_role("link", name="Sign in")).to_be_visible()


@ONE_SIZE
def test_an_account_that_cannot_be_loaded_is_asked_for_again(
    page: Page, member: str, expected_errors: list[str]
) -> None:
    expected_errors.append("Failed to load resource")
    page.route("**/v1/account", lambda route: route.abort())
    page.goto("/account")
    expect(page.locator("account-page").get_by_role("alert")).to_contain_text("cannot be reached")

    page.unroute("**/v1/account")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator("account-profile")).to_contain_text(member)


def test_who_has_not_confirmed_the_address_can_ask_for_the_link_again(
    page: Page, member: str
) -> None:
    page.goto("/account")

    again = page.get_by_role("button", name="Mail the link again")
    words = page.locator(".unconfirmed")
    expect(again).to_be_visible()
    start = words.evaluate("line => line.getBoundingClientRect().left")
    assert words.evaluate("line => line.parentElement.getBoundingClientRect().left") == start
    again.click()

    expect(page.locator("account-profile")).to_contain_text("on its way")


def test_the_history_of_credits_is_seen_whole(page: Page, member: str, song: Song) -> None:
    take_apart(page, song("Seen.wav"), quality="fast")
    page.goto("/account")
    page.get_by_text("History", exact=True).click()
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("row").nth(1)).to_be_visible()

    hidden = history.evaluate("table => table.scrollWidth - table.clientWidth")

    assert hidden == 0
    expect(history.get_by_role("columnheader")).to_have_count(4)
    assert faults_of(page) == []
