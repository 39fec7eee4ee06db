"""When keys and sessions were last used: noted in memory, written now and then.

A request that only reads must not write, and a row per key and minute is exact enough.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from fastapi import Request

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.principal import Principal


class LastUse:
    """Collects uses of credentials until ``write`` is called."""

    def __init__(self, session_ttl_s: float) -> None:
        self._session_ttl = timedelta(seconds=session_ttl_s)
        self._lock = threading.Lock()
        self._keys: dict[str, datetime] = {}
        self._sessions: dict[str, datetime] = {}

    def note(self, principal: Principal, now: datetime) -> None:
        """Remember that a principal's credential was used."""
        if principal.via == "guest":
            return
        noted = self._keys if principal.via == "key" else self._sessions
        with self._lock:
            noted[principal.credential_id] = now

    def write(self, sessions: SessionFactory) -> None:
        """Write what was noted; a session's end moves with its use."""
        with self._lock:
            keys, self._keys = self._keys, {}
            browsers, self._sessions = self._sessions, {}
        if not keys and not browsers:
            return
        # Always in the same order: two processes that write the same rows must not lock each other.
        with transaction(sessions) as session:
            for key_id, moment in sorted(keys.items()):
                session.execute(queries.note_key_use(key_id, moment))
            for session_id, moment in sorted(browsers.items()):
                ends = moment + self._session_ttl
                session.execute(queries.note_session_use(session_id, moment, ends))


def last_use_of(request: Request) -> LastUse:
    """Return the collector of a request's application."""
    last_use: LastUse = request.app.state.last_use
    return last_use
