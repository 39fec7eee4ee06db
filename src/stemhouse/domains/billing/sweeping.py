"""Ends on time what ends by itself, also of accounts that nobody uses: credits, plans."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.entitlements import end_plans
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.service import Ledger
from stemhouse.http.services import Clock

_log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
MONTHS_KEPT: Final = timedelta(days=62)


def expire_overdue(sessions: SessionFactory, clock: Clock, *, at_once: int = 100) -> int:
    """Write down the end of all lots whose time is over; return of how many accounts.

    Each account is a transaction of its own. Any process may do it, also several at once.
    """
    done = 0
    while True:
        now = clock()
        with transaction(sessions, read_only=True) as session:
            owners = session.execute(queries.owners_overdue(now, at_once)).all()
        for site_id, account_id in owners:
            with transaction(sessions) as session:
                # Whoever deletes the account at this moment takes its lots along.
                if session.scalar(queries.lock(site_id, account_id)) is not None:
                    Ledger(session, Owner(site_id, account_id), "second", now).expire()
            done += 1
        if len(owners) < at_once:
            return done


def forget_months(sessions: SessionFactory, clock: Clock) -> None:
    """Forget who had free credits of months that are long over."""
    with transaction(sessions) as session:
        session.execute(queries.forget_months(clock() - MONTHS_KEPT))


class LedgerSweeper:
    """A thread that looks for overdue lots now and then."""

    def __init__(self, sessions: SessionFactory, clock: Clock, every_s: float = EVERY_S) -> None:
        self._sessions, self._clock, self._every_s = sessions, clock, every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                expire_overdue(self._sessions, self._clock)
                end_plans(self._sessions, self._clock)
                forget_months(self._sessions, self._clock)
            except SQLAlchemyError:  # the database is away for a moment: the next round mends it
                _log.exception("expired credits could not be written down")
