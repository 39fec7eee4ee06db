# What no honest client sends, each of which once was answered as if the fault were ours.

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from stemhouse.http.bodies import MOST_BYTES
from tests.service.conftest import Member

# They are refused before any database is asked.
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=B"}
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
KEY = {"name": "x", "scopes": ["jobs:read"]}
DIGITS = "9" * 5_000


def form_with(disposition: bytes) -> bytes:
    return b"--B\r\nContent-Disposition: " + disposition + b"\r\n\r\nx\r\n--B--\r\n"


def assert_refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].keys() == {"code", "message", "details", "request_id"}


@pytest.mark.parametrize("field", ["name", "unknown"])
def test_deep_bodies_are_refused(client: TestClient, member: Member, field: str) -> None:
    # How deep Python reads depends on its version, and on how deep it was called.
    for depth in (*range(860, 1_000, 2), 10_000, 100_000):
        body = f'{{"{field}": {"[" * depth}{"]" * depth}}}'

        answer = client.post("/v1/keys", content=body, headers=JSON | member.headers)

        assert_refused(answer, 400 if answer.status_code == 400 else 422)


@pytest.mark.parametrize(
    "moment",
    ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", f"{DIGITS}", "1e400", "NaN"],
)
def test_times_beyond_all_years_are_refused(
    client: TestClient, member: Member, moment: str
) -> None:
    answer = client.post("/v1/keys", json=KEY | {"expires_at": moment}, headers=member.headers)

    assert_refused(answer, 422)


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "http://é"])
def test_a_broken_origin_is_none_of_ours(client: TestClient, origin: str) -> None:
    body = {"email": "ada@example.org", "password": "guess"}

    answer = client.post("/v1/session", json=body, headers={"Origin": origin.encode("latin-1")})

    assert_refused(answer, 403)


@pytest.mark.parametrize("metadata", [b"filename \xe9", b"\xe9 \xe9"])
def test_metadata_of_uploads_that_is_no_ascii_is_refused(
    client: TestClient, member: Member, metadata: bytes
) -> None:
    headers = {**TUS, **member.headers, "Upload-Metadata": metadata}

    assert_refused(client.post("/v1/uploads/resumable", headers=headers), 400)


@pytest.mark.parametrize(
    "disposition",
    [
        b"form-data; name=file; filename*=idna''xn--%ff",
        b"form-data; name=file; filename*=undefined''x",
        b"form-data; name=file; filename*=punycode''%ff",
        b"form-data; name=file; filename*" + DIGITS.encode() + b"=x",
    ],
)
def test_names_of_files_that_nobody_can_read_are_refused(
    client: TestClient, member: Member, disposition: bytes
) -> None:
    headers = PARTS | member.headers

    answer = client.post("/v1/uploads", content=form_with(disposition), headers=headers)

    assert_refused(answer, 400)


@pytest.mark.parametrize("boundary", ["B" * 60_000, f"B; x*{DIGITS}=y", "", "é"])
def test_boundaries_that_are_none_are_refused(
    client: TestClient, member: Member, boundary: str
) -> None:
    kind = f"multipart/form-data; boundary={boundary}".encode()
    headers = {"Content-Type": kind, **member.headers}

    assert_refused(client.post("/v1/uploads", content=form_with(b"x"), headers=headers), 400)


@pytest.mark.parametrize("path", ["/takedown", "/verify", "/reset"])
def test_forms_of_pages_take_no_nul(client: TestClient, path: str) -> None:
    fields = "name=A%00&email=a@example.org&token=a%00&password=correct+horse%00"

    assert_refused(client.post(path, content=fields, headers=FORM), 422)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/v1/session", JSON), ("/v1/takedowns", {}), ("/takedown", FORM), ("/takedown", PARTS)],
)
@pytest.mark.parametrize("announced", [True, False])
def test_bodies_are_not_read_into_the_memory_without_an_end(
    client: TestClient, path: str, headers: dict[str, str], announced: bool
) -> None:
    read_bytes = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read_bytes
        for _ in range(10):
            read_bytes += MOST_BYTES // 4
            yield b" " * (MOST_BYTES // 4)

    size = {"Content-Length": str(MOST_BYTES // 4 * 10)} if announced else {}

    answer = client.post(path, content=pieces(), headers=headers | size)

    assert_refused(answer, 413)


def test_a_body_at_the_limit_is_read(client: TestClient) -> None:
    body = {"email": "ada@example.org", "password": "guess"}
    padded = json.dumps(body).encode().ljust(MOST_BYTES)

    answer = client.post("/v1/session", content=padded, headers=JSON)

    assert_refused(answer, 401)


@pytest.mark.parametrize("asked", ["bytes=-0", "bytes=999999999-"])
def test_a_range_that_the_example_lacks_is_refused_with_the_one_body(
    client: TestClient, asked: str
) -> None:
    assert_refused(client.get("/example/song.m4a", headers={"Range": asked}), 416)


def test_a_part_of_the_example_can_be_read(client: TestClient) -> None:
    whole = client.get("/example/song.m4a")

    part = client.get("/example/song.m4a", headers={"Range": "bytes=10-19"})

    assert whole.headers["cache-control"] == "public, max-age=86400"
    assert (part.status_code, part.content) == (206, whole.content[10:20])
