"""A service to measure: processes as an operator starts them, and one account on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from stemhouse.testing.sites import write_site

HOST = "127.0.0.1"
PASSWORD = "correct horse battery"
# The limits are for strangers; what is measured is what the service can do.
UNLIMITED = {
    "STEMHOUSE_RATE_REQUESTS": "",
    "STEMHOUSE_RATE_WRITES": "",
    "STEMHOUSE_RATE_SIGN_IN": "",
    "STEMHOUSE_LOG_LEVEL": "warning",
}


class ServiceFailed(Exception):
    """The service did not do what is measured, so there is nothing to measure."""


@dataclass(kw_only=True)
class Service:
    """A running service.

    Attributes
    ----------
    port : int
        Where it listens.
    processes : list of Popen
        The web process first, then the workers.
    client : Client
        Signed in with a key.
    """

    port: int
    processes: list[subprocess.Popen[bytes]]
    client: httpx2.Client = field(init=False)
    key: str = field(init=False)

    @property
    def web(self) -> psutil.Process:
        """The process that answers."""
        return psutil.Process(self.processes[0].pid)

    def upload(self, song: Path) -> str:
        """Send a song; return the upload's identifier."""
        with song.open("rb") as file:
            answer = self.client.post("/v1/uploads", files={"file": (song.name, file)})
        return str(self._answered(answer)["id"])

    def submit(self, upload_id: str, quality: str = "standard") -> str:
        """Have it separated; return the job's identifier."""
        body = {"upload_id": upload_id, "quality": quality}
        return str(self._answered(self.client.post("/v1/jobs", json=body))["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job."""
        return self._answered(self.client.get(f"/v1/jobs/{job_id}"))

    def wait(self, job_id: str, *states: str, every_s: float = 0.02) -> dict[str, Any]:
        """Return a job as soon as it is in one of the states."""
        while (job := self.job(job_id))["status"] not in states:
            if job["status"] in {"failed", "canceled"}:
                raise ServiceFailed(f"a job has {job['status']}: {job['error']}")
            time.sleep(every_s)
        return job

    def _answered(self, answer: httpx2.Response) -> dict[str, Any]:
        if answer.status_code >= 400:
            raise ServiceFailed(f"{answer.status_code}: {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    def sign_up(self) -> None:
        """Make the account and its key."""
        with httpx2.Client(base_url=f"http://{HOST}:{self.port}", timeout=60) as browser:
            body = {"email": "bench@example.org", "password": PASSWORD}
            token = self._answered(browser.post("/v1/account", json=body))["csrf_token"]
            wanted = {"name": "bench", "scopes": ["uploads", "jobs:read", "jobs:write"]}
            answer = browser.post("/v1/keys", json=wanted, headers={"X-CSRF-Token": token})
            self.key = str(self._answered(answer)["key"])
        self.client = httpx2.Client(
            base_url=f"http://{HOST}:{self.port}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=600,
        )


@contextmanager
def started(
    folder: Path, commands: Sequence[str] = ("serve",), **settings: str
) -> Iterator[Service]:
    """Start processes on SQLite in a folder of their own, and stop them."""
    port = _free_port()
    write_site(
        folder / "sites",
        outputs=[{"name": "all", "title": {"en": "All"}, "model": "spleeter-2stems"}],
        plans__free__credits_at_sign_up=1_000_000,
        plans__free__max_running_jobs=100,
        plans__free__max_files_at_once=10_000,
    )
    environment = {
        **os.environ,
        **UNLIMITED,
        "STEMHOUSE_DATA_DIR": str(folder),
        "STEMHOUSE_PORT": str(port),
        **{f"STEMHOUSE_{name.upper()}": value for name, value in settings.items()},
    }
    if "serve" not in commands:
        subprocess.run([*_STEMHOUSE, "db", "upgrade"], env=environment, check=True)
    service = Service(
        port=port,
        processes=[
            subprocess.Popen([*_STEMHOUSE, command], env=environment) for command in commands
        ],
    )
    try:
        _wait_until_ready(service)
        service.sign_up()
        yield service
        service.client.close()
    finally:
        for process in reversed(service.processes):
            process.terminate()
        for process in service.processes:
            process.wait(timeout=60)


_STEMHOUSE = (sys.executable, "-m", "stemhouse")


def _wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if service.processes[0].poll() is not None:
            raise ServiceFailed("the service ended before it was ready")
        try:
            if httpx2.get(f"http://{HOST}:{service.port}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise ServiceFailed("the service is not ready after two minutes")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
