# The service as people run it: one process that is asked over the network of this machine.

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from pydantic import SecretStr

from stemhouse.db.checks import upgrade
from stemhouse.db.ids import new_id
from stemhouse.db.session import make_engine, make_sessions, transaction
from stemhouse.domains.accounts.scopes import ALL_SCOPES
from stemhouse.domains.accounts.tables import Account, ApiKey
from stemhouse.domains.accounts.tokens import SHOWN_CHARACTERS, hash_token, new_key
from stemhouse.settings import Settings
from stemhouse.testing.sites import TEST_SITE, write_site
from tests.service.installation import DATA, MODEL, end_family, environment


@dataclass(frozen=True)
class Served:
    url: str
    port: int
    settings: Settings

    def key(self) -> str:
        # A new account and what opens it.
        engine = make_engine(self.settings.effective_database_url)
        key, account_id, now = new_key(), new_id("acct"), datetime.now(UTC)
        account = Account(
            id=account_id,
            site_id=TEST_SITE,
            kind="user",
            email=f"{account_id}@example.org",
            plan="free",
            created_at=now,
        )
        row = ApiKey(
            id=new_id("key"),
            site_id=TEST_SITE,
            account_id=account_id,
            name="tests",
            shown_start=key[:SHOWN_CHARACTERS],
            token_hash=hash_token(key),
            scopes=sorted(ALL_SCOPES),
            created_at=now,
        )
        with transaction(make_sessions(engine)) as session:
            session.add(account)
            session.flush()
            session.add(row)
        engine.dispose()
        return key


@contextmanager
def served(folder: Path, **variables: str) -> Iterator[Served]:
    # With further settings, as variables of the environment.
    models = folder / "models"
    shutil.copytree(DATA / MODEL, models / MODEL)
    settings = Settings(
        data_dir=folder,
        database_url=SecretStr(f"sqlite:///{folder}/service.db"),
        secret_key=SecretStr("a secret that only the tests know of"),
        models_dir=models,
        limits_storage="memory",
        storage_url=f"file://{folder}/files",
    )
    # All visitors of the tests share one address.
    write_site(
        folder / "sites",
        guard__guests_per_address_per_day=1_000,
        guard__accounts_per_address_per_day=0,
    )
    engine = make_engine(settings.effective_database_url)
    upgrade(engine)
    engine.dispose()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "stemhouse", "serve", "--port", str(port)],
        env={
            **os.environ,
            **environment(settings),
            "STEMHOUSE_ALLOW_PRIVATE_ADDRESSES": "true",
            "STEMHOUSE_RATE_SIGN_IN": "1000/minute",
            "STEMHOUSE_LOG_LEVEL": "warning",
            **variables,
        },
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield Served(url, port, settings)
    finally:
        end_gently(process)


def end_gently(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        end_family(process)


def wait_for(url: str, process: subprocess.Popen[bytes], within_s: float = 240) -> None:
    # A process that ends is noticed at once: the limit is for machines that do much else.
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            with urlopen(f"{url}/healthz", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
