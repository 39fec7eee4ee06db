"""Engines, sessions and the one place where a transaction is committed.

``transaction`` is used by the outermost frames alone: the request, the attempt of a job, a
command. A commit anywhere else is an error of ours and fails at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from stemhouse.db.old_sqlite import teach_old_sqlite

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another one on SQLite; writes are short, so this is generous."""

POOL_SIZE = 10
MAX_OVERFLOW = 50
"""Together more than FastAPI's 40 threads: a request waits for work, never for a connection."""


class GuardedSession(Session):
    """A session that knows what it was opened for (its `info`), and refuses the rest."""


class SessionFactory(sessionmaker[Session]):
    """Makes sessions of one database: for transactions, for reading ones, for single reads.

    Parameters
    ----------
    engine : Engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, class_=GuardedSession, expire_on_commit=False)
        self.engine = engine
        # Made once: a view of an engine joins its listeners anew.
        self.reading_engine = engine.execution_options(**_read_only(engine))
        self.single_engine = engine.execution_options(**_single(engine))


def _read_only(engine: Engine) -> dict[str, Any]:
    # Both see the database as it was at the first statement, whatever is written meanwhile.
    if engine.dialect.name == "sqlite":
        return {"stemhouse_read_only": True}
    return {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}


def _single(engine: Engine) -> dict[str, Any]:
    # Reads outside any transaction. SQLite's driver is told once not to begin any; the library's
    # own option would tell it anew, with a statement, for each read.
    if engine.dialect.name == "sqlite":
        return {"stemhouse_single": True}
    return {"isolation_level": "AUTOCOMMIT"}


def make_engine(url: str) -> Engine:
    """Make the engine of a database address; nothing is opened yet.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql://user:password@host/name``.
    """
    parsed = make_url(url)
    # Parameters hold names of songs and addresses: they stay out of error messages.
    common: dict[str, Any] = {"hide_parameters": True}
    if parsed.get_backend_name() != "sqlite":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            # A server may have gone and come back; a file has not.
            pool_pre_ping=True,
            **common,
        )
    teach_old_sqlite()
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        # All are kept: an open file costs nothing, and opening it anew as much as reading a job.
        pool_size=POOL_SIZE + MAX_OVERFLOW,
        **common,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_sessions(engine: Engine) -> SessionFactory:
    """Return the factory that ``transaction`` and ``reading`` make sessions from."""
    return SessionFactory(engine)


@contextmanager
def transaction(sessions: SessionFactory, *, read_only: bool = False) -> Iterator[Session]:
    """Open a transaction; commit it at the end, or roll back when an error passes.

    The connection is taken at the first statement, not here. On SQLite a writing transaction
    takes the write lock when it begins, because one that upgrades later may fail without waiting.

    Parameters
    ----------
    sessions : SessionFactory
        From ``make_sessions``.
    read_only : bool
        Promise to write nothing: the promise is held by an error, and on SQLite it lets the
        transaction run beside a writer.
    """
    with _session(sessions, read_only=read_only) as session:
        yield session
        session.info["at_the_edge"] = True
        session.commit()


class Reads:
    """Single reads over one connection, which is taken when the first of them comes.

    For what is read many times a second: a session costs more than the read of a row.

    Parameters
    ----------
    sessions : SessionFactory
        From ``make_sessions``.
    """

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions
        self._connection: Connection | None = None

    def row(self, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]) -> Any:
        """Read one row, of entities their columns; None if there is none."""
        return self._connected().execute(statement, values).one_or_none()

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._sessions.single_engine.connect()
        return self._connection


@contextmanager
def looking(sessions: SessionFactory) -> Iterator[Reads]:
    """Open single reads outside any transaction."""
    reads = Reads(sessions)
    try:
        yield reads
    finally:
        reads.close()


@contextmanager
def reading(sessions: SessionFactory) -> Iterator[Session]:
    """Open a session for single reads outside any transaction, such as looking up who asks."""
    with sessions(bind=sessions.single_engine, info={"reads_only": True}) as session:
        yield session


@contextmanager
def _session(sessions: SessionFactory, *, read_only: bool) -> Iterator[Session]:
    engine = sessions.reading_engine if read_only else sessions.engine
    info = {"reads_only": read_only, "at_the_edge": False}
    with sessions(bind=engine, info=info) as session:
        yield session


@event.listens_for(GuardedSession, "before_commit")
def _refuse_commit(session: Session) -> None:
    if not session.info.get("at_the_edge", True):
        raise AssertionError(
            "commit outside the edge: a request, a job's attempt or a command commits once, at "
            "its end (stemhouse.db.session.transaction)"
        )


@event.listens_for(GuardedSession, "before_flush")
def _refuse_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    if not session.info.get("reads_only"):
        return
    if session.new or session.deleted or any(map(session.is_modified, session.dirty)):
        raise AssertionError("this transaction was opened read-only: open it for writing")


@event.listens_for(GuardedSession, "do_orm_execute")
def _refuse_statement(state: ORMExecuteState) -> None:
    if not state.session.info.get("reads_only"):
        return
    if state.is_insert or state.is_update or state.is_delete:
        raise AssertionError("this transaction was opened read-only: open it for writing")


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Let SQLAlchemy's begin event say BEGIN: the driver would begin only before the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("stemhouse_single"):
        return
    if options.get("stemhouse_migration"):
        # A step may rebuild a table; with keys enforced that would empty the tables around it.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        # Triggers may read a table while a step has it under another name.
        connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    kind = "DEFERRED" if options.get("stemhouse_read_only") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {kind}")
