# Signing in with an OpenID provider.

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import select

from stemhouse.api.app import create_app
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Alarm
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.browser import PASSWORD, Browser
from tests.service.provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def browser(settings: Settings, clock: ManualClock, provider: Provider) -> Iterator[Browser]:
    update = {
        "openid_issuer": provider.issuer,
        "openid_client_id": CLIENT_ID,
        "openid_client_secret": SecretStr(CLIENT_SECRET),
    }
    with TestClient(create_app(settings.model_copy(update=update), clock=clock)) as client:
        yield Browser(client)


@pytest.fixture
def guarded(settings: Settings, request: pytest.FixtureRequest) -> Browser:
    # One account a day for each network; the site is written before the application reads it.
    guard = {"accounts_per_address_per_day": 1, "alarm_accounts_per_address": 1}
    write_site(settings.data_dir / "sites", guard=guard)
    browser: Browser = request.getfixturevalue("browser")
    return browser


def sign_in(browser: Browser, provider: Provider, **other: str) -> Any:
    departure = browser.get("/v1/openid/login", follow_redirects=False)
    back = provider.visit(departure.headers["location"]) | other
    return browser.get("/v1/openid/callback", params=back, follow_redirects=False)


def test_somebody_new_gets_an_account(browser: Browser, provider: Provider) -> None:
    answer = sign_in(browser, provider)

    account = browser.get("/v1/account").json()
    assert answer.status_code == 303
    assert account["email"] == "ada@example.org"
    assert account["email_verified"]


def test_the_same_person_gets_the_same_account(browser: Browser, provider: Provider) -> None:
    sign_in(browser, provider)
    first = browser.get("/v1/account").json()["id"]
    browser.client.cookies.clear()
    provider.claims["email"] = "moved@example.org"

    sign_in(browser, provider)

    assert browser.get("/v1/account").json()["id"] == first


def test_a_confirmed_address_leads_to_its_account_and_unconfirmed_doors_close(
    browser: Browser, provider: Provider
) -> None:
    mine = browser.sign_up("ada@example.org").json()["account"]["id"]
    squatter = Browser(browser.client)
    squatter.client.cookies.update(browser.client.cookies)
    browser.client.cookies.clear()

    sign_in(browser, provider)

    assert browser.get("/v1/account").json()["id"] == mine
    assert squatter.get("/v1/account").status_code == 401
    assert Browser(browser.client).sign_in("ada@example.org", PASSWORD).status_code == 401


def test_an_unconfirmed_address_takes_over_no_account(browser: Browser, provider: Provider) -> None:
    browser.sign_up("ada@example.org")
    browser.client.cookies.clear()
    provider.claims["email_verified"] = False

    answer = sign_in(browser, provider)

    assert answer.status_code == 409
    assert browser.get("/v1/account").status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody else"},
        {"nonce": "another"},
        {"exp": 1},
    ],
)
def test_a_token_for_something_else_is_refused(
    browser: Browser, provider: Provider, claims: dict[str, object]
) -> None:
    provider.claims |= claims

    assert sign_in(browser, provider).status_code == 401


def test_a_token_signed_by_somebody_else_is_refused(browser: Browser, provider: Provider) -> None:
    provider.sign_with = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})

    assert sign_in(browser, provider).status_code == 401


def test_a_foreign_way_back_is_refused(browser: Browser, provider: Provider) -> None:
    assert sign_in(browser, provider, state="made up").status_code == 401


def test_a_way_back_without_a_way_there_is_refused(browser: Browser) -> None:
    answer = browser.get("/v1/openid/callback", params={"code": "x", "state": "y"})

    assert answer.status_code == 401


def test_a_code_that_the_provider_refuses_signs_nobody_in(
    browser: Browser, provider: Provider
) -> None:
    assert sign_in(browser, provider, code="used").status_code == 401


def test_throw_away_addresses_are_refused_here_too(browser: Browser, provider: Provider) -> None:
    provider.claims["email"] = "ada@mailinator.com"

    answer = sign_in(browser, provider)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "mail_refused"
    assert browser.get("/v1/account").status_code == 401


def test_only_new_accounts_count_for_their_network(
    guarded: Browser, provider: Provider, sessions: SessionFactory
) -> None:
    first = [sign_in(guarded, provider).status_code for _ in range(3)]
    guarded.client.cookies.clear()
    provider.claims |= {"sub": "eve", "email": "eve@example.org"}

    second = sign_in(guarded, provider)

    assert first == [303] * 3
    assert (second.status_code, second.json()["error"]["code"]) == (429, "rate_limited")
    with transaction(sessions, read_only=True) as session:
        assert session.scalars(select(Alarm.kind)).all() == ["accounts_per_address"]


def test_a_silent_provider_is_not_our_fault(browser: Browser, provider: Provider) -> None:
    provider.document = lambda path: {"issuer": "https://evil.example"}

    answer = browser.get("/v1/openid/login")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "provider_failed"


def test_without_a_provider_there_are_no_such_addresses(client: TestClient) -> None:
    assert client.get("/v1/openid/login").status_code == 404
