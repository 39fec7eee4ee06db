"""What SQLite before 3.42 lacks, as Debian 12 and Ubuntu 22.04 have it.

The queue's library takes for granted that Python 3.12 and later come with a SQLite whose
``unixepoch('subsec')`` tells fractions of a second. A Python may be built with an older one, which
answers NULL: then no job can be queued. So that one call is taught to it.
"""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

_KNOWS_FRACTIONS = (3, 42)


def teach_old_sqlite() -> None:
    """Teach every connection of this process, the library's among them; safe to repeat."""
    if sqlite3.sqlite_version_info < _KNOWS_FRACTIONS and not event.contains(
        Engine, "connect", _teach
    ):
        event.listen(Engine, "connect", _teach)


def _teach(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    if isinstance(connection, sqlite3.Connection):
        # One argument: `unixepoch()` and `unixepoch('now', …)` stay SQLite's own.
        connection.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float:
    if modifier != "subsec":
        raise ValueError("only unixepoch('subsec') is known to this version of SQLite")
    return round(time.time(), 3)
