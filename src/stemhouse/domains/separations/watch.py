"""One look at the database for everybody who watches jobs in this process.

A thread reads the watched jobs a few times a second while there are any, and hands what changed to
the loop of the server; a thousand watchers cost one query, not a thousand connections.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, reading
from stemhouse.domains.separations import queries
from stemhouse.domains.separations.states import FINISHED
from stemhouse.domains.separations.tables import JobEvent

_log = logging.getLogger(__name__)

LOOK_S = 0.25
_AT_ONCE = 500
_PLACES_EVERY = 4
"""Looks between two counts of the queue: places change more slowly than progress."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a job, as watchers get it."""

    number: int
    kind: str
    state: str
    at: datetime
    data: dict[str, Any]

    @classmethod
    def of(cls, event: JobEvent) -> Happening:
        """Take it from its row."""
        return cls(event.number, event.kind, event.state, event.at, event.data)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands between events."""

    state: str
    last_event: int
    done_samples: int
    total_samples: int | None
    remaining_s: float | None
    place: int | None = None


News = Happening | Standing


class Watcher:
    """One who watches one job. Made by `JobWatch.watching`; used in the server's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, job_id: str) -> None:
        self.job_id = job_id
        self.fresh = True
        """Whether it has been told nothing yet; then the first news is everything so far."""
        self._loop = loop
        self._news: asyncio.Queue[News | None] = asyncio.Queue()

    def tell(self, news: Sequence[News | None]) -> None:
        """Hand news over, from the thread that looks; None is the end of the job's row."""
        self.fresh = False
        try:
            self._loop.call_soon_threadsafe(self._take, news)
        except RuntimeError:
            # The loop is closed: nobody listens any more.
            return

    def _take(self, news: Sequence[News | None]) -> None:
        for one in news:
            self._news.put_nowait(one)

    async def news(self, after: int = 0) -> AsyncIterator[News]:
        """Yield events after a number, and standings, until the job has ended."""
        while True:
            one = await self._news.get()
            if one is None:
                return
            if isinstance(one, Standing):
                if one.state in FINISHED and one.last_event <= after:
                    return
                yield one
            elif one.number > after:
                after = one.number
                yield one
                if one.state in FINISHED:
                    return


class JobWatch:
    """Watches jobs for all requests of this process."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions
        self._watchers: dict[str, set[Watcher]] = {}
        self._seen: dict[str, Standing] = {}
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._looks = 0
        self._thread = threading.Thread(target=self._run, name="job-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._wanted.set()
        self._thread.join()

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Watcher]:
        """Watch a job from within the server's loop."""
        watcher = Watcher(asyncio.get_running_loop(), job_id)
        with self._lock:
            self._watchers.setdefault(job_id, set()).add(watcher)
        self._wanted.set()
        try:
            yield watcher
        finally:
            with self._lock:
                self._watchers[job_id].discard(watcher)
                if not self._watchers[job_id]:
                    del self._watchers[job_id]
                    self._seen.pop(job_id, None)
                if not self._watchers:
                    self._wanted.clear()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wanted.wait()
            try:
                self._look()
            except SQLAlchemyError as error:
                _log.warning("cannot look at jobs: %s", type(error).__name__)
            self._stop.wait(LOOK_S)

    def _look(self) -> None:
        with self._lock:
            job_ids = list(self._watchers)
        self._looks += 1
        for first in range(0, len(job_ids), _AT_ONCE):
            with reading(self._sessions) as session:
                self._look_at(session, job_ids[first : first + _AT_ONCE])

    def _look_at(self, session: Session, job_ids: list[str]) -> None:
        rows = session.execute(queries.standings(job_ids)).all()
        places = self._places(session) if any(row.state == "queued" for row in rows) else {}
        for row in rows:
            before = self._seen.get(row.id)
            place = places.get(row.id, before.place if before else None)
            now = Standing(
                row.state,
                row.last_event,
                row.done_samples,
                row.total_samples,
                row.remaining_s,
                place if row.state == "queued" else None,
            )
            with self._lock:
                watchers = list(self._watchers.get(row.id, ()))
                if watchers:
                    self._seen[row.id] = now
            fresh = [watcher for watcher in watchers if watcher.fresh]
            others = [watcher for watcher in watchers if not watcher.fresh]
            self._tell(session, fresh, None, now)
            if now != before:
                self._tell(session, others, before, now)
        for job_id in set(job_ids) - {row.id for row in rows}:
            with self._lock:
                watchers = list(self._watchers.get(job_id, ()))
            for watcher in watchers:
                watcher.tell([None])

    def _places(self, session: Session) -> dict[str, int]:
        if self._looks % _PLACES_EVERY != 1:
            return {}
        places: dict[str, int] = {}
        ahead: Counter[str] = Counter()
        for job_id, lane in session.execute(queries.queue_order()):
            ahead[lane] += 1
            places[job_id] = ahead[lane]
        return places

    def _tell(
        self, session: Session, watchers: list[Watcher], before: Standing | None, now: Standing
    ) -> None:
        if not watchers:
            return
        known = before.last_event if before is not None else 0
        news: list[News] = []
        if now.last_event > known:
            events = session.scalars(queries.events_after(watchers[0].job_id, known))
            news += [Happening.of(event) for event in events]
        news.append(now)
        for watcher in watchers:
            watcher.tell(news)
