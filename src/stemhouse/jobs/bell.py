"""What wakes a worker when a job is queued, so that an idle one need not keep asking the queue.

On PostgreSQL the transaction that queues a job notifies a channel, and workers listen to it. On
SQLite a worker looks at the counter that every commit to the file moves, and when it has moved,
whether anything waits: fifty cheap looks a second, where a look at the queue is a dozen queries.
Both may miss something, a cut connection for example: what was missed is found by the next
ordinary look, `poll_s` later.
"""

from __future__ import annotations

import logging
import selectors
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import psycopg
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

_log = logging.getLogger(__name__)

_CHANNEL: Final = "stemhouse_songs"

_LOOK_S: Final = 0.02
"""Between two looks at SQLite's counter."""

_AGAIN_S: Final = (0.05, 0.1, 0.2)
"""Pauses between some more looks after the bell: a job's place is free a moment after that job
could ring, and what another worker holds at that instant is left alone."""

_WAITING: Final = (
    "SELECT EXISTS (SELECT 1 FROM workflow_status WHERE queue_name = ? AND status = 'ENQUEUED')"
)

_TIMEOUT_S: Final = 10

_LISTEN_S: Final = 60.0
"""How long one waits who gives no time."""

_DEAF_S: Final = 1.0
"""Before a PostgreSQL that does not answer is called again."""


def ring(session: Session) -> None:
    """Wake the workers when the caller's transaction commits."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"NOTIFY {_CHANNEL}"))


class Bell(threading.Event):
    """The event that stops a queue's loop; waiting for it also ends when a job may be there.

    The loop is the queue library's: it waits for its end between two looks at the queue, which is
    the moment in which it can be woken.

    Parameters
    ----------
    database_url : str
        Where jobs are queued.
    queue : str
        What the queue is called there.
    places : int
        Jobs that this process runs side by side. While it runs so many, news is none of its
        business: what a song writes of its progress would wake it all the time.
    """

    def __init__(self, database_url: str, queue: str, places: int) -> None:
        super().__init__()
        self._ear = _open_ear(database_url, queue)
        self._again: list[float] = []
        self._places, self._taken = places, 0
        self._lock = threading.Lock()
        self._closed = False

    def set(self) -> None:
        """End the loop."""
        super().set()
        self.ring()

    def ring(self) -> None:
        """Wake the loop of this process."""
        with self._lock:
            if not self._closed:
                self._ear.wake()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for a job; when the job ends the loop looks for another one."""
        with self._lock:
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
            self.ring()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, the bell or the time; say whether it is the end."""
        limit_s = _LISTEN_S if timeout is None else timeout
        full = self._taken >= self._places
        if self._again and not full:
            limit_s = min(limit_s, self._again.pop(0))
        if not self.is_set() and self._ear.heard(limit_s, news=not full):
            self._again = list(_AGAIN_S)
        return self.is_set()

    def close(self) -> None:
        """Let go of the connection, after the loop has ended."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._ear.close()


class _Ear(Protocol):
    def heard(self, within_s: float, *, news: bool) -> bool:
        """Wait for `wake`, and for news if it is wanted, at most so long.

        Says whether it is worth looking at the queue; what cannot be told is.
        """
        ...

    def wake(self) -> None:
        """End the waiting, from any thread."""
        ...

    def close(self) -> None: ...


def _open_ear(database_url: str, queue: str) -> _Ear:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return _SqliteEar(url.database or "", queue)
    plain = url.set(drivername="postgresql")
    return _PostgresEar(plain.render_as_string(hide_password=False))


class _SqliteEar:
    def __init__(self, path: str, queue: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._queue = queue
        self._woken = threading.Event()
        self._commits: int | None = None

    def heard(self, within_s: float, *, news: bool) -> bool:
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            if self._woken.wait(min(left_s, _LOOK_S) if news else left_s):
                self._woken.clear()
                return self._anything_waits()
            if news and self._anything_committed() and self._anything_waits():
                return True
        return False

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        self._connection.close()

    def _anything_committed(self) -> bool:
        # The counter moves with every commit of another connection, of this process or any other.
        before, self._commits = self._commits, self._ask("PRAGMA data_version")
        return self._commits != before

    def _anything_waits(self) -> bool:
        # A row of the queue library's table, as its documentation describes it.
        return self._ask(_WAITING, self._queue) != 0

    def _ask(self, question: str, *given: str) -> int | None:
        try:
            return int(self._connection.execute(question, given).fetchone()[0])
        except sqlite3.OperationalError:
            # Somebody is busy with the file, which is news as well.
            return None


class _PostgresEar:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._deaf_until = 0.0
        self._wake_here, self._wake_there = socket.socketpair()
        self._wake_here.setblocking(False)

    def heard(self, within_s: float, *, news: bool) -> bool:
        if self._connection is None and time.monotonic() >= self._deaf_until:
            # What was rung before we listened is found by looking.
            return self._listen()
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._wake_here, selectors.EVENT_READ)
            if news and self._connection is not None:
                waiting.register(self._connection.fileno(), selectors.EVENT_READ)
            ready = {key.fd for key, _events in waiting.select(within_s)}
        if self._wake_here.fileno() in ready:
            self._wake_here.recv(4096)
        return bool(ready) and self._take_notes(ready)

    def wake(self) -> None:
        self._wake_there.send(b"!")

    def close(self) -> None:
        self._hang_up()
        self._wake_here.close()
        self._wake_there.close()

    def _take_notes(self, ready: set[int]) -> bool:
        if self._connection is not None and self._connection.fileno() in ready:
            try:
                # Only to empty the line: a note says nothing but that there is one.
                list(self._connection.notifies(timeout=0))
            except psycopg.OperationalError as error:
                _log.warning("the workers' bell is cut: %s", type(error).__name__)
                self._hang_up()
        return True

    def _listen(self) -> bool:
        try:
            connection = psycopg.connect(self._url, autocommit=True, connect_timeout=_TIMEOUT_S)
            connection.execute(f"LISTEN {_CHANNEL}")
        except psycopg.OperationalError:
            self._deaf_until = time.monotonic() + _DEAF_S
            return False
        self._connection = connection
        return True

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
