"""What uploads add to the application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from sqlalchemy.orm import Session

from stemhouse.domains.uploads import queries, routes, routes_files, routes_resumable, service
from stemhouse.domains.uploads.discarding import discard
from stemhouse.domains.uploads.examine import Examiner
from stemhouse.domains.uploads.intake import Intake
from stemhouse.domains.uploads.sweeping import OrphanSweep
from stemhouse.http.part import OwnedData, Part
from stemhouse.http.services import Services
from stemhouse.storage import link_signer, open_storage

_EXAMINERS = 4
_FETCHERS = 8


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    storage = getattr(app.state, "storage", None) or open_storage(services.settings)
    app.state.storage = storage
    app.state.link_signer = link_signer(services.settings)
    app.state.readiness["storage"] = storage.check
    examiner = Examiner()
    app.state.intake = Intake(
        sessions=services.sessions,
        storage=storage,
        settings=services.settings,
        clock=services.clock,
        examiner=examiner,
    )
    app.state.examiners = CapacityLimiter(_EXAMINERS)
    app.state.fetchers = CapacityLimiter(_FETCHERS)
    orphans = OrphanSweep(services.sessions, storage, services.clock)
    orphans.start()
    try:
        yield
    finally:
        orphans.stop()
        examiner.close()


def _export(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for upload in session.scalars(queries.uploads_of(site_id, account_id)):
        yield service.shown(upload).model_dump(mode="json")


def _delete(session: Session, site_id: str, account_id: str) -> None:
    now = datetime.now(UTC)
    for upload in session.scalars(queries.uploads_of(site_id, account_id)):
        discard(session, service.folder_of(upload.id), now)
        session.delete(upload)
    session.flush()


UPLOADS = Part(
    name="uploads",
    # The longer addresses first: /v1/uploads/{upload_id} would take them.
    routers=(routes_resumable.router, routes.router, routes_files.router),
    lifespan=_running,
    owned=(OwnedData(name="uploads", export=_export, delete=_delete),),
)
