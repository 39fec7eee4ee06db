"""Removing what nobody needs any more: expired uploads, and files that no row knows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.uploads import queries
from stemhouse.domains.uploads.discarding import discard
from stemhouse.domains.uploads.service import PREFIX, folder_of
from stemhouse.errors import StemhouseError
from stemhouse.storage import LocalStorage, Storage

_log = logging.getLogger(__name__)

Busy = Callable[[Session, Sequence[str]], Collection[str]]
"""Says which of some uploads unfinished jobs still need."""

_AT_ONCE = 200
_YOUNG = timedelta(hours=1)
"""Files younger than this may belong to a row that is not committed yet."""

_FIRST_LOOK = timedelta(minutes=1)


def remove_expired(sessions: SessionFactory, now: datetime, busy: Busy | None = None) -> int:
    """Remove uploads whose time is over: abandoned, rejected, never used, or used long ago.

    Their files are discarded, so that nobody finds an upload without its file. May run in several
    processes at once.

    Returns
    -------
    int
        How many uploads.
    """
    with transaction(sessions) as session:
        rows = list(session.scalars(queries.expired(now, _AT_ONCE)))
        needed = set(busy(session, [row.id for row in rows])) if busy and rows else set()
        gone = [row for row in rows if row.id not in needed]
        for row in rows:
            if row.id in needed:
                row.expires_at = now + _YOUNG  # looked at again then
        for row in gone:
            session.delete(row)
            discard(session, folder_of(row.id), now)
        return len(gone)


def remove_orphans(sessions: SessionFactory, storage: Storage, now: datetime) -> int:
    """Remove files of uploads that have no row: of processes that died before they wrote one.

    Reads the list of all uploads' files: once an hour is enough.

    Returns
    -------
    int
        How many files.
    """
    if isinstance(storage, LocalStorage):
        storage.remove_half_written(_YOUNG * 24)
    old: dict[str, list[str]] = {}
    for found in storage.list(PREFIX):
        if found.modified_at < now - _YOUNG:
            upload_id = found.key.removeprefix(PREFIX).partition("/")[0]
            old.setdefault(upload_id, []).append(found.key)
    removed = 0
    names = list(old)
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        with transaction(sessions, read_only=True) as session:
            known = set(session.scalars(queries.existing(some)))
        for upload_id in set(some) - known:
            storage.delete(*old[upload_id])
            removed += len(old[upload_id])
    return removed


class OrphanSweep:
    """Looks for files without a row once an hour, beside the requests of one process."""

    def __init__(
        self, sessions: SessionFactory, storage: Storage, clock: Callable[[], datetime]
    ) -> None:
        self._sessions, self._storage, self._clock = sessions, storage, clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orphan-sweep", daemon=True)

    def start(self) -> None:
        """Begin; the first look comes after a minute, for processes that never run for an hour."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        wait = _FIRST_LOOK
        while not self._stopped.wait(wait.total_seconds()):
            wait = _YOUNG
            try:
                removed = remove_orphans(self._sessions, self._storage, self._clock())
            except (StemhouseError, SQLAlchemyError) as error:
                _log.warning("no look for lost files: %s", type(error).__name__)
            else:
                _log.info("looked for lost files", extra={"removed": removed})
