# The commands of the service, as real processes.

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
LONG = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    ours = {name: text for name, text in os.environ.items() if not name.startswith("STEMHOUSE_")}
    return ours | {
        "STEMHOUSE_DATA_DIR": str(tmp_path / "data"),
        "STEMHOUSE_DATABASE_URL": database_url,
        "STEMHOUSE_SECRET_KEY": LONG,
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    return runner(environment)


@pytest.fixture
def run_on_nothing(environment: dict[str, str], empty_database_url: str) -> Run:
    # Where the database is still to be made.
    return runner(environment | {"STEMHOUSE_DATABASE_URL": empty_database_url})


def runner(environment: dict[str, str]) -> Run:
    def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stemhouse", *arguments]
        return subprocess.run(command, env=environment, input=given, capture_output=True, text=True)

    return run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_database_is_made_checked_and_backed_up(run_on_nothing: Run, tmp_path: Path) -> None:
    run = run_on_nothing
    before = run("db", "check")
    upgraded = run("db", "upgrade")
    after = run("db", "check")
    copy = tmp_path / "copy"
    backed_up = run("db", "backup", str(copy))
    again = run("db", "backup", str(copy))

    assert before.returncode == 2
    assert "stemhouse db upgrade" in before.stderr
    assert upgraded.returncode == after.returncode == 0
    assert backed_up.returncode == 0, backed_up.stderr
    assert copy.stat().st_size > 1000
    assert copy.stat().st_mode & 0o077 == 0
    assert again.returncode == 6


def test_an_account_and_its_key_let_in_until_revoked(run: Run) -> None:
    made = json.loads(run("user", "create", "Ada@example.org", "--json").stdout)
    listed = json.loads(run("user", "list", "--json").stdout)
    key = json.loads(run("key", "create", "ada@example.org", "--json").stdout)
    revoked = run("key", "revoke", key["id"])

    assert made["password"]
    assert listed["email"] == "ada@example.org"
    assert key["key"].startswith("shk_")
    assert revoked.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "create", "no address"),
        ("key", "create", "nobody@example.org"),
        ("key", "create", "nobody@example.org", "--scope", "root"),
        ("key", "revoke", "key_nothing"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, arguments: tuple[str, ...]) -> None:
    answer = run(*arguments)

    assert answer.returncode in (2, 3)
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1


def test_a_password_may_come_from_standard_input(run: Run) -> None:
    good = run("user", "create", "a@example.org", "--password-stdin", given="long enough\n")
    short = run("user", "create", "b@example.org", "--password-stdin", given="short\n")

    assert good.returncode == 0
    assert "password" not in good.stdout
    assert short.returncode == 2
    assert "short" not in short.stderr.replace("shorter", "")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_configuration_hides_secrets(run: Run) -> None:
    shown = run("config", "--json")

    assert json.loads(shown.stdout)["secret_key"] == "(set, hidden)"
    assert LONG not in shown.stdout + run("config").stdout


def test_web_refuses_a_database_that_is_behind(run_on_nothing: Run) -> None:
    answer = run_on_nothing("web", "--port", str(free_port()))

    assert answer.returncode == 2
    assert "stemhouse db upgrade" in answer.stderr


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("command", ["web", "serve"])
def test_a_port_that_is_taken_is_said_before_anything_starts(run: Run, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        answer = run(command, "--port", str(port))

    assert answer.returncode == 2
    assert answer.stderr.startswith(f"error: port {port} at 127.0.0.1 is taken by another program")
    assert answer.stderr.count("\n") == 1


def test_the_web_half_starts_answers_and_stops(environment: dict[str, str]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "stemhouse", "web", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        ready = wait_for(f"http://127.0.0.1:{port}/readyz", process)
        missing = httpx2.get(f"http://127.0.0.1:{port}/v1/keys/key_secret?token=abc")
    finally:
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)

    assert ready == {"status": "ok"}
    assert missing.status_code == 401
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert any(line.get("route") == "/v1/keys/{key_id}" for line in lines)
    assert not re.search(r"key_secret|token=abc", told)


def wait_for(url: str, process: subprocess.Popen[str]) -> object:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        try:
            return httpx2.get(url, timeout=5).json()
        except httpx2.TransportError:
            time.sleep(0.1)
