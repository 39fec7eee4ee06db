"""The database's clock, in the words of each database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class DatabaseSeconds(GenericFunction[float]):
    """Seconds since 1970, now and not when the transaction began."""

    type = Float()
    name = "database_seconds"
    inherit_cache = True


@compiles(DatabaseSeconds, "postgresql")
def _on_postgresql(_element: DatabaseSeconds, _compiler: SQLCompiler, **_options: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


@compiles(DatabaseSeconds, "sqlite")
def _on_sqlite(_element: DatabaseSeconds, _compiler: SQLCompiler, **_options: Any) -> str:
    # unixepoch('subsec') needs SQLite 3.42; julianday has had milliseconds for ever.
    return "((julianday('now') - 2440587.5) * 86400.0)"
