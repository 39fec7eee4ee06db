# The one error body, on every kind of error.

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.service.conftest import Member


def test_a_key_shows_its_account(client: TestClient, member: Member) -> None:
    answer = client.get("/v1/account", headers=member.headers)

    assert answer.status_code == 200
    assert answer.json()["id"] == member.account_id
    assert answer.json()["created_at"] == "2026-01-01T12:00:00.000Z"


def test_an_unknown_address_gets_the_error_body(client: TestClient) -> None:
    answer = client.get("/v1/nothing")

    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == "not_found"
    assert error["request_id"] == answer.headers["x-request-id"]


def test_nobody_gets_in_without_a_key(client: TestClient) -> None:
    answer = client.get("/v1/account")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"
