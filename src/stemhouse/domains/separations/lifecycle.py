"""How a job moves: every change of state, its event and its money in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import insert
from sqlalchemy.orm import Session

from stemhouse.domains.separations import queries
from stemhouse.domains.separations.purse import Purse
from stemhouse.domains.separations.states import JobState
from stemhouse.domains.separations.tables import Job, JobEvent
from stemhouse.domains.uploads.discarding import discard
from stemhouse.errors import StemhouseError
from stemhouse.jobs.queue import JobQueue, Lane

Announce = Callable[[Session, Job, str], None]
"""Told, inside the transaction, of every event: the session, the job as it is now, the kind. How
a higher domain learns of what happens here without being asked."""


def tell_nobody(_session: Session, _job: Job, _kind: str) -> None:
    """Announce nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction changes jobs with.

    Attributes
    ----------
    session : Session
        The transaction.
    queue : JobQueue
        Where jobs are handed to the workers.
    purse : Purse
        Who pays.
    now : datetime
        The moment that events bear.
    announce : callable
        Who else is told of events.
    """

    session: Session
    queue: JobQueue
    purse: Purse
    now: datetime
    announce: Announce = tell_nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step of a job.

    Attributes
    ----------
    state : JobState
        Where it goes.
    speaker : int or None
        The attempt that says so; if another one has begun since, nothing happens. None is
        somebody who is above attempts.
    event : str or None
        The event's kind; the state's name where None.
    data : Mapping
        What the event tells.
    values : Mapping
        Columns to set.
    """

    state: JobState
    speaker: int | None = None
    event: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def enter(change: Change, job_id: str, move: Move) -> Job | None:
    """Move a job and write the event; None when it may not go there from where it is."""
    job: Job | None = change.session.scalar(
        queries.enter(job_id, move.state, move.speaker, move.values),
        execution_options={"populate_existing": True},
    )
    if job is not None:
        write_event(change, job, move.event or move.state, move.data)
    return job


def succeed(change: Change, job: Job, result_id: str, *, attempt: int | None = None) -> bool:
    """End a job well: show the result, charge for the song, let the account's next one run.

    A recording with the same settings is charged once, also where it was sent again before the
    first job had ended: what was held for the later one is given back.
    """
    _lock(change, job)
    known = queries.result_for(job.site_id, job.account_id, job.recipe_key)
    values = {
        "result_id": result_id,
        "price": job.price if change.session.scalar(known) is None else 0,
        "finished_at": change.now,
        "expires_at": change.now + timedelta(seconds=job.retention_s),
        "remaining_s": None,
    }
    done = enter(change, job.id, Move(state="succeeded", speaker=attempt, values=values))
    if done is None:
        return False
    change.purse.settle(change.session, done, done.price, change.now)
    release_waiting(change, done.site_id, done.account_id)
    return True


def fail(change: Change, job: Job, error: StemhouseError, *, attempt: int | None = None) -> bool:
    """End a job with an error, and give everything back."""
    _lock(change, job)
    values = {
        "error_code": error.code,
        "error_message": error.message,
        "error_details": error.details,
        "finished_at": change.now,
        "remaining_s": None,
    }
    data = {"code": error.code}
    done = enter(change, job.id, Move(state="failed", speaker=attempt, data=data, values=values))
    return _give_up(change, done)


def cancel(change: Change, job: Job) -> bool:
    """End a job because its owner said so, and give everything back.

    It ends here and now, whatever its worker is at: that one finds its attempt overtaken between
    two blocks. So a job whose worker is dead, frozen or busy ends as quickly as any other.
    The caller holds the lock of the account.
    """
    values = {"finished_at": change.now, "remaining_s": None}
    return _give_up(change, enter(change, job.id, Move(state="canceled", values=values)))


def release_waiting(change: Change, site_id: str, account_id: str) -> None:
    """Hand as many of an account's jobs to the workers as its plan allows at once."""
    change.session.execute(queries.lock_account(site_id, account_id))
    released = change.session.scalar(queries.count_released(account_id)) or 0
    for job in change.session.scalars(queries.waiting(account_id)).all():
        if released >= max(1, job.running_cap):
            return
        job.released_at = change.now
        change.queue.submit(change.session, job.id, job.urgency, cast(Lane, job.lane))
        released += 1
    change.session.flush()


def attempt_prefix(job: Job, attempt: int) -> str:
    """Return where an attempt keeps its files: never where another attempt does."""
    return f"results/{job.site_id}/{job.account_id}/{job.id}/{attempt}/"


def _give_up(change: Change, job: Job | None) -> bool:
    if job is None:
        return False
    for attempt in range(1, job.attempt + 1):
        discard(change.session, attempt_prefix(job, attempt), change.now)
    change.purse.refund(change.session, job, change.now)
    release_waiting(change, job.site_id, job.account_id)
    return True


def _lock(change: Change, job: Job) -> None:
    change.session.execute(queries.lock_account(job.site_id, job.account_id))


def write_event(change: Change, job: Job, kind: str, data: Mapping[str, Any]) -> None:
    """Write the event that the job's `last_event` counts, and tell of it."""
    change.session.execute(
        insert(JobEvent).values(
            job_id=job.id,
            number=job.last_event,
            kind=kind,
            state=job.state,
            at=change.now,
            data={"attempt": job.attempt, **data},
        )
    )
    change.announce(change.session, job, kind)
