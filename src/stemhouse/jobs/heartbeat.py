"""Signs of life: how workers tell the dead from the living."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import cast

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from stemhouse.jobs.clock import DatabaseSeconds
from stemhouse.jobs.queue import Lane
from stemhouse.jobs.tables import WorkerRow

_REMEMBERED_S = 86_400.0
"""How long an ended worker's jobs are still looked for. A machine that slept for longer than this
wakes up as a zombie whose row is gone; it then writes itself a new, ended one."""


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker that is held to be alive, for `/metrics` and for people."""

    executor_id: str
    host: str
    process_id: int
    songs_at_once: int
    silent_s: float
    lane: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """What a worker says of itself.

    Attributes
    ----------
    songs_at_once : int
        Jobs that it runs side by side.
    lane : {"cpu", "gpu"}
        Which jobs it takes.
    dead_after_s : float
        Silence in seconds after which it is no longer held to be there.
    """

    songs_at_once: int
    lane: Lane = "cpu"
    dead_after_s: float = 30.0


def register(session: Session, executor_id: str, calling: Calling) -> None:
    """Write the first sign of life of this process."""
    session.execute(
        insert(WorkerRow).values(
            executor_id=executor_id,
            host=socket.gethostname()[:255],
            process_id=os.getpid(),
            songs_at_once=calling.songs_at_once,
            lane=calling.lane,
            dead_after_s=calling.dead_after_s,
            started_s=DatabaseSeconds(),
            beat_s=DatabaseSeconds(),
        )
    )


def beat(session: Session, executor_id: str) -> bool:
    """Write a sign of life; False when somebody has declared this worker dead."""
    alive = session.execute(
        update(WorkerRow)
        .where(WorkerRow.executor_id == executor_id, WorkerRow.ended_s.is_(None))
        .values(beat_s=DatabaseSeconds())
        .returning(WorkerRow.executor_id)
    )
    return alive.first() is not None


def end(session: Session, executor_id: str) -> None:
    """Declare this worker ended, now: what it leaves unfinished may run elsewhere at once."""
    known = session.execute(
        update(WorkerRow)
        .where(WorkerRow.executor_id == executor_id)
        .values(ended_s=DatabaseSeconds())
        .returning(WorkerRow.executor_id)
    )
    if known.first() is None:
        register(session, executor_id, Calling(songs_at_once=0))
        end(session, executor_id)


def bury_the_silent(session: Session, dead_after_s: float) -> list[str]:
    """Declare every worker dead that has been silent for too long; return those newly dead."""
    silent = session.execute(
        update(WorkerRow)
        .where(
            WorkerRow.ended_s.is_(None),
            WorkerRow.beat_s < DatabaseSeconds() - dead_after_s,
        )
        .values(ended_s=DatabaseSeconds())
        .returning(WorkerRow.executor_id)
    )
    return list(silent.scalars())


def ended(session: Session) -> list[str]:
    """Return the workers whose unfinished jobs, if any turn up, belong to nobody."""
    session.execute(delete(WorkerRow).where(WorkerRow.ended_s < DatabaseSeconds() - _REMEMBERED_S))
    return list(
        session.scalars(select(WorkerRow.executor_id).where(WorkerRow.ended_s.is_not(None)))
    )


def living(session: Session) -> list[LiveWorker]:
    """Return the workers that are held to be alive.

    A worker that was killed counts no longer than its silence allows, even where nobody is left
    to declare it dead.
    """
    rows = session.execute(
        select(WorkerRow, DatabaseSeconds() - WorkerRow.beat_s)
        .where(
            WorkerRow.ended_s.is_(None),
            WorkerRow.beat_s >= DatabaseSeconds() - WorkerRow.dead_after_s,
        )
        .order_by(WorkerRow.started_s)
    )
    return [
        LiveWorker(
            executor_id=row.executor_id,
            host=row.host,
            process_id=row.process_id,
            songs_at_once=row.songs_at_once,
            silent_s=silent_s,
            lane=cast(Lane, row.lane),
        )
        for row, silent_s in rows
    ]


def attended(session: Session) -> set[Lane]:
    """Return the lanes whose jobs somebody takes: all others wait until a worker is started."""
    return {worker.lane for worker in living(session)}
