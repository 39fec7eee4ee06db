"""SQL of jobs and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Delete,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.separations.states import UNFINISHED, JobState, sources_of
from stemhouse.domains.separations.tables import (
    Job,
    JobEvent,
    Result,
    ResultStem,
    Share,
)

# --- for people: always from the site and the account ---------------------------------------------


def jobs_of(site_id: str, account_id: str) -> Select[Job]:
    """List an account's jobs."""
    return owned_by(select(Job), site_id, account_id)


def named_like(jobs: Select[Job], words: str) -> Select[Job]:
    """Keep the jobs whose song has all these words in its name, in any order and case."""
    return jobs.where(*(Job.name.icontains(word, autoescape=True) for word in words.split()))


ONE_JOB: Select[Job] = owned_by(select(Job), bindparam("site_id"), bindparam("account_id")).where(
    Job.id == bindparam("job_id")
)
"""One of an account's jobs. Written once, because it is read more than anything else."""


def shares_of(site_id: str, account_id: str) -> Select[Share]:
    """List an account's links, newest first."""
    return owned_by(select(Share), site_id, account_id).order_by(Share.id.desc())


def shared(site_id: str, share_id: str) -> Select[Share, Job]:
    """Find a link and its job: whoever has the link may listen, unless its owner is blocked."""
    return (
        select(Share, Job)
        .join(Job, Job.id == Share.job_id)
        .join(Account, Account.id == Share.account_id)
        .where(Share.site_id == site_id, Share.id == share_id, Account.blocked_at.is_(None))
    )


def linked(site_id: str, account_id: str, job_id: str) -> Select[Job]:
    """Find the job of a link that carries its owner's name, unless that one is blocked."""
    return (
        owned_by(select(Job), site_id, account_id)
        .join(Account, Account.id == Job.account_id)
        .where(Job.id == job_id, Account.blocked_at.is_(None))
    )


def end_links(job_id: str) -> Update:
    """End the links of a job that there are: those made from now on carry another number."""
    return update(Job).where(Job.id == job_id).values(links_ended=Job.links_ended + 1)


def result_for(site_id: str, account_id: str, recipe_key: str) -> Select[Result]:
    """Find what the same recording with the same settings gave before."""
    alive = select(Job.result_id).where(
        Job.account_id == account_id, Job.state == "succeeded", Job.result_id.is_not(None)
    )
    return (
        owned_by(select(Result), site_id, account_id)
        .where(Result.recipe_key == recipe_key, Result.id.in_(alive))
        .order_by(Result.id.desc())
        .limit(1)
    )


def lock_account(site_id: str, account_id: str) -> Select[str]:
    """Make whoever changes which of an account's jobs run do so one after the other.

    Every change takes this lock before it touches a job, so that no two can wait for each other.
    """
    return (
        select(Account.id)
        .where(Account.site_id == site_id, Account.id == account_id)
        .with_for_update(key_share=True)
    )


def count_unfinished(site_id: str, account_id: str) -> Select[int]:
    """Count an account's jobs that wait or run."""
    return select(func.count()).select_from(
        jobs_of(site_id, account_id).where(Job.state.in_(UNFINISHED)).subquery()
    )


def count_all(site_id: str, account_id: str) -> Select[int]:
    """Count the songs an account has had or will have separated."""
    wanted = ("queued", "processing", "succeeded", "expired")
    return select(func.count()).select_from(
        jobs_of(site_id, account_id).where(Job.state.in_(wanted)).subquery()
    )


# --- the queue -----------------------------------------------------------------------------------


def count_released(account_id: str) -> Select[int]:
    """Count an account's jobs that are with the workers."""
    return select(func.count(Job.id)).where(
        Job.account_id == account_id, Job.state.in_(UNFINISHED), Job.released_at.is_not(None)
    )


def waiting(account_id: str) -> Select[Job]:
    """List an account's jobs that are not with the workers yet, in their order."""
    return (
        select(Job)
        .where(Job.account_id == account_id, Job.state == "queued", Job.released_at.is_(None))
        .order_by(Job.urgency, Job.id)
    )


def ahead_of(job: Job) -> Select[int, float]:
    """Count the jobs of its lane that run before this one, and their seconds of audio."""
    before = or_(Job.urgency < job.urgency, and_(Job.urgency == job.urgency, Job.id < job.id))
    return select(func.count(Job.id), func.coalesce(func.sum(Job.duration_s), 0.0)).where(
        Job.state == "queued", Job.lane == job.lane, before
    )


def running_total(lane: str) -> Select[int, float]:
    """Count the jobs of a lane that run, and their seconds of audio."""
    return select(func.count(Job.id), func.coalesce(func.sum(Job.duration_s), 0.0)).where(
        Job.state == "processing", Job.lane == lane
    )


def unfinished_by_state() -> Select[str, int, float]:
    """Count the jobs that have not ended, and their seconds of audio."""
    return (
        select(
            Job.state,
            func.count(Job.id).label("jobs"),
            func.coalesce(func.sum(Job.duration_s), 0.0).label("audio_s"),
        )
        .where(Job.state.in_(UNFINISHED))
        .group_by(Job.state)
    )


