"""The worker: takes jobs from the queue, shows signs of life, picks up what the dead left."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos._queue import queue_worker_thread
from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.jobs import heartbeat
from stemhouse.jobs.bell import Bell
from stemhouse.jobs.queue import APPLICATION, QUEUES, VERSION, WORKFLOW, Lane, library_url
from stemhouse.jobs.steps import Incarnation, JobSteps

_log = logging.getLogger(__name__)

_POOL_SIZE = 5
_ENDED = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}

_STOP_WITHIN_S = 10.0

_MOST_RECOVERIES = 100
"""Starts after which the queue itself gives a job up. Ours is long done with it by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How a worker behaves; all times in seconds.

    Attributes
    ----------
    database_url : str
        The database that holds the queue.
    lane : {"cpu", "gpu"}
        Which jobs it takes.
    songs_at_once : int
        Jobs that one worker runs side by side; the same for all workers of a lane.
    poll_s : float
        Between two looks at the queue when nothing rings.
    heartbeat_s : float
        Between two signs of life.
    dead_after_s : float
        Silence after which a worker's jobs run elsewhere; several heartbeats long.
    sweep_s : float
        Between two looks for jobs that nobody runs.
    """

    database_url: str
    lane: Lane = "cpu"
    songs_at_once: int = 1
    poll_s: float = 1.0
    heartbeat_s: float = 5.0
    dead_after_s: float = 30.0
    sweep_s: float = 30.0


class Worker:
    """Runs jobs until it is stopped. One per process: the queue library knows only one.

    Parameters
    ----------
    options : WorkerOptions
        How.
    sessions : SessionFactory
        Sessions of the same database.
    steps : JobSteps
        What a job does.
    """

    def __init__(self, options: WorkerOptions, sessions: SessionFactory, steps: JobSteps) -> None:
        self._options = options
        self._sessions = sessions
        self._steps = steps
        self._stop = threading.Event()
        self._swept = time.monotonic()
        self._incarnation = Incarnation(new_id("wrk"))
        self._beating = threading.Thread(target=self._beat_until_stopped, name="heartbeat")

    @property
    def executor_id(self) -> str:
        """The name under which this process takes jobs now."""
        return self._incarnation.executor_id

    def start(self) -> None:
        """Begin to take jobs."""
        _register_queue(self._options)
        self._launch(self._incarnation)
        self._beating.start()

    def stop(self) -> None:
        """Take no more jobs and hand those that run to other workers."""
        self._stop.set()
        self._beating.join()
        self._taking.stop()
        self._incarnation.end()
        # Only then is it true that nothing runs here: the children are gone.
        self._steps.close()
        DBOS.destroy(destroy_registry=True)
        self._declare_ended(self._incarnation)

    def _launch(self, incarnation: Incarnation) -> None:
        with transaction(self._sessions) as session:
            heartbeat.register(session, incarnation.executor_id, _calling(self._options))
        library = DBOS(config=_library_config(self._options, incarnation.executor_id))
        options = self._options
        bell = Bell(options.database_url, QUEUES[options.lane], options.songs_at_once)
        self._register_workflow(incarnation, bell)
        # The library's own loop would look at the queue by the clock alone.
        DBOS.listen_queues([])
        DBOS.launch()
        self._taking = _Taking(library, QUEUES[self._options.lane], bell)
        _log.info("worker started", extra={"executor_id": incarnation.executor_id})

    def _register_workflow(self, incarnation: Incarnation, bell: Bell) -> None:
        steps = self._steps

        def separate_song(job_id: str) -> str:
            with bell.place():
                try:
                    return _run_steps(steps, job_id, incarnation)
                except Exception:
                    # Whatever breaks while everything is let go of says nothing of the job.
                    incarnation.check()
                    # The outermost frame of a job: it ends with a code, whatever happened.
                    _log.exception("a step met a fault", extra={"job_id": job_id})
                    steps.fail(job_id)
                    return "fault"

        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=_MOST_RECOVERIES)(separate_song)

    def _beat_until_stopped(self) -> None:
        while not self._stop.wait(self._options.heartbeat_s):
            try:
                self._beat()
            except SQLAlchemyError as error:
                # The database is away. If it stays so, others will hold us for dead, rightly.
                _log.warning("no sign of life possible: %s", type(error).__name__)
            except Exception:
                _log.exception("the heartbeat met a fault")

    def _beat(self) -> None:
        with transaction(self._sessions) as session:
            alive = heartbeat.beat(session, self.executor_id)
            if alive:
                buried = heartbeat.bury_the_silent(session, self._options.dead_after_s)
                dead = heartbeat.ended(session)
        if not alive:
            self._begin_again()
            return
        for executor_id in buried:
            _log.warning("a worker fell silent", extra={"executor_id": executor_id})
        self._take_over(dead)
        if time.monotonic() - self._swept >= self._options.sweep_s:
            self._swept = time.monotonic()
            self._steps.sweep(_ended_jobs)

    def _take_over(self, dead: list[str]) -> None:
        """Queue again what runs under the names of the dead."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        names = {workflow.executor_id for workflow in pending} & set(dead)
        if names:
            # Not resume_workflows: it revives cancelled jobs and forgets the attempts.
            DBOS._recover_pending_workflows(sorted(name for name in names if name))

    def _begin_again(self) -> None:
        """We were held for dead: what we ran is somebody else's now. Let go and start anew."""
        former = self._incarnation
        _log.warning("held for dead, starting anew", extra={"executor_id": former.executor_id})
        former.end()
        self._taking.stop()
        DBOS.destroy(destroy_registry=True)
        # What the queue handed us between waking up and noticing must not stay with the dead.
        self._declare_ended(former)
        self._incarnation = Incarnation(new_id("wrk"))
        self._launch(self._incarnation)

    def _declare_ended(self, incarnation: Incarnation) -> None:
        try:
            with transaction(self._sessions) as session:
                heartbeat.end(session, incarnation.executor_id)
        except SQLAlchemyError as error:
            # Others will notice the silence.
            _log.warning("could not sign off: %s", type(error).__name__)


