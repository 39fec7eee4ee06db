# What of an account can be named in an address: one maker for each parameter of a route.
# Whoever adds a route with a new parameter adds its maker here; the walk in test_api_foreign.py
# fails until then.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi.testclient import TestClient

from stemhouse.db.session import SessionFactory
from tests.service.conftest import Member


@dataclass(frozen=True)
class Owner:
    client: TestClient
    sessions: SessionFactory
    member: Member


Maker = Callable[[Owner], str]


def make_key(owner: Owner) -> str:
    body = {"name": "foreign", "scopes": ["jobs:read"]}
    answer = owner.client.post("/v1/keys", headers=owner.member.headers, json=body)
    return str(answer.json()["id"])


def make_upload(owner: Owner) -> str:
    # An upload in parts, begun and not finished: no audio is needed for it.
    headers = {**owner.member.headers, "Tus-Resumable": "1.0.0", "Upload-Length": "1000"}
    answer = owner.client.post("/v1/uploads/resumable", headers=headers)
    return answer.headers["location"].rstrip("/").rpartition("/")[2]


def make_endpoint(owner: Owner) -> str:
    body = {"url": "https://8.8.8.8/hook"}
    answer = owner.client.post("/v1/webhooks", headers=owner.member.headers, json=body)
    return str(answer.json()["id"])


def make_delivery(owner: Owner) -> str:
    path = f"/v1/webhooks/{make_endpoint(owner)}/test"
    return str(owner.client.post(path, headers=owner.member.headers).json()["id"])


MAKERS: dict[str, Maker] = {
    "key_id": make_key,
    "upload_id": make_upload,
    "endpoint_id": make_endpoint,
    "delivery_id": make_delivery,
}

# Parameters that name nothing of an account: what they stand for is said beside them.
NOBODYS: dict[str, str] = {
    "key": "a key of the storage: the link's signature decides, not the account",
}
