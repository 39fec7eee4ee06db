"""What separations add to the application."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy import delete
from sqlalchemy.orm import Session

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.separations import (
    lifecycle,
    queries,
    routes,
    routes_events,
    routes_job,
    routes_links,
    routes_results,
    routes_shares,
    routes_site,
    views,
)
from stemhouse.domains.separations.numbers import QueueNumbers
from stemhouse.domains.separations.tables import Job, Result
from stemhouse.domains.separations.watch import JobWatch
from stemhouse.domains.uploads.discarding import discard
from stemhouse.http.part import OwnedData, Part
from stemhouse.http.schemas import iso_utc
from stemhouse.http.services import Services
from stemhouse.jobs.queue import JobQueue, prepare_queue
from stemhouse.results import KeptDownloads
from stemhouse.sites.models import ModelShelf

_KEPT = "downloads"


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    settings = services.settings
    url = settings.effective_database_url
    prepare_queue(url)
    queue = JobQueue(url, settings.gpu_qualities)
    watch = JobWatch(services.sessions)
    app.state.job_queue = queue
    app.state.job_watch = watch
    app.state.shelf = ModelShelf(settings.models_dir)
    app.state.metrics.registry.register(QueueNumbers(services.sessions))
    kept = KeptDownloads(settings.data_dir / _KEPT, settings.kept_downloads_bytes)
    app.state.kept_downloads = kept
    watch.start()
    kept.start()
    try:
        yield
    finally:
        kept.stop()
        watch.stop()
        queue.close()


def _export(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    events: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in session.scalars(queries.events_of(site_id, account_id)):
        told = {"number": event.number, "kind": event.kind, "state": event.state}
        events[event.job_id].append({**told, "at": iso_utc(event.at)})
    jobs = session.scalars(queries.jobs_of(site_id, account_id)).all()
    for job in views.show_jobs(session, jobs):
        yield {**job.model_dump(mode="json"), "events": events[job.id]}


def _export_shares(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for share in session.scalars(queries.shares_of(site_id, account_id)):
        # Not the address: what the address opens is in it.
        yield {
            "id": share.id,
            "job_id": share.job_id,
            "created_at": iso_utc(share.created_at),
            "expires_at": iso_utc(share.expires_at),
        }


def _delete(session: Session, site_id: str, account_id: str) -> None:
    """Remove an account's jobs; a worker that runs one notices and lets go."""
    session.execute(queries.lock_account(site_id, account_id))
    now = datetime.now(UTC)
    for job in session.scalars(queries.jobs_of(site_id, account_id)).all():
        for attempt in range(1, job.attempt + 1):
            discard(session, lifecycle.attempt_prefix(job, attempt), now)
    session.flush()
    session.execute(owned_by(delete(Job), site_id, account_id))
    session.execute(owned_by(delete(Result), site_id, account_id))


SEPARATIONS = Part(
    name="separations",
    routers=(
        routes_job.router,
        routes.router,
        routes_events.router,
        routes_results.router,
        routes_links.router,
        routes_shares.router,
        routes_site.router,
    ),
    lifespan=_running,
    owned=(
        OwnedData(name="jobs", export=_export, delete=_delete),
        # They go with their jobs.
        OwnedData(name="shares", export=_export_shares, delete=lambda *_: None),
    ),
)
