"""Signs of life: how workers tell the dead from the living."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from stemhouse.jobs.clock import DatabaseSeconds
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


def register(session: Session, executor_id: str, songs_at_once: int) -> None:
    """Write the first sign of life of this process."""
    session.execute(
        insert(WorkerRow).values(
            executor_id=executor_id,
            host=socket.gethostname()[:255],
            process_id=os.getpid(),
            songs_at_once=songs_at_once,
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
        register(session, executor_id, 0)
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
    """Return the workers that are held to be alive."""
    rows = session.execute(
        select(WorkerRow, DatabaseSeconds() - WorkerRow.beat_s)
        .where(WorkerRow.ended_s.is_(None))
        .order_by(WorkerRow.started_s)
    )
    return [
        LiveWorker(row.executor_id, row.host, row.process_id, row.songs_at_once, silent_s)
        for row, silent_s in rows
    ]
