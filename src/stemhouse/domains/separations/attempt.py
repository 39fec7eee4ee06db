"""One attempt at a song: fetch it, have the child separate it, store what comes out."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.separations import queries
from stemhouse.domains.separations.lifecycle import attempt_prefix
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.separations.usage import Used, record
from stemhouse.errors import NotFound, SourceNotFound, StemhouseError
from stemhouse.jobs.child.messages import ChildEvent, SeparationTask
from stemhouse.jobs.child.process import SeparationChild
from stemhouse.jobs.patience import is_passing
from stemhouse.jobs.room import room_for
from stemhouse.jobs.steps import Incarnation
from stemhouse.storage import Storage

_log = logging.getLogger(__name__)

_LOOK_S = 0.25
"""Between two looks whether the attempt stands, and two reports of progress."""

_RECORD_EVERY_S = 10.0
"""Seconds of processor time that a worker which is killed leaves unrecorded."""

_PUT_PAUSES_S = (0.2, 1.0, 3.0)
"""Before storing a file is tried again: a storage that restarts is not worth a whole attempt."""


class Superseded(Exception):
    """The job went on without this attempt: another one began, or it was ended or removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What attempts work with.

    Attributes
    ----------
    sessions : SessionFactory
        The database.
    storage : Storage
        Songs and results.
    scratch : Path or None
        Where the song and its segments lie while it runs; None is the system's place.
    """

    sessions: SessionFactory
    storage: Storage
    scratch: Path | None


class Attempt:
    """One numbered attempt at a job."""

    def __init__(self, bench: Bench, job: Job, incarnation: Incarnation) -> None:
        self._bench = bench
        self._job = job
        self._incarnation = incarnation
        self._prefix = attempt_prefix(job, job.attempt)
        self._progress: dict[str, Any] = {}
        self._used = self._recorded = Used()
        self._looked = 0.0
        self._storing: deque[Future[None]] = deque()

    def run(self, child: SeparationChild, locator: str) -> Mapping[str, Any]:
        """Separate the song; return what the child says of the result, and what it took.

        Raises
        ------
        Superseded
            It was cancelled, or is nobody's, or somebody else's, now.
        Abandoned
            The worker must let go of it.
        StemhouseError
            It did not work.

        Notes
        -----
        Files are stored one after the other by a thread of their own: a storage that is slow keeps
        nobody from noticing that the song is not wanted any more.
        """
        with self._scratch() as folder, self._keeper() as self._thread:
            song = folder / "song"
            self._fetch(song)
            with room_for("the scratch folder"):
                (folder / "out").mkdir()
            task = SeparationTask(
                task_id=f"{self._job.id}.{self._job.attempt}",
                name=self._job.name,
                source=str(song),
                folder=str(folder / "out"),
                model=locator,
                quality=self._job.quality,
                stems=None if self._job.stems is None else tuple(self._job.stems),
                residual=self._job.residual,
            )
            try:
                outcome = child.run(task, on_event=self._hear, look=self._look_around)
                while self._storing:
                    wait([self._storing[-1]], timeout=_LOOK_S)
                    self._look_around()
            finally:
                self._leave()
            return {**outcome, "processor_s": self._used.processor_s}

    def _leave(self) -> None:
        """Write down what the attempt took, however it ended: machines are paid all the same."""
        if self._used == self._recorded:
            return
        try:
            with transaction(self._bench.sessions) as session:
                self._record(session)
        except DBAPIError as error:
            if not is_passing(error):
                raise
            _log.warning("no usage written: %s", type(error.orig).__name__)

    def _record(self, session: Session) -> None:
        record(session, self._job, self._used, datetime.now(UTC))
        self._recorded = self._used

    def _hear(self, event: ChildEvent) -> None:
        if event.kind == "progress":
            self._progress = dict(event.data)
        elif event.kind == "used":
            self._used = Used(processor_s=event.data["processor_s"])
        elif event.kind == "file":
            key, path = self._prefix + event.data["name"], Path(event.data["file"])
            self._storing.append(self._thread.submit(self._store, key, path))

    @contextmanager
    def _keeper(self) -> Iterator[ThreadPoolExecutor]:
        # One thread: a manifest is stored after the segments that it names.
        thread = ThreadPoolExecutor(1, thread_name_prefix="storing")
        try:
            yield thread
        finally:
            thread.shutdown(wait=True, cancel_futures=True)

    def _store(self, key: str, path: Path) -> None:
        pauses = iter(_PUT_PAUSES_S)
        while True:
            try:
                self._bench.storage.take(key, path)
            except StemhouseError as error:
                pause = next(pauses, None)
                if pause is None or not error.retryable:
                    raise
                _log.warning("not stored yet: %s", error.code, extra={"job_id": self._job.id})
                self._incarnation.wait(pause)
            else:
                return

    def _look_around(self) -> None:
        self._incarnation.check()
        while self._storing and self._storing[0].done():
            self._storing.popleft().result()
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            try:
                self._look()
            except DBAPIError as error:
                if not is_passing(error):
                    raise
                # The song goes on; what it says is written when the database is back.
                _log.warning("no progress written: %s", type(error.orig).__name__)

    def _look(self) -> None:
        """Write progress, if there is any; find out whether the attempt stands."""
        job, progress = self._job, self._progress
        if progress:
            with transaction(self._bench.sessions) as session:
                values = {"job_id": job.id, "speaker": job.attempt, **progress}
                standing = session.execute(queries.REPORT, values).first()
                if self._used.processor_s - self._recorded.processor_s > _RECORD_EVERY_S:
                    self._record(session)
        else:
            with transaction(self._bench.sessions, read_only=True) as session:
                standing = session.execute(queries.standing(job.id, job.attempt)).first()
        if standing is None:
            raise Superseded
        self._progress = {}

    def _fetch(self, target: Path) -> None:
        try:
            with room_for("the scratch folder"):
                self._bench.storage.fetch(self._job.song_key, target)
        except NotFound as error:
            raise SourceNotFound("the uploaded song is not there any more: upload it again") from (
                error
            )

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        if self._bench.scratch is not None:
            self._bench.scratch.mkdir(parents=True, exist_ok=True)
        with room_for("the scratch folder"):
            folder = Path(tempfile.mkdtemp(prefix="song-", dir=self._bench.scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
