"""What Alembic runs: one connection, one transaction for all steps, batch mode on SQLite."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import text

from stemhouse.db.base import Json, UtcDateTime
from stemhouse.db.tables import all_tables

LOCK_TIMEOUT = "10s"
"""How long a step waits for a table that somebody uses before it gives up, on PostgreSQL."""


def render_type(kind: str, thing: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column types as SQLAlchemy's, so that a step imports no models."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, Json):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(), "postgresql")'
    return False


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave tables of others (the queue's) alone."""
    if kind == "table":
        only = context.config.attributes.get("only_tables")
        return name in (only or all_tables().tables)
    return True


connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text("SELECT pg_advisory_xact_lock(7836)"))  # one upgrade at a time
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
context.configure(
    connection=connection,
    target_metadata=all_tables(),
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_type,
    include_name=is_ours,
    include_object=lambda _thing, name, kind, _reflected, _other: is_ours(name, kind, None),
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
