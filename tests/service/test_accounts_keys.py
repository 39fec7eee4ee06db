# API keys: shown once, scoped, revocable, and never stored as they are.

from __future__ import annotations

from datetime import timedelta

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from stemhouse.db.session import SessionFactory, reading
from stemhouse.domains.accounts.scopes import ALL_SCOPES, USER_SCOPES
from stemhouse.domains.accounts.tables import ApiKey
from stemhouse.http.schemas import iso_utc
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import MakeMember, Member

ASKED = {"name": "script", "scopes": ["account:read"]}


def test_a_key_is_shown_once_and_lets_in(client: TestClient, member: Member) -> None:
    made = client.post("/v1/keys", headers=member.headers, json=ASKED)

    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    shown = client.get(f"/v1/keys/{made.json()['id']}", headers=headers)
    assert made.status_code == 201
    assert shown.status_code == 200
    assert "key" not in shown.json()
    assert made.json()["key"].startswith(shown.json()["shown_start"])


def test_what_is_stored_lets_nobody_in(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    with reading(sessions) as session:
        stored = session.scalars(select(ApiKey)).one()

    answer = client.get("/v1/account", headers={"Authorization": f"Bearer {stored.token_hash}"})

    assert member.key not in str(vars(stored))
    assert answer.status_code == 401


def test_a_key_does_what_its_scopes_allow_and_no_more(
    client: TestClient, make_member: MakeMember
) -> None:
    reader = make_member(scopes=frozenset({"account:read"}))

    assert client.get("/v1/keys", headers=reader.headers).status_code == 200
    refused = client.post("/v1/keys", headers=reader.headers, json=ASKED)
    assert refused.status_code == 403
    assert refused.json()["error"]["details"] == {"scope": "account:write"}


def test_a_key_cannot_make_a_stronger_one(client: TestClient, make_member: MakeMember) -> None:
    writer = make_member(scopes=frozenset({"account:write"}))

    answer = client.post("/v1/keys", headers=writer.headers, json=ASKED)

    assert answer.status_code == 403


def test_a_revoked_key_lets_nobody_in(client: TestClient, member: Member) -> None:
    made = client.post("/v1/keys", headers=member.headers, json=ASKED).json()
    headers = {"Authorization": f"Bearer {made['key']}"}

    revoked = client.delete(f"/v1/keys/{made['id']}", headers=member.headers)

    assert revoked.status_code == 204
    assert client.get("/v1/account", headers=headers).status_code == 401
    assert client.get(f"/v1/keys/{made['id']}", headers=member.headers).json()["revoked_at"]


def test_a_key_may_end_by_itself(client: TestClient, member: Member, clock: ManualClock) -> None:
    ends = iso_utc(clock() + timedelta(hours=1))
    made = client.post("/v1/keys", headers=member.headers, json=ASKED | {"expires_at": ends})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}

    before = client.get("/v1/account", headers=headers).status_code
    clock.advance(3600)

    assert before == 200
    assert client.get("/v1/account", headers=headers).status_code == 401


def test_the_last_use_is_shown(
    client: TestClient, app: FastAPI, member: Member, clock: ManualClock
) -> None:
    client.get("/v1/account", headers=member.headers)
    app.state.housekeeping.write_last_use()

    shown = client.get(f"/v1/keys/{member.key_id}", headers=member.headers).json()

    assert shown["last_used_at"] == iso_utc(clock())


def test_keys_come_in_pages_newest_first(client: TestClient, member: Member) -> None:
    made = [
        client.post("/v1/keys", headers=member.headers, json=ASKED).json()["id"] for _ in range(4)
    ]

    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/keys", headers=member.headers, params=query).json()
        seen += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert seen == sorted([*made, member.key_id], reverse=True)


def test_a_made_up_cursor_is_refused(client: TestClient, member: Member) -> None:
    answer = client.get("/v1/keys", headers=member.headers, params={"cursor": "zzz"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_option"


def test_unknown_scopes_are_refused(client: TestClient, member: Member) -> None:
    answer = client.post("/v1/keys", headers=member.headers, json={"name": "x", "scopes": ["root"]})

    assert answer.status_code == 422


def test_a_wrong_header_says_how_it_must_read(client: TestClient) -> None:
    answer = client.get("/v1/account", headers={"Authorization": "Basic YTpi"})

    assert answer.status_code == 401
    assert "Bearer" in answer.json()["error"]["message"]


def test_every_scope_of_a_user_can_be_given(client: TestClient, member: Member) -> None:
    asked = {"name": "all", "scopes": sorted(USER_SCOPES)}

    assert client.post("/v1/keys", headers=member.headers, json=asked).status_code == 201


def test_the_scope_of_operators_is_theirs_to_give(client: TestClient, member: Member) -> None:
    asked = {"name": "all", "scopes": sorted(ALL_SCOPES)}

    assert client.post("/v1/keys", headers=member.headers, json=asked).status_code == 403
