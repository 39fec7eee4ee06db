"""What nobody would miss until it is missing: lost jobs, expired results, orphaned files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from stemhouse.db.session import transaction
from stemhouse.domains.separations import lifecycle, queries, service
from stemhouse.domains.separations.attempt import Bench
from stemhouse.domains.separations.lifecycle import Change
from stemhouse.domains.separations.states import UNFINISHED
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.uploads.discarding import remove_discarded
from stemhouse.domains.uploads.sweeping import remove_expired
from stemhouse.errors import SeparationFailed
from stemhouse.jobs.steps import EndedJobs

_log = logging.getLogger(__name__)

_AT_ONCE = 200
_LOST_AFTER = timedelta(seconds=60)

MakeChange = Callable[[Session], Change]


def sweep(bench: Bench, make_change: MakeChange, ended_jobs: EndedJobs) -> None:
    """Do all of it. Every part may run on several workers at once and does no harm twice."""
    end_lost_jobs(bench, make_change, ended_jobs)
    release_stranded(bench, make_change)
    expire_results(bench, make_change)
    remove_uploads(bench)
    remove_discarded(bench.sessions, bench.storage)


def end_lost_jobs(bench: Bench, make_change: MakeChange, ended_jobs: EndedJobs) -> None:
    """Fail, and refund, unfinished jobs that the queue holds to be over."""
    before = datetime.now(UTC) - _LOST_AFTER
    with transaction(bench.sessions, read_only=True) as session:
        candidates = list(session.scalars(queries.with_workers(before, _AT_ONCE)))
    if not candidates:
        return
    for job_id in ended_jobs(candidates):
        with transaction(bench.sessions) as session:
            job = session.get(Job, job_id)
            if job is not None and job.state in UNFINISHED:
                _log.error("a job was lost", extra={"job_id": job_id})
                error = SeparationFailed("something went wrong on our side; it has been noted")
                lifecycle.fail(make_change(session), job, error)


def release_stranded(bench: Bench, make_change: MakeChange) -> None:
    """Hand over jobs that wait although their account has room: its cap may have grown."""
    with transaction(bench.sessions, read_only=True) as session:
        accounts = session.execute(queries.accounts_waiting()).all()
    for site_id, account_id in accounts:
        with transaction(bench.sessions) as session:
            lifecycle.release_waiting(make_change(session), site_id, account_id)


def expire_results(bench: Bench, make_change: MakeChange) -> None:
    """Take results away from jobs whose time is over."""
    with transaction(bench.sessions) as session:
        change = make_change(session)
        for job in session.scalars(queries.outlived(change.now, _AT_ONCE)).all():
            session.execute(queries.lock_account(job.site_id, job.account_id))
            service.expire(change, job)


def remove_uploads(bench: Bench) -> None:
    """Remove uploads whose time is over, except those that a job still waits for."""
    remove_expired(bench.sessions, datetime.now(UTC), _still_needed)


def _still_needed(session: Session, upload_ids: Sequence[str]) -> Collection[str]:
    statement = select(Job.upload_id).where(
        Job.upload_id.in_(upload_ids), Job.state.in_(tuple(UNFINISHED))
    )
    return set(session.scalars(statement))
