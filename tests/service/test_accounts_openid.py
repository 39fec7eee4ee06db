# Signing in with an OpenID provider.

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import select, update

from stemhouse.api.app import create_app
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account, Alarm
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.browser import PASSWORD, Browser
from tests.service.provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider

HTML = {"Accept": "text/html,application/xhtml+xml"}


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


@pytest.fixture
def spoken(settings: Settings, request: pytest.FixtureRequest) -> Browser:
    # A site in two languages; it is written before the application reads it.
    title = {"en": "All", "de": "Alle"}
    write_site(
        settings.data_dir / "sites",
        languages=["en", "de"],
        outputs=[{"name": "all", "title": title, "model": "tiny-2stems"}],
        plans__guest__title=title,
        plans__free__title=title,
        texts__de=dict.fromkeys(("tagline", "lead", "description", "button"), "Zerlegen"),
    )
    browser: Browser = request.getfixturevalue("browser")
    return browser


def sign_in(
    browser: Browser, provider: Provider, headers: dict[str, str] | None = None, **other: str
) -> Any:
    departure = browser.get("/v1/openid/login", follow_redirects=False)
    back = provider.visit(departure.headers["location"]) | other
    return browser.get(
        "/v1/openid/callback", params=back, headers=headers or {}, follow_redirects=False
    )


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


def refuse_mail(browser: Browser, provider: Provider) -> None:
    provider.claims["email"] = "ada@mailinator.com"


def refuse_foreign(browser: Browser, provider: Provider) -> None:
    provider.claims["nonce"] = "another"


def refuse_taken(browser: Browser, provider: Provider) -> None:
    browser.sign_up("ada@example.org")
    browser.client.cookies.clear()
    provider.claims["email_verified"] = False


def refuse_nameless(browser: Browser, provider: Provider) -> None:
    del provider.claims["email"]


@pytest.mark.parametrize(
    ("language", "begin_again"), [("en-GB,en;q=0.9", "To the sign-in"), ("de-AT", "Zur Anmeldung")]
)
@pytest.mark.parametrize(
    ("refuse", "status", "words"),
    [
        (refuse_mail, 400, ("throw-away", "Wegwerf-Adresse")),
        (refuse_foreign, 401, ("Begin again", "Fang noch einmal an")),
        (refuse_nameless, 403, ("does not tell us", "nennt uns deine E-Mail-Adresse nicht")),
        (refuse_taken, 409, ("the password of the account", "Passwort des Kontos")),
    ],
)
def test_a_browser_that_is_refused_sees_a_page_that_says_why(
    spoken: Browser,
    provider: Provider,
    *,
    language: str,
    begin_again: str,
    refuse: Any,
    status: int,
    words: Any,
) -> None:
    refuse(spoken, provider)

    answer = sign_in(spoken, provider, HTML | {"Accept-Language": language})

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert words["de" in language] in answer.text
    assert begin_again in answer.text
    assert spoken.get("/v1/account").status_code == 401


@pytest.mark.parametrize("name", ["state", "code", "error"])
def test_a_browser_whose_way_back_is_not_one_sees_a_page_too(browser: Browser, name: str) -> None:
    way = {"state": "s", "code": "c", name: "x" * 5_000}

    page = browser.get("/v1/openid/callback", params=way, headers=HTML)
    program = browser.get("/v1/openid/callback", params=way)

    assert (page.status_code, page.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "Begin again" in page.text
    assert "x" * 100 not in page.text
    assert program.json()["error"]["code"] == "invalid_request"


def test_a_browser_from_a_busy_network_is_told_when_to_come_back(
    guarded: Browser, provider: Provider
) -> None:
    sign_in(guarded, provider)
    guarded.client.cookies.clear()
    provider.claims |= {"sub": "eve", "email": "eve@example.org"}

    answer = sign_in(guarded, provider, HTML)

    assert answer.status_code == 429
    assert answer.headers["content-type"].startswith("text/html")
    assert int(answer.headers["retry-after"]) > 0
    assert re.search(r"Come back in (\d+.hours?|1.day)", answer.text)


def test_a_browser_of_somebody_blocked_sees_whom_to_write_to(
    browser: Browser, provider: Provider, sessions: SessionFactory, *, clock: ManualClock
) -> None:
    sign_in(browser, provider)
    with transaction(sessions) as session:
        session.execute(update(Account).values(blocked_at=clock()))
    browser.client.cookies.clear()

    answer = sign_in(browser, provider, HTML)

    assert answer.status_code == 403
    assert "This account is blocked" in answer.text


def test_a_silent_provider_is_not_our_fault(browser: Browser, provider: Provider) -> None:
    provider.document = lambda path: {"issuer": "https://evil.example"}

    answer = browser.get("/v1/openid/login")
    page = browser.get("/v1/openid/login", headers=HTML)

    assert page.status_code == 503
    assert "The provider does not answer as it should" in page.text
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "provider_failed"


def test_without_a_provider_there_are_no_such_addresses(client: TestClient) -> None:
    assert client.get("/v1/openid/login").status_code == 404
