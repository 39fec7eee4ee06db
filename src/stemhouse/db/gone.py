"""Rows that another transaction removed after this one had found them."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

_FOREIGN_KEY: Final = frozenset({"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"})


def lost_a_row(error: Exception) -> bool:
    """Say whether a change failed because what it changes or belongs to is there no more."""
    if isinstance(error, StaleDataError):
        return True
    if not isinstance(error, IntegrityError):
        return False
    names = {getattr(error.orig, name, None) for name in ("sqlstate", "sqlite_errorname")}
    return not _FOREIGN_KEY.isdisjoint(names)
