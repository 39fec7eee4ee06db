"""Where the commands of the service read their settings, and with them the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from stemhouse.settings import Settings
    from stemhouse.sites.schema import Site

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A TOML file with settings; variables STEMHOUSE_… count before it.",
        show_default=False,
    ),
]
SiteOption = Annotated[
    str | None,
    typer.Option(
        "--site",
        metavar="NAME",
        help="Which site.",
        show_default="the one for any host, or the first",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where everything is kept.",
        show_default="the user's data folder",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_settings(config: Path | None, **overrides: Any) -> Settings:
    """Return the settings of this process."""
    from stemhouse.settings_sources import load_settings

    environment = dict(os.environ)  # noqa: TID251 - this is the entry point
    return load_settings(environment, config, **overrides)


@contextmanager
def opened_database(settings: Settings) -> Iterator[Engine]:
    """Open the database, whatever its state."""
    from stemhouse.db.session import make_engine

    engine = make_engine(settings.effective_database_url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def one_transaction(config: Path | None, *, read_only: bool = False) -> Iterator[Session]:
    """Open the checked database for one command."""
    from stemhouse.db.checks import check
    from stemhouse.db.session import make_sessions, transaction

    with opened_database(read_settings(config)) as engine:
        check(engine)
        with transaction(make_sessions(engine), read_only=read_only) as session:
            yield session


def site_named(config: Path | None, name: str | None) -> Site:
    """Return the site that an option names, or the usual one."""
    from stemhouse.sites.place import open_book

    book = open_book(read_settings(config))
    return book.usual() if name is None else book.by_name(name)
