# A PostgreSQL to test with: the one on this machine, or one that is started for the tests.

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

HOST, PORT = "127.0.0.1", 5432


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Yield the address of a server, without the name of a database."""
    found = find_server(PORT)
    if found:
        yield found
        return
    binaries = find_binaries() or install_binaries()
    if binaries is None:
        pytest.skip(
            f"no PostgreSQL answers at {HOST}:{PORT} and none could be installed: start one that "
            "trusts local connections, or install Debian's package postgresql"
        )
    with started(binaries, folder) as url:
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
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def install_binaries() -> Path | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    for command in (["update", "-qq"], ["install", "-qq", "-y", "postgresql"]):
        subprocess.run(["apt-get", *command], capture_output=True, timeout=240, check=False)
    return find_binaries()


@contextmanager
def started(binaries: Path, folder: Path) -> Iterator[str]:
    # The server refuses to run as root: then Debian's user postgres runs it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data = folder / "data"
    data.mkdir()
    if as_user:
        folder.chmod(0o755)
        shutil.chown(data, "postgres")
    port = free_port()
    options = f"-p {port} -c listen_addresses={HOST} -c unix_socket_directories= -c fsync=off"
    initdb = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8"]
    subprocess.run([*as_user, *map(str, initdb)], check=True, capture_output=True, cwd="/")
    server = [*as_user, str(binaries / "postgres"), "-D", str(data), *options.split()]
    process = subprocess.Popen(
        server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        deadline = time.monotonic() + 30
        while (url := find_server(port)) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the PostgreSQL that the tests started does not answer")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
