"""Whether the database and this code fit together, and the upgrade that makes them fit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from stemhouse.errors import DatabaseAhead, DatabaseBehind

MIGRATIONS = Path(__file__).parent / "migrations"

_INSTALLATION = sa.table("installation", sa.column("name"), sa.column("value"))


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database is, compared with what this code needs."""

    kind: Literal["empty", "behind", "current", "ahead"]
    revision: str | None
    head: str
    written_by: str | None
    """The version of Stemhouse that upgraded the database last."""


def compare(engine: sa.Engine) -> DatabaseState:
    """Compare a database with this code."""
    scripts = ScriptDirectory.from_config(migration_config())
    head = scripts.get_current_head()
    assert head is not None, "the package holds no migrations"
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        written_by = _written_by(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    kind: Literal["empty", "behind", "current", "ahead"] = "behind"
    if revision is None:
        kind = "empty"
    elif revision == head:
        kind = "current"
    elif revision not in known:
        kind = "ahead"
    return DatabaseState(kind, revision, head, written_by)


def check(engine: sa.Engine) -> DatabaseState:
    """Refuse a database that does not fit this code.

    Raises
    ------
    DatabaseBehind
        The database is empty or older; the message holds the command.
    DatabaseAhead
        A newer Stemhouse has upgraded it; the message names its version.
    """
    state = compare(engine)
    if state.kind == "ahead":
        raise DatabaseAhead(
            f"the database is at revision {state.revision}, written by Stemhouse "
            f"{state.written_by or 'of an unknown version'}, which is newer than this one "
            f"({version('stemhouse')}): install that version or a newer one, or restore a backup",
            revision=state.revision,
            written_by=state.written_by,
        )
    if state.kind != "current":
        found = "empty" if state.kind == "empty" else f"at revision {state.revision}"
        raise DatabaseBehind(
            f"the database is {found}, this code needs {state.head}: "
            "run stemhouse db upgrade (after stemhouse db backup)",
            revision=state.revision,
            head=state.head,
        )
    return state


def upgrade(engine: sa.Engine, *, to: str = "head") -> DatabaseState:
    """Take all steps from where the database is to what this code needs, in one transaction.

    Raises
    ------
    DatabaseAhead
        A newer Stemhouse has upgraded it: there is no way back from here.
    """
    if compare(engine).kind == "ahead":
        check(engine)
    config = migration_config()
    with engine.execution_options(stemhouse_migration=True).connect() as connection:
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            _note_version(connection)
        connection.invalidate()  # on SQLite it has forgotten to enforce foreign keys
    return compare(engine)


def migration_config() -> Config:
    """Return what Alembic needs to find the migrations of this package."""
    config = Config()
    # Alembic reads a per cent sign in a path as the start of a reference.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _note_version(connection: sa.Connection) -> None:
    if sa.inspect(connection).has_table("installation"):
        connection.execute(sa.delete(_INSTALLATION).where(_INSTALLATION.c.name == "version"))
        note = {"name": "version", "value": version("stemhouse")}
        connection.execute(sa.insert(_INSTALLATION).values(note))


def _written_by(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("installation"):
        return None
    wanted = sa.select(_INSTALLATION.c.value).where(_INSTALLATION.c.name == "version")
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else str(found)
