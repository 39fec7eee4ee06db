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
from dataclasses import dataclass
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
        deadline = time.monotonic() + 120
        while find_server(self._port) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the PostgreSQL that the tests started does not answer")
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        # SIGINT ends the connections and stops; SIGQUIT is a crash of everything. The server itself
        # is told: runuser would make a SIGTERM of it, which waits for whoever is connected.
        if self._process is not None and self._process.poll() is None:
            os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), how)
            self._process.wait(timeout=120)

    def remove(self) -> None:
        self.stop()
        self._folder.cleanup()


class DatabaseSupply:
    # Databases made from a template before they are asked for. What comes back is made as new and
    # serves again, behind the tests' backs: a new copy takes the server many times as long.
    _AHEAD = 2

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._original = Original.of(f"{server}/{template}")
        self._pool = ThreadPoolExecutor(2, "postgres-supply")
        self._ready: deque[Future[str]] = deque()

    def take(self) -> str:
        while len(self._ready) <= self._AHEAD:
            made = self._pool.submit(create_postgres_database, self._server, self._template)
            self._ready.append(made)
        return self._ready.popleft().result()

    def give_back(self, name: str) -> None:
        self._ready.append(self._pool.submit(self._renew, name))

    def close(self) -> None:
        for made in self._ready:
            drop_postgres_database(self._server, made.result())
        self._pool.shutdown()

    def _renew(self, name: str) -> str:
        # Under another name: whoever a test forgot to stop does not find it again.
        fresh = new_name()
        if rename_postgres_database(self._server, name, fresh):
            if self._original.restore(f"{self._server}/{fresh}"):
                return fresh
            name = fresh
        drop_postgres_database(self._server, name)
        return create_postgres_database(self._server, self._template)


@dataclass(frozen=True)
class Original:
    # A template's tables and rows, to make its copies the same again.
    shape: str
    rows: dict[str, bytes]

    @classmethod
    def of(cls, url: str) -> Original:
        with psycopg.connect(url, autocommit=True) as connection:
            rows = {}
            for table in written_tables(connection):
                with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                    rows[table] = b"".join(bytes(part) for part in copy)
            return cls(shape_of(connection), rows)

    def restore(self, url: str) -> bool:
        # Says whether it is as new: it is not where the tables themselves are others, or where
        # tests may not do without triggers.
        with psycopg.connect(url, autocommit=True) as connection:
            if shape_of(connection) != self.shape:
                return False
            written = written_tables(connection)
            # The ledger's triggers refuse to forget, and those of keys would ask for an order.
            try:
                connection.execute("SET session_replication_role = replica")
            except psycopg.errors.InsufficientPrivilege:
                return False
            connection.execute(";".join(f"DELETE FROM {table}" for table in written))
            # Down to no pages: a table with gaps would give its rows in another order.
            connection.execute(f"VACUUM (INDEX_CLEANUP ON) {', '.join(written)}")
            if written_tables(connection):
                return False
            for table, rows in self.rows.items():
                with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
            return True


# Which tables there are and what they are like; a copy's have the numbers of its template's.
SHAPE = """
    SELECT md5(string_agg(part, ';' ORDER BY part)) FROM (
        SELECT concat('table ', oid, relname, relkind, reloptions) AS part FROM pg_class
        WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
        UNION ALL SELECT concat('column ', pg_attribute.*) FROM pg_attribute WHERE attrelid >= 16384
        UNION ALL SELECT concat('default ', oid) FROM pg_attrdef
        UNION ALL SELECT concat('rule ', oid, conname, convalidated) FROM pg_constraint
        UNION ALL SELECT concat('trigger ', oid, tgname, tgenabled) FROM pg_trigger
        UNION ALL SELECT concat('function ', oid, prosrc) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat('counter ', sequencename, last_value) FROM pg_sequences
    ) AS parts
"""
# With rows, or with gaps where rows were.
WRITTEN = """
    SELECT format('%I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND pg_class.oid >= 16384 AND pg_relation_size(pg_class.oid) > 0
"""


def shape_of(connection: psycopg.Connection) -> str:
    return str(connection.execute(SHAPE).fetchall()[0][0])


def written_tables(connection: psycopg.Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(WRITTEN)]


def new_name() -> str:
    return f"stemhouse_test_{uuid.uuid4().hex}"


def create_postgres_database(server: str, template: str = "template0") -> str:
    name = new_name()
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def rename_postgres_database(server: str, name: str, to: str) -> bool:
    # Not where somebody comes back to it at once.
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(ended, (name,))
        try:
            connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{to}"')
        except psycopg.errors.ObjectInUse:
            return False
    return True


def drop_postgres_database(server: str, name: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
