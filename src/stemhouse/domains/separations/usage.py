"""What jobs take of the machines: processor time, time of devices, stored bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from stemhouse.db.upsert import insert_for
from stemhouse.domains.separations.tables import Job, JobUsage

PROCESSOR: Final = "cpu"
"""What the runtime calls the device that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What something took.

    Attributes
    ----------
    processor_s : float
        Seconds of processor time, of all threads.
    device_s : float
        Seconds in which the network ran on a device beside the processor.
    stored_bytes : int
        Size of the stems.
    kept_s : float
        How long they are to be kept.
    """

    processor_s: float = 0.0
    device_s: float = 0.0
    stored_bytes: int = 0
    kept_s: float = 0.0

    def with_result(self, facts: Mapping[str, Any], kept_s: float) -> Self:
        """Return it with what the facts of a result say."""
        on_device = facts["runtime"]["device"] != PROCESSOR
        return replace(
            self,
            device_s=facts["timings"]["network_s"] if on_device else 0.0,
            stored_bytes=facts["size_bytes"],
            kept_s=kept_s,
        )


def record(session: Session, job: Job, used: Used, now: datetime) -> None:
    """Write down what an attempt has taken until now; the last word counts."""
    values = {
        "at": now,
        "processor_s": used.processor_s,
        "device_s": used.device_s,
        "stored_bytes": used.stored_bytes,
        "kept_s": used.kept_s,
    }
    session.execute(
        insert_for(session, JobUsage)
        .values(job_id=job.id, attempt=job.attempt, site_id=job.site_id, **values)
        .on_conflict_do_update(index_elements=["job_id", "attempt"], set_=values)
    )


_SUMS = (
    func.coalesce(func.sum(JobUsage.processor_s), 0.0),
    func.coalesce(func.sum(JobUsage.device_s), 0.0),
    func.coalesce(func.sum(JobUsage.stored_bytes), 0),
    func.coalesce(func.sum(JobUsage.stored_bytes * JobUsage.kept_s), 0.0),
)


def of_jobs(job_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Sum what jobs took, with all their attempts: job, attempts, then the sums."""
    return (
        select(JobUsage.job_id, func.count(), *_SUMS)
        .where(JobUsage.job_id.in_(job_ids))
        .group_by(JobUsage.job_id)
    )


def of_sites(sites: Sequence[str], first: datetime, after: datetime) -> Select[*tuple[Any, ...]]:
    """Sum what sites took between two moments: site, jobs, then the sums."""
    return (
        select(JobUsage.site_id, func.count(JobUsage.job_id.distinct()), *_SUMS)
        .where(JobUsage.site_id.in_(sites), JobUsage.at >= first, JobUsage.at < after)
        .group_by(JobUsage.site_id)
    )


def first_use(sites: Sequence[str]) -> Select[datetime | None]:
    """Find when the first job of sites took something."""
    return select(func.min(JobUsage.at)).where(JobUsage.site_id.in_(sites))
