"""Waiting out a database that is away: a job that has cost minutes is not lost to a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.jobs.steps import Incarnation

_log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

_PAUSE_S = 0.5

# Connection, resources, operator intervention, system; serialisation failure and deadlock.
_PASSING_CLASSES = ("08", "53", "57", "58", "40")
_PASSING_TEXTS = (
    "database is locked",
    "database table is locked",
    "disk I/O error",
    "database or disk is full",
)


def is_passing(error: DBAPIError) -> bool:
    """Whether the same transaction may work a moment later."""
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or (state is not None and state[:2] in _PASSING_CLASSES):
        return True
    text = str(error.orig)
    # A connection that could not even be made has no state.
    refused = state is None and type(error.orig).__module__.startswith("psycopg")
    return refused or any(passing in text for passing in _PASSING_TEXTS)


def patiently(
    sessions: SessionFactory, incarnation: Incarnation, action: Callable[[Session], _Answer]
) -> _Answer:
    """Run a transaction, again and again while the database is away.

    The action may run twice although its first commit arrived: it must find that out itself.

    Raises
    ------
    Abandoned
        The worker stops, or was held for dead, while waiting.
    """
    while True:
        try:
            with transaction(sessions) as session:
                return action(session)
        except DBAPIError as error:
            if not is_passing(error):
                raise
            _log.warning("the database is away: %s", type(error.orig).__name__)
        incarnation.wait(_PAUSE_S)
