"""Sending deliveries: each is claimed by one sender, tried, and tried again for a day.

A claim is a moment in the row until which nobody else touches it. A sender that is killed leaves
the row as it is; when the moment has passed another one sends it, under the same identifier.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import SessionFactory, reading, transaction
from stemhouse.domains.webhooks import queries
from stemhouse.domains.webhooks.signing import signed_headers
from stemhouse.domains.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from stemhouse.errors import StemhouseError
from stemhouse.http.outbound import OutboundPolicy, Reply, post
from stemhouse.http.services import Clock

_log = logging.getLogger(__name__)

WAITS_S: Final = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 28_800.0, 28_800.0)
"""Seconds after each failed try: nine tries in a day."""

JITTER: Final = 0.1
"""Share by which waits are longer at random, so that what failed together does not return so."""

KEPT: Final = timedelta(days=30)
"""How long deliveries and their log are kept."""

_GONE = 410
_ANSWER_CHARACTERS = 500
_LEASE_S = 15.0
"""On top of the time for a try: looking up a name, and writing what came of it."""
_SWEEP_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingOptions:
    """How deliveries are sent.

    Attributes
    ----------
    policy : OutboundPolicy
        Which addresses are allowed, and how long a try may take.
    at_once : int
        Deliveries on their way at the same time, to as many endpoints.
    poll_s : float
        Seconds between two looks for due ones.
    """

    policy: OutboundPolicy
    at_once: int = 16
    poll_s: float = 0.5


class DeliveryRunner:
    """Sends what is due until it is stopped; every worker has one.

    Parameters
    ----------
    sessions : SessionFactory
        The database.
    clock : callable
        Tells the time.
    options : SendingOptions
        How.
    """

    def __init__(self, sessions: SessionFactory, clock: Clock, options: SendingOptions) -> None:
        self._sessions = sessions
        self._clock = clock
        self._options = options
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(options.at_once, "webhook")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._swept = -_SWEEP_EVERY_S
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is on its way is waited for, at most as long as a try may take."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def send_due(self) -> list[Future[None]]:
        """Begin to send what is due, one delivery for each endpoint."""
        with self._lock:
            busy = set(self._busy)
        room = self._options.at_once - len(busy)
        if room <= 0:
            return []
        with reading(self._sessions) as session:
            rows = session.execute(queries.due(self._clock(), busy, room)).all()
        return [self._begin(delivery_id, endpoint_id) for delivery_id, endpoint_id in rows]

    def send_all_due(self) -> int:
        """Send until nothing is due, wait for it, and return how many tries were made."""
        tries = 0
        while sent := self.send_due():
            wait(sent)
            tries += len(sent)
        return tries

    def sweep(self) -> None:
        """Remove what is kept no longer."""
        now = self._clock()
        with transaction(self._sessions) as session:
            for statement in queries.outdated(now - KEPT, now):
                session.execute(statement)

    def _run(self) -> None:
        while not self._stop.wait(self._options.poll_s):
            self._attempt(self.send_due)
            if time.monotonic() - self._swept >= _SWEEP_EVERY_S:
                self._swept = time.monotonic()
                self._attempt(self.sweep)

    def _attempt(self, task: Callable[[], object]) -> None:
        try:
            task()
        except SQLAlchemyError as error:
            # The database is away for a moment: the rows are still there when it is back.
            _log.warning("webhooks wait for the database: %s", type(error).__name__)

    def _begin(self, delivery_id: str, endpoint_id: str) -> Future[None]:
        with self._lock:
            self._busy.add(endpoint_id)
        future = self._pool.submit(self._send, delivery_id, endpoint_id)
        future.add_done_callback(_tell_fault)
        return future

    def _send(self, delivery_id: str, endpoint_id: str) -> None:
        try:
            letter = self._claim(delivery_id)
            if letter is not None:
                self._settle(letter, self._try(letter))
        finally:
            # Before the future is done: who waits for it may look for the next one at once.
            with self._lock:
                self._busy.discard(endpoint_id)

    def _claim(self, delivery_id: str) -> _Letter | None:
        now = self._clock()
        lease_ends = now + timedelta(seconds=self._options.policy.timeout_s + _LEASE_S)
        with transaction(self._sessions) as session:
            delivery = session.scalar(queries.claim(delivery_id, now, lease_ends))
            if delivery is None:
                return None  # another sender was faster, or it is no longer wanted
            endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id)
            secrets = session.scalars(queries.live_secrets([endpoint.id], now)).all()
            return _Letter(delivery, endpoint.url, tuple(one.secret for one in secrets), now)

    def _try(self, letter: _Letter) -> _Outcome:
        delivery = letter.delivery
        headers = {
            "content-type": "application/json",
            **signed_headers(delivery.id, letter.at, delivery.payload, letter.secrets),
        }
        began = time.monotonic()
        reply, error = None, None
        try:
            reply = post(letter.url, headers, delivery.payload.encode(), self._options.policy)
        except StemhouseError as failure:
            error = failure
        return _Outcome(reply, error, round((time.monotonic() - began) * 1000))

    def _settle(self, letter: _Letter, outcome: _Outcome) -> None:
        delivery, now = letter.delivery, self._clock()
        values = _next_step(delivery, outcome, now)
        with transaction(self._sessions) as session:
            settled = session.scalar(queries.settle(delivery.id, delivery.attempts, values))
            if settled is None:
                return  # deleted, or sent again meanwhile
            session.add(_log_entry(letter, outcome))
            if outcome.arrived:
                session.execute(queries.note_success(delivery.endpoint_id, now))
            elif outcome.status == _GONE:
                gone = queries.pause(delivery.endpoint_id, now, "gone", dead_since=None)
                session.execute(gone)
            elif values["state"] == "failed":
                since = delivery.round_began_at
                dead = queries.pause(delivery.endpoint_id, now, "failing", dead_since=since)
                session.execute(dead)
        _log.info(
            "webhook sent" if outcome.arrived else "webhook not taken",
            extra={
                "delivery_id": delivery.id,
                "endpoint_id": delivery.endpoint_id,
                "attempt": delivery.attempts,
                "status": outcome.status,
                "code": outcome.error.code if outcome.error else None,
            },
        )


def _tell_fault(future: Future[None]) -> None:
    """Log what nobody expected: the claim runs out, and the delivery is tried again."""
    if not future.cancelled() and (error := future.exception()) is not None:
        _log.error("a delivery was not settled", exc_info=error)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A claimed delivery and what is needed to send it."""

    delivery: WebhookDelivery
    url: str
    secrets: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a try."""

    reply: Reply | None
    error: StemhouseError | None
    wall_ms: int

    @property
    def status(self) -> int | None:
        return None if self.reply is None else self.reply.status

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def _next_step(delivery: WebhookDelivery, outcome: _Outcome, now: datetime) -> dict[str, Any]:
    if outcome.arrived:
        return {"state": "delivered", "finished_at": now, "next_attempt_at": None}
    tries = delivery.attempts - delivery.round_first
    if outcome.status == _GONE or tries > len(WAITS_S):
        return {"state": "failed", "finished_at": now, "next_attempt_at": None}
    wait_s = WAITS_S[tries - 1] * (1.0 + random.uniform(0.0, JITTER))
    return {"state": "pending", "next_attempt_at": now + timedelta(seconds=wait_s)}


def _log_entry(letter: _Letter, outcome: _Outcome) -> WebhookAttempt:
    error, reply = outcome.error, outcome.reply
    return WebhookAttempt(
        delivery_id=letter.delivery.id,
        number=letter.delivery.attempts,
        at=letter.at,
        wall_ms=outcome.wall_ms,
        status=outcome.status,
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        answer=_readable(reply.body) if reply else "",
    )


def _readable(body: bytes) -> str:
    """Return the beginning of a body as text that every database takes."""
    text = body.decode("utf-8", "replace")[:_ANSWER_CHARACTERS]
    return "".join(
        one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text
    )
