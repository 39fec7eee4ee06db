# The same way in, with songs kept on a real S3 server.

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from stemhouse.settings import Settings
from stemhouse.storage import S3Options, Storage
from stemhouse.testing.s3_server import running_s3
from tests.service.conftest import Member
from tests.service.test_uploads import TUS, begin, send, send_part, song, stored


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Options]:
    with running_s3(tmp_path_factory.mktemp("s3")) as options:
        yield options


@pytest.fixture
def dialect() -> str:
    return "sqlite"  # nothing here depends on the database


@pytest.fixture
def settings(settings: Settings, s3_server: S3Options, request: pytest.FixtureRequest) -> Settings:
    changes = {
        "storage_url": f"s3://{s3_server.bucket}/{abs(hash(request.node.name))}",
        "s3_endpoint": s3_server.endpoint,
        "s3_access_key": s3_server.access_key_id,
        "s3_secret_key": SecretStr(s3_server.secret_access_key or ""),
    }
    return settings.model_copy(update=changes)


@pytest.fixture
def storage(client: TestClient) -> Storage:
    found: Storage = client.app.state.storage  # type: ignore[attr-defined]
    return found


def test_a_song_in_one_request_and_its_presigned_link(
    client: TestClient, member: Member, storage: Storage
) -> None:
    wav = song()

    upload = send(client, member, wav).json()

    key = f"uploads/{upload['id']}/song"
    assert stored(storage) == [key]
    assert httpx.get(storage.link(key, timedelta(minutes=1), site="default")).content == wav


def test_a_song_in_parts(client: TestClient, member: Member, storage: Storage) -> None:
    wav = song()
    address = begin(client, member, len(wav)).headers["location"]

    for start in range(0, len(wav), 9_000):
        send_part(client, member, address, start, wav[start : start + 9_000])

    upload_id = address.rsplit("/", 1)[-1]
    assert client.head(address, headers=member.headers | TUS).headers["upload-offset"] == str(
        len(wav)
    )
    assert stored(storage) == [f"uploads/{upload_id}/song"]
    assert storage.get(stored(storage)[0]) == wav


def test_what_is_refused_or_deleted_leaves_nothing(
    client: TestClient, member: Member, storage: Storage
) -> None:
    refused = send(client, member, b"words" * 1_000)
    kept = send(client, member, song()).json()["id"]
    deleted = client.delete(f"/v1/uploads/{kept}", headers=member.headers)

    assert (refused.status_code, deleted.status_code) == (400, 204)
    assert stored(storage) == []


def test_the_storage_is_part_of_being_ready(client: TestClient) -> None:
    assert client.get("/readyz").status_code == 200
