"""``stemhouse db``: upgrade, check and back up the database."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemhouse.cli.entry import ConfigOption, opened_database, read_settings
from stemhouse.errors import ExternalError, InvalidOption, OutputExists, OutputNotWritable

if TYPE_CHECKING:
    from sqlalchemy import URL

app = typer.Typer(no_args_is_help=True, help="Upgrade, check and back up the database.")


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Bring the database to what this version needs. Back it up first."""
    from stemhouse.db import checks

    with opened_database(read_settings(config)) as engine:
        before = checks.compare(engine)
        after = checks.upgrade(engine)
    if before.revision == after.revision:
        typer.echo(f"The database is at {after.revision} already.")
    else:
        typer.echo(
            f"Upgraded the database from {before.revision or 'nothing'} to {after.revision}."
        )


@app.command()
def check(config: ConfigOption = None) -> None:
    """Say whether the database fits this version; exit with an error where it does not."""
    from stemhouse.db import checks

    with opened_database(read_settings(config)) as engine:
        state = checks.check(engine)
    typer.echo(f"The database is at {state.revision}, as this version needs it.")


@app.command()
def backup(
    target: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write.",
            show_default="in the folder backups of the data folder",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write a copy of the database to a file, while the service runs.

    SQLite: a database again. PostgreSQL: for pg_restore; needs pg_dump.
    """
    from sqlalchemy import make_url

    settings = read_settings(config)
    url = make_url(settings.effective_database_url)
    suffix = "db" if settings.on_sqlite else "dump"
    name = f"stemhouse-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{suffix}"
    target = target or settings.data_dir / "backups" / name
    if target.exists():
        raise OutputExists(f"{target} is there already: choose another file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)  # it holds everybody's data
    except OSError as error:
        raise OutputNotWritable(f"{target} cannot be written: {error.strerror}") from error
    try:
        if settings.on_sqlite:
            _copy_sqlite(Path(url.database or ""), target)
        else:
            _dump_postgres(url, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    typer.echo(f"Wrote {target} ({target.stat().st_size:,} bytes).")


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InvalidOption("there is no database yet: nothing to back up")
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _dump_postgres(url: URL, target: Path) -> None:
    # The password travels in the environment: arguments are visible to every user of the machine.
    import os

    environment = {**os.environ, "PGPASSWORD": url.password or ""}  # noqa: TID251
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    command = ["pg_dump", "--format=custom", f"--file={target}", plain]
    try:
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ExternalError(
            "pg_dump is not installed: install PostgreSQL's client programs (Debian: "
            "postgresql-client)"
        ) from error
    if answer.returncode:
        raise ExternalError(f"pg_dump could not back up the database: {answer.stderr.strip()}")
