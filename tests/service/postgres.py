# A PostgreSQL to test with: the one on this machine, or one that is started for the tests.

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.service.debian import install

HOST, PORT = "127.0.0.1", 5432


@contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the address of a server, without the name of a database."""
    found = find_server(PORT)
    if found:
        yield found
        return
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(
            f"no PostgreSQL answers at {HOST}:{PORT} and none could be installed: start one that "
            "trusts local connections, or install Debian's package postgresql"
        )
    with started(binaries) as url:
        yield url


def find_server(port: int) -> str | None:
    for user in ("postgres", getpass.getuser()):
        url = f"postgresql://{user}@{HOST}:{port}"
        try:
            psycopg.connect(f"{url}/postgres", connect_timeout=3).close()
        except psycopg.OperationalError:
            continue
        return url
    return None


def find_binaries() -> Path | None:
    # Installed if they are missing and may be.
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    return newest_binaries() or (newest_binaries() if install("postgresql") else None)


def newest_binaries() -> Path | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def started(binaries: Path) -> Iterator[str]:
    server = PrivatePostgres(binaries)
    server.start()
    try:
        yield server.url
    finally:
        server.remove()


class PrivatePostgres:
    # A server of a test's own, which it may stop and start as it likes.
    def __init__(self, binaries: Path) -> None:
        # The server refuses to run as root: then Debian's user postgres runs it.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # Not in pytest's folders, which are closed to every other user.
        self._folder = tempfile.TemporaryDirectory(prefix="stemhouse-postgres-")
        folder = Path(self._folder.name)
        self._data = data = folder / "data"
        data.mkdir()
        if as_user:
            folder.chmod(0o755)
            shutil.chown(data, "postgres")
        self._port = free_port()
        options = f"-p {self._port} -c listen_addresses={HOST} -c unix_socket_directories="
        initdb = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8"]
        subprocess.run([*as_user, *map(str, initdb)], check=True, capture_output=True, cwd="/")
        program = [str(binaries / "postgres"), "-D", str(data), *options.split(), "-c", "fsync=off"]
        self._command = [*as_user, *program]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@{HOST}:{self._port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )
        deadline = time.monotonic() + 30
        while find_server(self._port) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the PostgreSQL that the tests started does not answer")
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        # SIGINT ends the connections and stops; SIGQUIT is a crash of everything. The server itself
        # is told: runuser would make a SIGTERM of it, which waits for whoever is connected.
        if self._process is not None and self._process.poll() is None:
            os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), how)
            self._process.wait(timeout=30)

    def remove(self) -> None:
        self.stop()
        self._folder.cleanup()


class DatabaseSupply:
    # Databases made from a template before they are asked for, and dropped behind the tests' backs:
    # each takes a quarter of a second, most of it waiting for the disk.
    _AHEAD = 2

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._pool = ThreadPoolExecutor(2, "postgres-supply")
        self._ready: deque[Future[str]] = deque()
        self._dropped: list[Future[None]] = []

    def take(self) -> str:
        while len(self._ready) <= self._AHEAD:
            made = self._pool.submit(create_postgres_database, self._server, self._template)
            self._ready.append(made)
        return self._ready.popleft().result()

    def give_back(self, name: str) -> None:
        self._dropped.append(self._pool.submit(drop_postgres_database, self._server, name))

    def close(self) -> None:
        for made in self._ready:
            self.give_back(made.result())
        for dropped in self._dropped:
            dropped.result()
        self._pool.shutdown()


def create_postgres_database(server: str, template: str = "template0") -> str:
    name = f"stemhouse_test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def drop_postgres_database(server: str, name: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
