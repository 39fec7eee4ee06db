# Signing up, in and out; passwords, mails, guests; export and deletion.

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from stemhouse.db.session import SessionFactory, reading, transaction
from stemhouse.db.tables import all_tables
from stemhouse.domains.accounts.tables import Account, SignInSession
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import TEST_SITE
from tests.service.browser import PASSWORD, Browser, mails, token_in
from tests.service.conftest import Member

ADA = "ada@example.org"


@pytest.fixture
def browser(client: TestClient) -> Browser:
    return Browser(client)


@pytest.fixture
def other_browser(client: TestClient) -> Browser:
    return Browser(client)


def test_signing_up_signs_in(browser: Browser) -> None:
    answer = browser.sign_up("Ada@Example.org")

    assert answer.status_code == 201
    assert answer.json()["account"]["email"] == ADA
    assert browser.get("/v1/account").json()["id"] == answer.json()["account"]["id"]


def test_the_session_cookie_is_out_of_reach_of_scripts(browser: Browser) -> None:
    cookies = browser.sign_up(ADA).headers.get_list("set-cookie")

    session = next(one for one in cookies if one.startswith(f"stemhouse_{TEST_SITE}_session="))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session


def test_neither_password_nor_token_is_stored(browser: Browser, sessions: SessionFactory) -> None:
    browser.sign_up(ADA)

    token = browser.client.cookies[f"stemhouse_{TEST_SITE}_session"]
    with reading(sessions) as session:
        account = session.scalars(select(Account)).one()
        stored = session.scalars(select(SignInSession)).one()
    assert account.password_hash.startswith("$argon2id$")
    assert PASSWORD not in account.password_hash
    assert stored.token_hash != token


def test_an_address_has_one_account(browser: Browser, other_browser: Browser) -> None:
    browser.sign_up(ADA)

    answer = other_browser.sign_up("ADA@example.org")

    assert answer.status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"email": "no address", "password": PASSWORD},
        {"email": ADA, "password": "short"},
        {"email": ADA, "password": PASSWORD, "admin": True},
        {"email": ADA},
    ],
)
def test_a_bad_sign_up_is_refused_without_repeating_it(
    browser: Browser, body: dict[str, object]
) -> None:
    answer = browser.post("/v1/account", json=body)

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_request"
    assert PASSWORD not in answer.text


def test_signing_in_and_out(browser: Browser, other_browser: Browser) -> None:
    browser.sign_up(ADA)

    signed_in = other_browser.sign_in("ADA@example.org")
    signed_out = other_browser.delete("/v1/session")

    assert signed_in.status_code == 200
    assert signed_out.status_code == 204
    assert other_browser.get("/v1/account").status_code == 401
    assert browser.get("/v1/account").status_code == 200


def test_a_token_is_worth_nothing_after_signing_out(browser: Browser) -> None:
    browser.sign_up(ADA)
    name = f"stemhouse_{TEST_SITE}_session"
    stolen = browser.client.cookies[name]
    browser.delete("/v1/session")

    browser.client.cookies.set(name, stolen)

    assert browser.get("/v1/account").status_code == 401


def test_a_wrong_password_and_an_unknown_address_look_alike(browser: Browser) -> None:
    browser.sign_up(ADA)
    browser.client.cookies.clear()

    wrong = browser.sign_in(ADA, "wrong password")
    unknown = browser.sign_in("nobody@example.org")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["error"]["message"] == unknown.json()["error"]["message"]


