"""What billing adds to the application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy.orm import Session

from stemhouse.domains.billing.closing import close_books
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.billing.routes import router
from stemhouse.domains.billing.sweeping import LedgerSweeper
from stemhouse.domains.billing.views import all_entries
from stemhouse.http.part import OwnedData, Part
from stemhouse.http.services import Services


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    app.state.purse = LedgerPurse(services.settings)
    sweeper = LedgerSweeper(services.sessions, services.clock)
    sweeper.start()
    try:
        yield
    finally:
        sweeper.stop()


def _export(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for entry in all_entries(session, site_id, account_id):
        yield entry.model_dump(mode="json")


def _delete(session: Session, site_id: str, account_id: str) -> None:
    # The transactions themselves leave with the account's row: the database lets them go no sooner.
    close_books(session, site_id, account_id, datetime.now(UTC))


BILLING = Part(
    name="billing",
    routers=(router,),
    lifespan=_running,
    owned=(OwnedData(name="credits", export=_export, delete=_delete),),
)
