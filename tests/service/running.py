# A server as people start it: a process of its own, spoken to over HTTP.

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from stemhouse.settings import Settings
from tests.service.installation import DATA, MODEL, end_family, environment
from tests.service.postgres import free_port
from tests.trust import trusted

JSON = dict[str, Any]
EVENT_LIMIT_S = 60


@dataclass(frozen=True)
class RunningServer:
    address: str
    process: subprocess.Popen[bytes]

    def client(self, key: str | None = None) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.Client(base_url=self.address, headers=headers, timeout=60, verify=trusted())


@contextmanager
def running_server(
    settings: Settings, *, command: str = "serve", log: Path | None = None
) -> Iterator[RunningServer]:
    # With a file for its log, it tells there all that it usually does.
    port = free_port()
    models = settings.data_dir / "models"
    shutil.copytree(DATA / MODEL, models / MODEL, dirs_exist_ok=True)
    settings = settings.model_copy(update={"models_dir": models, "host": "127.0.0.1", "port": port})
    more = {
        "STEMHOUSE_HOST": settings.host,
        "STEMHOUSE_PORT": str(port),
        "STEMHOUSE_LOG_LEVEL": "info" if log else "warning",
        "STEMHOUSE_RATE_SIGN_IN": settings.rate_sign_in,
    }
    with nullcontext() if log is None else log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "stemhouse", command],
            env={**os.environ, **environment(settings), **more},
            stderr=told,
        )
    server = RunningServer(f"http://127.0.0.1:{port}", process)
    try:
        wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            end_family(process)
            raise


def wait_until_ready(server: RunningServer, within_s: float = 240) -> None:
    deadline = time.monotonic() + within_s
    with server.client() as client:
        while time.monotonic() < deadline:
            assert server.process.poll() is None, "the server ended"
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
    raise AssertionError(f"the server was not ready within {within_s} s")


def sign_up(server: RunningServer, address: str) -> str:
    # As a program's owner does it: an account in the browser, a key for the program.
    with server.client() as browser:
        body = {"email": address, "password": "correct horse battery"}
        session = answered(browser.post("/v1/account", json=body), 201)
        scopes = ["account:read", "uploads", "jobs:read", "jobs:write", "webhooks"]
        key = browser.post(
            "/v1/keys",
            json={"name": "test", "scopes": scopes},
            headers={"X-CSRF-Token": session["csrf_token"]},
        )
        return str(answered(key, 201)["key"])


def answered(answer: httpx2.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def send(client: httpx2.Client, song: bytes, name: str = "song.wav") -> str:
    answer = client.post("/v1/uploads", files={"file": (name, song, "audio/wav")})
    return str(answered(answer, 201)["id"])


def order(client: httpx2.Client, upload_id: str, **more: Any) -> JSON:
    body = {"upload_id": upload_id, "quality": "fast", **more}
    return dict(answered(client.post("/v1/jobs", json=body), 201))


def events_of(client: httpx2.Client, job_id: str, after: int | None = None) -> list[JSON]:
    # Until the stream ends, which it does with the job.
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    address = f"/v1/jobs/{job_id}/events"
    with client.stream("GET", address, headers=headers, timeout=EVENT_LIMIT_S) as stream:
        assert stream.status_code == 200, stream.read()
        return list(parsed(stream.iter_lines()))


def parsed(lines: Iterator[str]) -> Iterator[JSON]:
    event: JSON = {}
    for line in lines:
        if not line:
            if "data" in event:
                yield {**event, "data": json.loads(event["data"])}
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
