# What the tests of the service share. Whatever touches the database runs on SQLite and PostgreSQL:
# ask for `database_url` (or anything made from it), and the test is one of two.

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import Engine

from stemhouse.api.app import create_app
from stemhouse.db.checks import upgrade
from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, make_engine, make_sessions, transaction
from stemhouse.domains.accounts.scopes import ALL_SCOPES
from stemhouse.domains.accounts.tables import Account, ApiKey
from stemhouse.domains.accounts.tokens import SHOWN_CHARACTERS, hash_token, new_key
from stemhouse.jobs.queue import prepare_queue
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import TEST_SITE, write_site
from tests.service.postgres import (
    DatabaseSupply,
    create_postgres_database,
    drop_postgres_database,
    running_postgres,
)

MODELS = Path(__file__).parents[1] / "data"

MakeDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    # With the queue's tables, as where a service ran before: making them takes half a start.
    prepare_queue(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    name = create_postgres_database(postgres_server)
    engine = make_engine(f"{postgres_server}/{name}")
    upgrade(engine)
    engine.dispose()
    prepare_queue(f"{postgres_server}/{name}")
    yield name
    drop_postgres_database(postgres_server, name)


@pytest.fixture(scope="session")
def postgres_supply(postgres_server: str, postgres_template: str) -> Iterator[DatabaseSupply]:
    supply = DatabaseSupply(postgres_server, postgres_template)
    yield supply
    supply.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_database_url(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    # A database in which nothing is.
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server = request.getfixturevalue("postgres_server")
    name = create_postgres_database(server)
    yield f"{server}/{name}"
    drop_postgres_database(server, name)


@pytest.fixture
def database_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    # A database of this test alone, with all tables and no rows.
    if dialect == "sqlite":
        path = tmp_path / "service.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    supply = request.getfixturevalue("postgres_supply")
    name = supply.take()
    yield f"{request.getfixturevalue('postgres_server')}/{name}"
    supply.give_back(name)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    # Override it in a test module with settings.model_copy(update={...}), and the site with
    # write_site(settings.data_dir / "sites", ...).
    write_site(tmp_path / "data" / "sites")
    # Read, never written to: workers of tests have copies of their own.
    return Settings(
        data_dir=tmp_path / "data",
        models_dir=MODELS,
        database_url=SecretStr(database_url),
        secret_key=SecretStr("a secret that only the tests know of"),
        public_url="http://testserver",
        heartbeat_s=0.2,
        # Long enough for a busy machine to let every living worker come to its turn.
        dead_after_s=5.0,
        limits_storage="memory",
    )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> SessionFactory:
    return make_sessions(engine)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def app(settings: Settings, clock: ManualClock) -> FastAPI:
    return create_app(settings, clock=clock)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    # Not signed in. An unexpected error becomes a 500, as it would for people.
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@dataclass(frozen=True)
class Member:
    # An account with a key that may do everything.
    account_id: str
    key_id: str
    key: str
    site_id: str = TEST_SITE
    headers: dict[str, str] = field(default_factory=dict)


MakeMember = Callable[..., Member]


@pytest.fixture
def make_member(sessions: SessionFactory, clock: ManualClock) -> MakeMember:
    def make(*, scopes: frozenset[str] = ALL_SCOPES, site_id: str = TEST_SITE) -> Member:
        account_id, key_id, key = new_id("acct"), new_id("key"), new_key()
        account = Account(
            id=account_id,
            site_id=site_id,
            kind="user",
            email=f"{uuid.uuid4().hex}@example.org",
            email_verified_at=clock(),
            plan="free",
            created_at=clock(),
        )
        row = ApiKey(
            id=key_id,
            site_id=site_id,
            account_id=account_id,
            name="tests",
            shown_start=key[:SHOWN_CHARACTERS],
            token_hash=hash_token(key),
            scopes=sorted(scopes),
            created_at=clock(),
        )
        with transaction(sessions) as session:
            session.add(account)
            session.flush()
            session.add(row)
        headers = {"Authorization": f"Bearer {key}"}
        return Member(account_id, key_id, key, site_id, headers)

    return make


@pytest.fixture
def member(make_member: MakeMember) -> Member:
    return make_member()
