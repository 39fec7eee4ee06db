"""What a worker does for a job: the three steps of `stemhouse.jobs.steps.JobSteps`."""

from __future__ import annotations

import logging
import queue as queues
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from stemhouse.domains.separations import lifecycle, queries
from stemhouse.domains.separations.attempt import Attempt, Bench, Superseded
from stemhouse.domains.separations.housekeeping import sweep
from stemhouse.domains.separations.lifecycle import Announce, Change, Move, tell_nobody
from stemhouse.domains.separations.publish import insert_result
from stemhouse.domains.separations.purse import Purse
from stemhouse.domains.separations.states import UNFINISHED
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.separations.usage import Used, record
from stemhouse.domains.uploads.discarding import discard
from stemhouse.errors import SeparationCrashed, SeparationFailed, StemhouseError
from stemhouse.jobs.child.process import ChildOptions, SeparationChild
from stemhouse.jobs.patience import patiently
from stemhouse.jobs.queue import JobQueue
from stemhouse.jobs.steps import Abandoned, EndedJobs, Incarnation
from stemhouse.sites.models import ModelShelf

_log = logging.getLogger(__name__)

_MOST_STARTS = 12
"""Starts after which a job has failed although no attempt ever said why: workers keep vanishing
under it. Far above `max_attempts`, because a worker may die through no fault of the song's."""

