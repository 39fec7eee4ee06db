"""Insert, or do something else where the row is there: the same words on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

Insert = postgresql.Insert | sqlite.Insert
"""Both have ``on_conflict_do_nothing`` and ``on_conflict_do_update`` with the same parameters."""


def insert_for(session: Session, table: type[Any]) -> Insert:
    """Return an insert into a table that knows what to do about a conflict."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
