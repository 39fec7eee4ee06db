"""The installation in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from stemhouse.domains.admin import queries
from stemhouse.domains.admin.operator import Operator
from stemhouse.domains.admin.schemas import (
    FailureList,
    FailuresAnswer,
    LargeAccount,
    LargeAccounts,
    Overview,
    SiteNumbers,
    StoredAnswer,
    WorkerAnswer,
)
from stemhouse.domains.admin.service_accounts import owners
from stemhouse.domains.separations import queries as job_queries
from stemhouse.domains.separations.numbers import unattended
from stemhouse.domains.takedowns import queries as takedown_queries
from stemhouse.jobs.heartbeat import LiveWorker, living
from stemhouse.jobs.queue import Lane

_DAY = timedelta(days=1)
_LARGEST = 20
_STARTING: Final[Mapping[Lane, str]] = {
    "cpu": "start one with stemhouse worker",
    "gpu": "start one with STEMHOUSE_WORKER_QUEUE=gpu, or have STEMHOUSE_GPU_QUALITIES name no "
    "quality and cancel them",
}
_NONE = StoredAnswer(number=0, size_bytes=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What is known of sites besides their rows."""

    titles: Mapping[str, str]
    addresses: Mapping[str, str]
    problems: Sequence[str]


def overview(session: Session, operator: Operator, facts: SiteFacts, now: datetime) -> Overview:
    """Return the installation at a glance."""
    counts = {row.state: row.jobs for row in session.execute(job_queries.unfinished_by_state())}
    oldest = session.scalar(queries.oldest_waiting())
    wait_s = None if oldest is None else max(0.0, (now - oldest) / timedelta(seconds=1))
    workers = living(session)
    return Overview(
        sites=_sites(session, operator, facts, now),
        problems=[*facts.problems, *_missing_workers(session, workers)],
        waiting=counts.get("queued", 0),
        running=counts.get("processing", 0),
        oldest_wait_s=wait_s,
        workers=[_worker(worker) for worker in workers],
    )


def failures(session: Session, operator: Operator, since: datetime) -> FailureList:
    """Return failed jobs by what went wrong."""
    rows = session.execute(queries.failures(operator.sites, since))
    return FailureList(
        data=[
            FailuresAnswer(
                site=row.site_id,
                code=row.error_code,
                number=row.number,
                last_at=row.last_at,
                last_job_id=row.last_job_id,
            )
            for row in rows
        ]
    )


def largest(session: Session, operator: Operator) -> LargeAccounts:
    """Return who takes most room."""
    rows = session.execute(queries.largest_accounts(operator.sites, _LARGEST)).all()
    known = owners(session, [row.account_id for row in rows])
    return LargeAccounts(
        data=[
            LargeAccount(site=row.site_id, owner=known[row.account_id], size_bytes=row.size_bytes)
            for row in rows
        ]
    )


def _sites(
    session: Session, operator: Operator, facts: SiteFacts, now: datetime
) -> list[SiteNumbers]:
    sites = operator.sites
    jobs: dict[str, dict[str, int]] = {site: {} for site in sites}
    audio_s = dict.fromkeys(sites, 0.0)
    for row in session.execute(queries.jobs_by_state(sites, now - _DAY)):
        jobs[row.site_id][row.state] = row.number
        audio_s[row.site_id] += row.audio_s
    kinds = session.execute(queries.accounts_by_kind(sites))
    people = {(row.site_id, row.kind): row.number for row in kinds}
    uploads = _stored(session, queries.uploads_by_site(sites))
    results = _stored(session, queries.results_by_site(sites))
    opened = session.execute(takedown_queries.open_by_site(sites))
    takedowns = {row.site_id: row.requests for row in opened}
    return [
        SiteNumbers(
            site=site,
            title=facts.titles[site],
            address=facts.addresses[site],
            jobs=jobs[site],
            audio_s=audio_s[site],
            users=people.get((site, "user"), 0),
            guests=people.get((site, "guest"), 0),
            uploads=uploads.get(site, _NONE),
            results=results.get(site, _NONE),
            open_takedowns=takedowns.get(site, 0),
        )
        for site in sites
    ]


def _stored(session: Session, statement: queries.Stored) -> dict[str, StoredAnswer]:
    return {
        row.site_id: StoredAnswer(number=row.number, size_bytes=row.size_bytes)
        for row in session.execute(statement)
    }


def _missing_workers(session: Session, workers: Sequence[LiveWorker]) -> list[str]:
    return [
        f"{jobs} waiting for a worker of the queue {lane}, and none runs: {_STARTING[lane]}"
        for lane, jobs in unattended(session, workers).items()
    ]


def _worker(worker: LiveWorker) -> WorkerAnswer:
    return WorkerAnswer(
        id=worker.executor_id,
        host=worker.host,
        process_id=worker.process_id,
        queue=worker.lane,
        songs_at_once=worker.songs_at_once,
        silent_s=round(worker.silent_s, 1),
    )
