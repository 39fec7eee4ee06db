"""SQL of operators: across accounts, and always within the sites that are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, or_, select

from stemhouse.domains.accounts.tables import Account, Alarm
from stemhouse.domains.admin.tables import AdminAction
from stemhouse.domains.separations.states import UNFINISHED
from stemhouse.domains.separations.tables import Job, Result
from stemhouse.domains.uploads.tables import Upload

Sites = Sequence[str]
Stored = Select[str, int, int]


def jobs(sites: Sites) -> Select[Job]:
    """List jobs."""
    return select(Job).where(Job.site_id.in_(sites))


def jobs_like(statement: Select[Job], words: str) -> Select[Job]:
    """Narrow jobs to those whose identifier, account or song is what somebody wrote."""
    return statement.where(
        or_(Job.id == words, Job.account_id == words, Job.name.icontains(words, autoescape=True))
    )


def accounts(sites: Sites) -> Select[Account]:
    """List accounts."""
    return select(Account).where(Account.site_id.in_(sites))


def accounts_like(statement: Select[Account], words: str) -> Select[Account]:
    """Narrow accounts to those whose identifier or address is what somebody wrote."""
    return statement.where(
        or_(Account.id == words, Account.email.icontains(words, autoescape=True))
    )


def accounts_by_id(account_ids: Sequence[str]) -> Select[Account]:
    """Read the accounts behind some rows, which are the operator's already."""
    return select(Account).where(Account.id.in_(account_ids))


def unfinished_of(account_id: str) -> Select[Job]:
    """List an account's jobs that wait or run."""
    return select(Job).where(Job.account_id == account_id, Job.state.in_(UNFINISHED))


def jobs_of_recording(site_id: str, sha256: str) -> Select[Job]:
    """List the jobs of a site that separated a recording."""
    return select(Job).where(Job.site_id == site_id, Job.song_sha256 == sha256)


def uploads_of_recording(site_id: str, sha256: str) -> Select[Upload]:
    """List the uploads of a site that are a recording."""
    return select(Upload).where(Upload.site_id == site_id, Upload.sha256 == sha256)


def alarms(sites: Sites) -> Select[Alarm]:
    """List what looks like abuse."""
    return select(Alarm).where(Alarm.site_id.in_(sites))


def actions(sites: Sites) -> Select[AdminAction]:
    """List what operators did."""
    return select(AdminAction).where(AdminAction.site_id.in_(sites))


# --- numbers -------------------------------------------------------------------------------------


def jobs_by_account(account_ids: Sequence[str]) -> Select[str, int]:
    """Count the jobs of accounts."""
    return (
        select(Job.account_id, func.count(Job.id).label("number"))
        .where(Job.account_id.in_(account_ids))
        .group_by(Job.account_id)
    )


def results_by_account(account_ids: Sequence[str]) -> Select[str, int]:
    """Sum the bytes of accounts' stems."""
    return (
        select(Result.account_id, func.coalesce(func.sum(Result.size_bytes), 0).label("number"))
        .where(Result.account_id.in_(account_ids))
        .group_by(Result.account_id)
    )


def jobs_by_state(sites: Sites, since: datetime) -> Select[str, str, int, float]:
    """Count the jobs that began since a moment, and their seconds of audio."""
    return (
        select(
            Job.site_id,
            Job.state,
            func.count(Job.id).label("number"),
            func.coalesce(func.sum(Job.duration_s), 0.0).label("audio_s"),
        )
        .where(Job.site_id.in_(sites), Job.created_at >= since)
        .group_by(Job.site_id, Job.state)
    )


def accounts_by_kind(sites: Sites) -> Select[str, str, int]:
    """Count the accounts of sites."""
    return (
        select(Account.site_id, Account.kind, func.count(Account.id).label("number"))
        .where(Account.site_id.in_(sites))
        .group_by(Account.site_id, Account.kind)
    )


def results_by_site(sites: Sites) -> Stored:
    """Count and sum the bytes of stems."""
    return (
        select(
            Result.site_id,
            func.count(Result.id).label("number"),
            func.coalesce(func.sum(Result.size_bytes), 0).label("size_bytes"),
        )
        .where(Result.site_id.in_(sites))
        .group_by(Result.site_id)
    )


def uploads_by_site(sites: Sites) -> Stored:
    """Count and sum the bytes of songs."""
    return (
        select(
            Upload.site_id,
            func.count(Upload.id).label("number"),
            func.coalesce(func.sum(Upload.received_bytes), 0).label("size_bytes"),
        )
        .where(Upload.site_id.in_(sites), Upload.state != "rejected")
        .group_by(Upload.site_id)
    )


def largest_accounts(sites: Sites, most: int) -> Select[str, str, int]:
    """List the accounts whose stems take most room."""
    size = func.sum(Result.size_bytes)
    return (
        select(Result.site_id, Result.account_id, size.label("size_bytes"))
        .where(Result.site_id.in_(sites))
        .group_by(Result.site_id, Result.account_id)
        .order_by(size.desc(), Result.account_id)
        .limit(most)
    )


def failures(sites: Sites, since: datetime) -> Select[str, str | None, int, datetime | None, str]:
    """Count failed jobs by what went wrong."""
    number = func.count(Job.id)
    return (
        select(
            Job.site_id,
            Job.error_code,
            number.label("number"),
            func.max(Job.finished_at).label("last_at"),
            func.max(Job.id).label("last_job_id"),
        )
        .where(Job.site_id.in_(sites), Job.state == "failed", Job.finished_at >= since)
        .group_by(Job.site_id, Job.error_code)
        .order_by(number.desc(), Job.site_id, Job.error_code)
    )


def oldest_waiting() -> Select[datetime | None]:
    """Read since when the oldest waiting job waits, of whatever site: the queue is one."""
    return select(func.min(Job.created_at)).where(Job.state == "queued")