def waiting_by_lane() -> Select[str, int]:
    """Count the jobs that wait, by the workers they are for."""
    return (
        select(Job.lane, func.count(Job.id).label("jobs"))
        .where(Job.state == "queued")
        .group_by(Job.lane)
        .order_by(Job.lane)
    )


def recent_speeds(lane: str, newest: int) -> Select[float, datetime | None, datetime | None]:
    """Read duration, start and end of the jobs of a lane that succeeded last."""
    return (
        select(Job.duration_s, Job.started_at, Job.finished_at)
        .where(Job.state == "succeeded", Job.lane == lane, Job.started_at.is_not(None))
        .order_by(Job.id.desc())
        .limit(newest)
    )


# --- changing a job ------------------------------------------------------------------------------


def enter(job_id: str, state: JobState, attempt: int | None, values: Mapping[str, Any]) -> Update:
    """Move a job into a state it may enter, if the attempt is still the one named."""
    statement = update(Job).where(Job.id == job_id, Job.state.in_(sources_of(state)))
    if attempt is not None:
        statement = statement.where(Job.attempt == attempt)
    return statement.values(state=state, last_event=Job.last_event + 1, **values).returning(Job)


_jobs = cast(Table, Job.__table__)
_PROGRESS = ("done_samples", "total_samples", "remaining_s")

REPORT = (
    update(_jobs)
    .where(
        _jobs.c.id == bindparam("job_id"),
        _jobs.c.attempt == bindparam("speaker"),
        _jobs.c.state == "processing",
    )
    .values({name: bindparam(name) for name in _PROGRESS})
    .returning(_jobs.c.id)
)
"""Write progress of the attempt that runs; returns nothing when it is over.

Written once and of the table, not the entity: all songs that run are reported four times a second,
and to make the statement each time takes three times as long as to carry it out.
"""


def standing(job_id: str, attempt: int) -> Select[str]:
    """Look whether the attempt that runs is still the one."""
    return select(Job.id).where(Job.id == job_id, Job.attempt == attempt, Job.state == "processing")


# --- what came out -------------------------------------------------------------------------------


def stems_of(result_ids: Sequence[str]) -> Select[ResultStem]:
    """List the stems of results, in manifest order."""
    return (
        select(ResultStem)
        .where(ResultStem.result_id.in_(result_ids))
        .order_by(ResultStem.result_id, ResultStem.position)
    )


def events_after(job_id: str, number: int) -> Select[JobEvent]:
    """List a job's events after one."""
    return (
        select(JobEvent)
        .where(JobEvent.job_id == job_id, JobEvent.number > number)
        .order_by(JobEvent.number)
    )


def events_of(site_id: str, account_id: str) -> Select[JobEvent]:
    """List the events of all of an account's jobs, in the order of each job."""
    owned = jobs_of(site_id, account_id).with_only_columns(Job.id)
    return (
        select(JobEvent)
        .where(JobEvent.job_id.in_(owned))
        .order_by(JobEvent.job_id, JobEvent.number)
    )


def jobs_showing(result_id: str) -> Select[str]:
    """Find a job that shows a result."""
    return select(Job.id).where(Job.result_id == result_id).limit(1)


def remove_result(result_id: str) -> Delete:
    """Remove a result; its stems go with it."""
    return delete(Result).where(Result.id == result_id)


# --- the sweep -----------------------------------------------------------------------------------


def outlived(now: datetime, most: int) -> Select[Job]:
    """List finished jobs whose results are kept no longer."""
    return (
        select(Job)
        .where(Job.state == "succeeded", Job.expires_at < now)
        .order_by(Job.expires_at)
        .limit(most)
    )


def with_workers(released_before: datetime, most: int) -> Select[str]:
    """List unfinished jobs that have been with the workers for some time."""
    return (
        select(Job.id)
        .where(Job.state.in_(UNFINISHED), Job.released_at < released_before)
        .order_by(Job.released_at)
        .limit(most)
    )


def accounts_waiting() -> Select[str, str]:
    """List accounts with jobs that are not with the workers."""
    return (
        select(Job.site_id, Job.account_id)
        .where(Job.state == "queued", Job.released_at.is_(None))
        .distinct()
    )


# --- watching ------------------------------------------------------------------------------------


def standings(
    job_ids: Sequence[str],
) -> Select[str, str, int, int, int | None, float | None]:
    """Read where jobs stand. Whoever watches them has been let in before."""
    return select(
        Job.id,
        Job.state,
        Job.last_event,
        Job.done_samples,
        Job.total_samples,
        Job.remaining_s,
    ).where(Job.id.in_(job_ids))


def queue_order() -> Select[str, str]:
    """List the waiting jobs and their lanes, in the order in which they will run."""
    return select(Job.id, Job.lane).where(Job.state == "queued").order_by(Job.urgency, Job.id)
