# A browser for the tests: keeps cookies, sends the token that pages send.

from __future__ import annotations

import email
import email.policy
import re
import time
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

PASSWORD = "correct horse battery"


class Browser:
    def __init__(self, client: TestClient) -> None:
        self.client = TestClient(client.app, raise_server_exceptions=False)
        self.csrf: str | None = None

    def request(self, method: str, path: str, **more: Any) -> Any:
        headers = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        answer = self.client.request(
            method, path, headers=headers | more.pop("headers", {}), **more
        )
        if answer.headers.get("content-type") == "application/json" and answer.content:
            body = answer.json()
            self.csrf = body.get("csrf_token", self.csrf) if isinstance(body, dict) else self.csrf
        return answer

    def get(self, path: str, **more: Any) -> Any:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> Any:
        return self.request("PUT", path, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.request("DELETE", path, **more)

    def sign_up(self, address: str, password: str = PASSWORD) -> Any:
        return self.post("/v1/account", json={"email": address, "password": password})

    def sign_in(self, address: str, password: str = PASSWORD) -> Any:
        return self.post("/v1/session", json={"email": address, "password": password})


def mails(data_dir: Path, count: int) -> list[email.message.EmailMessage]:
    # Mails are sent after the request, by a thread.
    deadline = time.monotonic() + 60
    while len(found := sorted((data_dir / "mails").glob("*.eml"))) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} mails came"
        time.sleep(0.05)
    policy = email.policy.default
    return [email.message_from_bytes(path.read_bytes(), policy=policy) for path in found]


def token_in(mail: email.message.EmailMessage) -> str:
    found = re.search(r"token=([\w-]+)", mail.get_content())
    assert found is not None
    return found[1]
