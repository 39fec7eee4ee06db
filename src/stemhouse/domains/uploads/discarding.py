"""Stored files that nobody will ask for again, of songs and of results."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.uploads import queries
from stemhouse.domains.uploads.tables import Discarded
from stemhouse.errors import StemhouseError
from stemhouse.storage import Storage

_log = logging.getLogger(__name__)

_AT_ONCE = 200


def discard(session: Session, prefix: str, now: datetime) -> None:
    """See to it that stored files are removed, after the caller's commit and within a minute.

    Parameters
    ----------
    session : Session
        The transaction that leaves them to nobody.
    prefix : str
        What their keys begin with; ends in ``/``.
    now : datetime
        The moment.
    """
    if session.get(Discarded, prefix) is None:
        session.add(Discarded(prefix=prefix, at=now))


def remove_discarded(sessions: SessionFactory, storage: Storage) -> None:
    """Remove what was discarded. May run in several processes at once."""
    with transaction(sessions, read_only=True) as session:
        prefixes = list(session.scalars(queries.discarded(_AT_ONCE)))
    for prefix in prefixes:
        try:
            storage.delete_prefix(prefix)
        except StemhouseError as error:
            # The row stays: next time.
            _log.warning("files not removed: %s", error.code)
            return
        with transaction(sessions) as session:
            session.execute(delete(Discarded).where(Discarded.prefix == prefix))
