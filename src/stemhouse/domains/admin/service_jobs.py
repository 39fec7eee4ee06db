"""Jobs of whomever, as operators see and change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.orm import Session

from stemhouse.domains.admin import queries
from stemhouse.domains.admin.operator import Deed, Operator, record
from stemhouse.domains.admin.schemas import (
    CostAnswer,
    JobForOperators,
    JobInDepth,
    StepAnswer,
)
from stemhouse.domains.admin.service_accounts import owners
from stemhouse.domains.payments.costs import Tariff, cost_of_jobs
from stemhouse.domains.separations import queries as job_queries
from stemhouse.domains.separations import service as jobs
from stemhouse.domains.separations import views
from stemhouse.domains.separations.lifecycle import Change
from stemhouse.domains.separations.tables import Job
from stemhouse.errors import NotFound


def find(session: Session, operator: Operator, job_id: str) -> Job:
    """Return a job of the operator's sites.

    Raises
    ------
    NotFound
        There is none.
    """
    job = session.scalar(queries.jobs(operator.sites).where(Job.id == job_id))
    if job is None:
        raise NotFound("there is no such job")
    return job


def show(session: Session, found: Sequence[Job], tariff: Tariff) -> list[JobForOperators]:
    """Return jobs with their owners and what they cost."""
    costs = cost_of_jobs(session, [job.id for job in found], tariff)
    known = owners(session, [job.account_id for job in found])
    shown = views.show_jobs(session, found)
    return [
        JobForOperators(
            site=job.site_id,
            owner=known[job.account_id],
            job=answer,
            cost=CostAnswer(**asdict(costs[job.id])) if job.id in costs else None,
        )
        for job, answer in zip(found, shown, strict=True)
    ]


def show_in_depth(session: Session, job: Job, tariff: Tariff) -> JobInDepth:
    """Return a job with everything that happened to it."""
    (shown,) = show(session, [job], tariff)
    steps = session.scalars(job_queries.events_after(job.id, 0))
    return JobInDepth(
        site=shown.site,
        owner=shown.owner,
        job=shown.job,
        cost=shown.cost,
        recording_sha256=job.song_sha256,
        steps=[StepAnswer.model_validate(step) for step in steps],
    )


def cancel(change: Change, operator: Operator, job_id: str, reason: str) -> Job:
    """Stop somebody's job; its price is given back.

    Raises
    ------
    NotFound, Conflict
        There is none; it has ended.
    """
    job = jobs.cancel_job(change, find(change.session, operator, job_id))
    _record(change, operator, job, kind="job_canceled", reason=reason)
    return job


def retry(change: Change, operator: Operator, job_id: str, reason: str) -> Job:
    """Have a failed or cancelled job separated again, for nothing: it had been paid back.

    Raises
    ------
    NotFound
        There is none, or its song has been removed.
    Conflict
        It has not failed.
    """
    job = jobs.again(change, find(change.session, operator, job_id))
    _record(change, operator, job, kind="job_retried", reason=reason, data={"from": job_id})
    return job


def delete(change: Change, operator: Operator, job_id: str, reason: str) -> None:
    """Remove somebody's ended job and its stems.

    Raises
    ------
    NotFound, Conflict
        There is none; it has not ended.
    """
    job = find(change.session, operator, job_id)
    jobs.delete_job(change, job)
    _record(change, operator, job, kind="job_deleted", reason=reason)


def _record(
    change: Change,
    operator: Operator,
    job: Job,
    *,
    kind: str,
    reason: str,
    data: dict[str, str] | None = None,
) -> None:
    deed = Deed(kind=kind, site_id=job.site_id, target_id=job.id, reason=reason, data=data or {})
    record(change.session, operator, deed, change.now)
