"""What goes on beside requests: mails are sent, last uses written, what has expired removed.

Every process of the API does it; each step may run in several at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import transaction
from stemhouse.domains.accounts import outbox, queries, service_ownership
from stemhouse.domains.accounts.cookies import GUEST_TTL_S
from stemhouse.domains.accounts.last_use import LastUse
from stemhouse.domains.accounts.mail import Mailer
from stemhouse.http.idempotency import KEPT_S
from stemhouse.http.part import OwnedData
from stemhouse.http.services import Services

logger = logging.getLogger(__name__)

MAIL_EVERY_S: Final = 1.0
LAST_USE_EVERY_S: Final = 30.0
SWEEP_EVERY_S: Final = 3600.0
GUESTS_AT_ONCE: Final = 100


class Housekeeping:
    """A thread with a few things to do from time to time."""

    def __init__(
        self, services: Services, mailer: Mailer, last_use: LastUse, owned: Sequence[OwnedData]
    ) -> None:
        self._services = services
        self._mailer = mailer
        self._last_use = last_use
        self._owned = owned
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after writing what is noted in memory."""
        self._stopped.set()
        self._thread.join()
        self._attempt(self.write_last_use)

    def send_mails(self) -> None:
        """Send the mails that are due."""
        outbox.send_due(self._services.sessions, self._mailer, self._services.clock)

    def write_last_use(self) -> None:
        """Write when keys and sessions were last used."""
        self._last_use.write(self._services.sessions)

    def sweep(self) -> None:
        """Remove what has expired: sessions, links, counts, stored answers, guests."""
        now = self._services.clock()
        with transaction(self._services.sessions) as session:
            for statement in queries.expired(now, now - timedelta(seconds=KEPT_S)):
                session.execute(statement)
        self._sweep_guests()

    def _sweep_guests(self) -> None:
        before = self._services.clock() - timedelta(seconds=GUEST_TTL_S)
        with transaction(self._services.sessions) as session:
            for guest in session.scalars(queries.stale_guests(before, GUESTS_AT_ONCE)).all():
                service_ownership.delete(session, guest.site_id, guest.id, owned=self._owned)

    def _run(self) -> None:
        tasks: list[tuple[float, Callable[[], None]]] = [
            (MAIL_EVERY_S, self.send_mails),
            (LAST_USE_EVERY_S, self.write_last_use),
            (SWEEP_EVERY_S, self.sweep),
        ]
        due = [0.0, LAST_USE_EVERY_S, 0.0]
        began = time.monotonic()
        while not self._stopped.wait(MAIL_EVERY_S):
            for place, (every_s, task) in enumerate(tasks):
                if time.monotonic() - began >= due[place]:
                    due[place] = time.monotonic() - began + every_s
                    self._attempt(task)

    def _attempt(self, task: Callable[[], None]) -> None:
        try:
            task()
        except SQLAlchemyError:  # the database is away for a moment: the next round mends it
            logger.exception("housekeeping could not be done", extra={"task": task.__name__})
