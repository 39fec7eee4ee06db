# Texts that no database takes are refused, on every database and wherever they come from.

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import Member

NUL, HALF = r"\u0000", r"\ud800"


@pytest.mark.parametrize("letter", [NUL, HALF])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/jobs", '{"upload_id": "a?b"}'),
        ("POST", "/v1/jobs", '{"upload_id": "a", "stems": ["vocals", "a?b"]}'),
        ("POST", "/v1/keys", '{"name": "a?b", "scopes": ["jobs:read"]}'),
        ("POST", "/v1/webhooks", '{"url": "https://8.8.8.8/x", "description": "a?b"}'),
        ("POST", "/v1/webhooks", '{"url": "https://8.8.8.8/x", "a?b": 1}'),
        ("POST", "/v1/account", '{"email": "a@example.org", "password": "correct?horse"}'),
        ("POST", "/v1/uploads/from-url", '{"url": "https://8.8.8.8/x", "name": "a?b"}'),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(
    *, client: TestClient, member: Member, method: str, path: str, body: str, letter: str
) -> None:
    headers = {**member.headers, "Content-Type": "application/json"}

    answer = client.request(method, path, content=body.replace("?", letter), headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "address",
    ["/v1/jobs/a%00b", "/v1/jobs?q=a%00b", "/v1/jobs?status=%00", "/v1/downloads/%00", "/%00"],
)
def test_an_address_with_a_nul_is_refused(client: TestClient, member: Member, address: str) -> None:
    answer = client.get(address, headers=member.headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert answer.headers["x-request-id"]


def test_half_a_surrogate_in_an_address_finds_nothing(client: TestClient, member: Member) -> None:
    answer = client.get("/v1/jobs?q=%ed%a0%80", headers=member.headers)

    assert (answer.status_code, answer.json()["data"]) == (200, [])