def test_guessing_passwords_is_slowed_down(browser: Browser, clock: ManualClock) -> None:
    answers = [browser.sign_in(ADA, "guess") for _ in range(11)]

    assert [one.status_code for one in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


def test_a_session_ends_when_it_is_not_used(
    browser: Browser, settings: Settings, clock: ManualClock
) -> None:
    browser.sign_up(ADA)

    clock.advance(settings.session_ttl_s + 1)

    assert browser.get("/v1/account").status_code == 401


def test_using_a_session_prolongs_it(
    browser: Browser, app: FastAPI, settings: Settings, clock: ManualClock
) -> None:
    browser.sign_up(ADA)
    clock.advance(settings.session_ttl_s - 60)
    browser.get("/v1/account")
    app.state.housekeeping.write_last_use()

    clock.advance(settings.session_ttl_s - 60)

    assert browser.get("/v1/account").status_code == 200


def test_a_change_without_the_pages_token_is_refused(browser: Browser) -> None:
    browser.sign_up(ADA)

    answer = browser.delete("/v1/session", headers={"X-CSRF-Token": "wrong"})

    assert answer.status_code == 403
    assert browser.get("/v1/account").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_cannot_sign_people_in(browser: Browser, headers: dict[str, str]) -> None:
    browser.sign_up(ADA)
    credentials = {"email": ADA, "password": PASSWORD}

    answer = browser.post("/v1/session", json=credentials, headers=headers)

    assert answer.status_code == 403


def test_a_blocked_account_is_let_in_nowhere(
    browser: Browser, sessions: SessionFactory, clock: ManualClock
) -> None:
    browser.sign_up(ADA)
    with transaction(sessions) as session:
        session.scalars(select(Account)).one().blocked_at = clock()

    assert browser.get("/v1/account").status_code == 403
    assert browser.sign_in(ADA).status_code == 403


def test_an_address_is_confirmed_by_the_mailed_link_once(
    browser: Browser, settings: Settings
) -> None:
    browser.sign_up(ADA)
    (mail,) = mails(settings.data_dir, 1)
    token = {"token": token_in(mail)}

    before = browser.get("/v1/account").json()["email_verified"]
    answer = browser.post("/v1/verification", json=token)
    again = browser.post("/v1/verification", json=token)

    assert mail["To"] == ADA
    assert not before
    assert answer.json()["email_verified"]
    assert again.status_code == 410


def test_a_link_grows_old(browser: Browser, settings: Settings, clock: ManualClock) -> None:
    browser.sign_up(ADA)
    (mail,) = mails(settings.data_dir, 1)

    clock.advance(86_401)

    answer = browser.post("/v1/verification", json={"token": token_in(mail)})
    assert answer.status_code == 410
    assert answer.json()["error"]["code"] == "link_expired"


def test_a_forgotten_password_is_replaced_and_sessions_end(
    browser: Browser, other_browser: Browser, settings: Settings
) -> None:
    browser.sign_up(ADA)
    other_browser.post("/v1/password-reset", json={"email": ADA})
    token = token_in(mails(settings.data_dir, 2)[1])

    answer = other_browser.post(
        "/v1/password", json={"token": token, "password": "another password"}
    )

    assert answer.status_code == 200
    assert browser.get("/v1/account").status_code == 401
    assert other_browser.sign_in(ADA).status_code == 401
    assert other_browser.sign_in(ADA, "another password").status_code == 200


def test_nobody_learns_who_has_an_account_by_asking_for_a_password(browser: Browser) -> None:
    browser.sign_up(ADA)

    known = browser.post("/v1/password-reset", json={"email": ADA})
    unknown = browser.post("/v1/password-reset", json={"email": "nobody@example.org"})

    assert known.status_code == unknown.status_code == 202
    assert known.json() == unknown.json()


def test_who_made_an_account_with_a_foreign_address_loses_it_to_its_owner(
    browser: Browser, other_browser: Browser, settings: Settings
) -> None:
    browser.sign_up(ADA)
    key = browser.post("/v1/keys", json={"name": "back door", "scopes": ["jobs:read"]}).json()
    other_browser.post("/v1/password-reset", json={"email": ADA})
    token = token_in(mails(settings.data_dir, 2)[1])

    other_browser.post("/v1/password", json={"token": token, "password": "the owner's own"})

    headers = {"Authorization": f"Bearer {key['key']}"}
    assert other_browser.get("/v1/account", headers=headers).status_code == 401


def test_changing_the_password_ends_other_sessions(
    browser: Browser, other_browser: Browser
) -> None:
    browser.sign_up(ADA)
    other_browser.sign_in(ADA)
    passwords = {"current_password": PASSWORD, "new_password": "another password"}

    wrong = browser.put("/v1/account/password", json=passwords | {"current_password": "x"})
    right = browser.put("/v1/account/password", json=passwords)

    assert wrong.status_code == 401
    assert right.status_code == 204
    assert browser.get("/v1/account").status_code == 200
    assert other_browser.get("/v1/account").status_code == 401


def test_another_address_counts_once_it_is_confirmed(browser: Browser, settings: Settings) -> None:
    browser.sign_up(ADA)
    mails(settings.data_dir, 1)
    body = {"email": "countess@example.org", "password": PASSWORD}

    asked = browser.put("/v1/account/email", json=body)
    before = browser.get("/v1/account").json()["email"]
    mail = mails(settings.data_dir, 2)[1]
    browser.post("/v1/verification", json={"token": token_in(mail)})

    assert asked.status_code == 202
    assert before == ADA
    assert mail["To"] == "countess@example.org"
    assert browser.get("/v1/account").json()["email"] == "countess@example.org"


def test_a_guest_stays_the_same_guest(browser: Browser) -> None:
    first = browser.post("/v1/session/guest")
    second = browser.post("/v1/session/guest")

    assert first.status_code == 201
    assert first.json()["account"]["kind"] == "guest"
    assert second.json()["account"]["id"] == first.json()["account"]["id"]


def test_one_address_becomes_only_so_many_guests(client: TestClient) -> None:
    allowed = 5

    answers = [Browser(client).post("/v1/session/guest").status_code for _ in range(allowed + 1)]

    assert answers == [201] * allowed + [429]


def test_a_guests_cookie_cannot_be_made_up(browser: Browser, member: Member) -> None:
    name = f"stemhouse_{TEST_SITE}_guest"
    browser.post("/v1/session/guest")
    real = browser.client.cookies[name]
    browser.client.cookies.clear()

    browser.client.cookies.set(name, real[:-2] + ("AA" if real[-2:] != "AA" else "BB"))

    assert browser.get("/v1/session").status_code == 401


def test_a_guest_may_not_make_keys(browser: Browser) -> None:
    browser.post("/v1/session/guest")

    answer = browser.post("/v1/keys", json={"name": "x", "scopes": ["jobs:read"]})

    assert answer.status_code == 403


def test_a_guest_who_signs_up_keeps_the_account(browser: Browser) -> None:
    guest = browser.post("/v1/session/guest").json()["account"]["id"]

    account = browser.sign_up(ADA).json()["account"]

    assert account["id"] == guest
    assert account["kind"] == "user"


def test_the_export_holds_everything_but_secrets(browser: Browser) -> None:
    browser.sign_up(ADA)
    key = browser.post("/v1/keys", json={"name": "script", "scopes": ["jobs:read"]}).json()

    answer = browser.get("/v1/account/export")

    (account,) = answer.json()["account"]
    assert account["email"] == ADA
    assert account["keys"][0]["name"] == "script"
    assert key["key"] not in answer.text
    assert "argon2" not in answer.text


def test_deleting_an_account_leaves_nothing_of_it(
    browser: Browser, sessions: SessionFactory, settings: Settings
) -> None:
    account_id = browser.sign_up(ADA).json()["account"]["id"]
    browser.post("/v1/keys", json={"name": "script", "scopes": ["jobs:read"]})
    mails(settings.data_dir, 1)
    body = {"password": PASSWORD, "confirm": "delete everything"}

    wrong = browser.post("/v1/account/deletion", json=body | {"password": "wrong"})
    right = browser.post("/v1/account/deletion", json=body)

    assert wrong.status_code == 401
    assert right.status_code == 204
    assert browser.get("/v1/account").status_code == 401
    with reading(sessions) as session:
        owned = [t for t in all_tables().sorted_tables if "account_id" in t.columns]
        left = {
            table.name: session.scalar(
                select(func.count()).select_from(table).where(table.c.account_id == account_id)
            )
            for table in owned
        }
        assert session.get(Account, account_id) is None
    assert not any(left.values()), left


def test_what_has_expired_is_swept_away(
    browser: Browser, app: FastAPI, sessions: SessionFactory, clock: ManualClock
) -> None:
    browser.post("/v1/session/guest")
    browser.client.cookies.clear()
    browser.sign_up(ADA)

    clock.advance(31 * 86_400)
    app.state.housekeeping.sweep()

    with reading(sessions) as session:
        assert session.scalars(select(SignInSession)).all() == []
        assert [one.kind for one in session.scalars(select(Account))] == ["user"]