class _Taking:
    """The library's loop that takes jobs from a queue, woken by our bell.

    The loop is private to the library, which is pinned: what it offers to everybody cannot be
    woken, and looks at the queue by the clock alone. The tests of the bell notice a change.
    """

    def __init__(self, library: DBOS, name: str, bell: Bell) -> None:
        queue = DBOS.retrieve_queue(name)
        assert queue is not None, "registered when the worker started"
        self._bell = bell
        self._thread = threading.Thread(
            target=queue_worker_thread, args=(bell, library, queue), name="taking", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more."""
        self._bell.set()
        self._thread.join(_STOP_WITHIN_S)
        if self._thread.is_alive():
            _log.warning("the queue's loop is slow to stop")
        else:
            self._bell.close()


def _run_steps(steps: JobSteps, job_id: str, incarnation: Incarnation) -> str:
    def step(name: str, function: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        def guarded() -> dict[str, Any]:
            incarnation.check()
            try:
                return function(job_id, *given, incarnation)
            except Exception:
                # What breaks while everything is let go of must not be kept as the step's outcome.
                incarnation.check()
                raise

        return DBOS.run_step({"name": name}, guarded)

    probed = step("probe", steps.probe)
    if not probed["go"]:
        return "nothing to do"
    separated = step("separate", steps.separate)
    if not separated["go"]:
        return "ended"
    step("finish", steps.finish, separated)
    return "finished"


def _ended_jobs(job_ids: list[str]) -> set[str]:
    known: dict[str, Any] = {
        workflow.workflow_id: workflow.status
        for workflow in DBOS.list_workflows(
            workflow_ids=job_ids, load_input=False, load_output=False
        )
    }
    return {job_id for job_id in job_ids if known.get(job_id, "SUCCESS") in _ENDED}


def _calling(options: WorkerOptions) -> heartbeat.Calling:
    return heartbeat.Calling(
        songs_at_once=options.songs_at_once, lane=options.lane, dead_after_s=options.dead_after_s
    )


def _library_config(options: WorkerOptions, executor_id: str) -> DBOSConfig:
    return {
        "name": APPLICATION,
        "system_database_url": library_url(options.database_url),
        "sys_db_pool_size": _POOL_SIZE,
        "executor_id": executor_id,
        "application_version": VERSION,
        "serializer": DBOSPortableJSONSerializer(),
        "use_listen_notify": False,
        "log_level": "WARNING",
        "max_executor_threads": options.songs_at_once + 4,
        # Migrations are `db upgrade`'s.
        "run_migrations": False,
    }


def _register_queue(options: WorkerOptions) -> None:
    client = DBOSClient(
        system_database_url=library_url(options.database_url),
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        system_database_pool_size=1,
    )
    try:
        client.register_queue(
            QUEUES[options.lane],
            worker_concurrency=options.songs_at_once,
            polling_interval_sec=options.poll_s,
        )
    finally:
        client.destroy()
