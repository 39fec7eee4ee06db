"""What webhooks add to the application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from sqlalchemy import delete
from sqlalchemy.orm import Session

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.webhooks import queries, service
from stemhouse.domains.webhooks.announce import JobAnnouncer
from stemhouse.domains.webhooks.routes import router
from stemhouse.domains.webhooks.tables import WebhookEndpoint
from stemhouse.http.part import OwnedData, Part
from stemhouse.http.schemas import iso_utc
from stemhouse.http.services import Services
from stemhouse.sites.place import site_address


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    app.state.announce = JobAnnouncer(
        services.clock, partial(site_address, services.settings.address, services.sites)
    )
    yield


def _export(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for endpoint in session.scalars(queries.endpoints_of(site_id, account_id)):
        yield {
            "id": endpoint.id,
            "url": endpoint.url,
            "events": endpoint.events,
            "description": endpoint.description,
            "created_at": iso_utc(endpoint.created_at),
        }


def _export_deliveries(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for delivery in service.export_deliveries(session, site_id, account_id):
        yield delivery.model_dump(mode="json")


def _delete(session: Session, site_id: str, account_id: str) -> None:
    # Secrets, deliveries and their log go with the endpoints.
    session.execute(owned_by(delete(WebhookEndpoint), site_id, account_id))


WEBHOOKS = Part(
    name="webhooks",
    routers=(router,),
    lifespan=_running,
    owned=(
        OwnedData(name="webhooks", export=_export, delete=_delete),
        # They go with their endpoints.
        OwnedData(name="deliveries", export=_export_deliveries, delete=lambda *_: None),
    ),
)