_STOP, _GO = {"go": False}, {"go": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """How jobs run.

    Attributes
    ----------
    children : ChildOptions
        How the child processes run.
    songs_at_once : int
        How many children there may be.
    max_attempts : int
        Attempts that may end in an error which waiting could have helped.
    retry_pauses_s : tuple of float
        Waits before the second, third, … attempt; the last one repeats.
    announce : callable
        Who is told of events.
    """

    children: ChildOptions
    songs_at_once: int = 1
    max_attempts: int = 3
    retry_pauses_s: tuple[float, ...] = (1.0, 10.0)
    announce: Announce = tell_nobody


class SeparationSteps:
    """Runs separations. Keeps one warm child process per song at a time.

    Parameters
    ----------
    bench : Bench
        Database and storage.
    queue : JobQueue
        Where waiting jobs are handed over when one ends.
    purse : Purse
        Who is paid.
    shelf : ModelShelf
        Where models are found.
    options : WorkOptions
        How.
    """

    def __init__(
        self,
        bench: Bench,
        queue: JobQueue,
        purse: Purse,
        shelf: ModelShelf,
        *,
        options: WorkOptions,
    ) -> None:
        self._bench = bench
        self._queue = queue
        self._purse = purse
        self._shelf = shelf
        self._options = options
        self._all_children = [
            SeparationChild(options.children) for _ in range(options.songs_at_once)
        ]
        self._idle: queues.Queue[SeparationChild] = queues.Queue()
        for child in self._all_children:
            self._idle.put(child)

    def warm(self) -> None:
        """Start the children ahead of the first song."""
        for child in self._all_children:
            child.warm()

    def close(self) -> None:
        """End the children."""
        for child in self._all_children:
            child.kill()

    def probe(self, job_id: str, incarnation: Incarnation) -> dict[str, Any]:
        """Look whether the job still waits, and whether its result is there already."""

        def look(session: Session) -> dict[str, Any]:
            job = session.get(Job, job_id)
            if job is None or job.state not in UNFINISHED:
                return _STOP
            finished = session.scalar(
                queries.result_for(job.site_id, job.account_id, job.recipe_key)
            )
            if finished is None:
                return _GO
            lifecycle.succeed(self._change(session), job, finished.id)
            return _STOP

        return patiently(self._bench.sessions, incarnation, look)

    def separate(self, job_id: str, incarnation: Incarnation) -> dict[str, Any]:
        """Try until it works, cannot work, or has been tried often enough."""
        while True:
            job = self._claim(job_id, incarnation)
            if job is None:
                return _STOP
            try:
                return self._attempt(job, incarnation)
            except (Superseded, Abandoned):
                self._let_go(job, incarnation)
                incarnation.check()
                return _STOP
            except StemhouseError as error:
                # Children die with their worker: that says nothing of the song.
                incarnation.check()
                if not self._may_try_again(job, error, incarnation):
                    return _STOP

    def finish(
        self, job_id: str, separated: dict[str, Any], incarnation: Incarnation
    ) -> dict[str, Any]:
        """Publish the result: its rows, the job's end, the charge, the next job, all at once."""
        attempt: int = separated["attempt"]

        def publish(session: Session) -> bool:
            change = self._change(session)
            job = session.get(Job, job_id)
            if job is None or job.attempt != attempt or job.state != "processing":
                return False
            facts = separated["result"]
            result_id = insert_result(change, job, facts)
            used = Used(processor_s=facts.get("processor_s", 0.0))
            record(session, job, used.with_result(facts, job.retention_s), change.now)
            lifecycle.succeed(change, job, result_id, attempt=attempt)
            for former in range(1, attempt):
                discard(session, lifecycle.attempt_prefix(job, former), change.now)
            return True

        if patiently(self._bench.sessions, incarnation, publish):
            _log.info("separated", extra={"job_id": job_id, "attempt": attempt})
        return _GO

    def fail(self, job_id: str) -> None:
        """End a job that met a fault of ours."""
        error = SeparationFailed("something went wrong on our side; it has been noted")
        patiently(
            self._bench.sessions,
            Incarnation(""),
            lambda session: self._fail(session, job_id, error),
        )

    def sweep(self, ended_jobs: EndedJobs) -> None:
        """End jobs that nobody runs, expire results, remove files."""
        sweep(self._bench, self._change, ended_jobs)

    def _change(self, session: Session) -> Change:
        return Change(session, self._queue, self._purse, datetime.now(UTC), self._options.announce)

    def _claim(self, job_id: str, incarnation: Incarnation) -> Job | None:
        """Begin an attempt; None when there is nothing to begin."""

        def begin(session: Session) -> Job | None:
            change = self._change(session)
            job = session.get(Job, job_id)
            if job is None or job.state not in UNFINISHED:
                return None
            if job.attempt >= _MOST_STARTS:
                lifecycle.fail(
                    change,
                    job,
                    SeparationCrashed("the song was begun many times and never ended"),
                )
                return None
            values = _fresh_attempt(job, incarnation, change.now)
            move = Move(state="processing", speaker=job.attempt, event="started", values=values)
            return lifecycle.enter(change, job_id, move)

        return patiently(self._bench.sessions, incarnation, begin)

    def _attempt(self, job: Job, incarnation: Incarnation) -> dict[str, Any]:
        attempt = Attempt(self._bench, job, incarnation)
        model = self._shelf.find(job.model)
        _log.info("separating", extra={"job_id": job.id, "attempt": job.attempt})
        with self._child() as child:
            outcome = attempt.run(child, model.locator)
        return {"go": True, "attempt": job.attempt, "result": dict(outcome)}

    def _may_try_again(self, job: Job, error: StemhouseError, incarnation: Incarnation) -> bool:
        """Write down how an attempt ended; wait before the next one if there is to be one."""
        failures = job.failures + 1
        again = error.retryable and failures < self._options.max_attempts
        _log.warning(
            "attempt failed",
            extra={"job_id": job.id, "attempt": job.attempt, "code": error.code, "again": again},
        )

        def write(session: Session) -> bool:
            change = self._change(session)
            if not again:
                lifecycle.fail(change, job, error, attempt=job.attempt)
                return False
            move = Move(
                state="processing",
                speaker=job.attempt,
                event="retrying",
                data={"code": error.code},
                values={"failures": failures},
            )
            return lifecycle.enter(change, job.id, move) is not None

        if not patiently(self._bench.sessions, incarnation, write):
            return False
        pauses = self._options.retry_pauses_s
        self._pause(job, pauses[min(failures, len(pauses)) - 1], incarnation)
        return True

    def _pause(self, job: Job, seconds: float, incarnation: Incarnation) -> None:
        """Wait before another attempt, but not if the job is cancelled meanwhile."""
        for _ in range(max(1, round(seconds / _PAUSE_LOOK_S))):
            incarnation.wait(min(seconds, _PAUSE_LOOK_S))
            standing = patiently(
                self._bench.sessions,
                incarnation,
                lambda session: session.execute(queries.standing(job.id, job.attempt)).first(),
            )
            if standing is None:
                return

    def _let_go(self, job: Job, incarnation: Incarnation) -> None:
        """Have the attempt's files removed; whoever ended it may have done so before the last."""
        prefix = lifecycle.attempt_prefix(job, job.attempt)
        patiently(
            self._bench.sessions,
            incarnation,
            lambda session: discard(session, prefix, datetime.now(UTC)),
        )

    def _fail(self, session: Session, job_id: str, error: StemhouseError) -> None:
        job = session.get(Job, job_id)
        if job is not None and job.state in UNFINISHED:
            lifecycle.fail(self._change(session), job, error)

    @contextmanager
    def _child(self) -> Iterator[SeparationChild]:
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)


_PAUSE_LOOK_S = 0.25


def _fresh_attempt(job: Job, incarnation: Incarnation, now: datetime) -> Mapping[str, Any]:
    return {
        "attempt": job.attempt + 1,
        "runner": incarnation.executor_id,
        "started_at": job.started_at or now,
        "done_samples": 0,
        "total_samples": None,
        "remaining_s": None,
    }
