"""What payments add to the application, where a site has a key for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlalchemy.orm import Session

from stemhouse.domains.payments import queries
from stemhouse.domains.payments.catching_up import CatchingUp
from stemhouse.domains.payments.departing import depart
from stemhouse.domains.payments.routes import router
from stemhouse.domains.payments.schemas import BillAnswer, PurchaseAnswer
from stemhouse.domains.payments.till import Till
from stemhouse.http.part import OwnedData, Part
from stemhouse.http.services import Services, utc_now
from stemhouse.settings import Settings


def make_till(services: Services) -> Till:
    """Return what payments work with."""
    return Till(services.settings, services.sessions, services.sites, services.clock)


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    if not services.settings.sells:
        yield
        return
    till = make_till(services)
    app.state.till = till
    app.state.catching_up = CatchingUp(till)
    app.state.catching_up.start()
    try:
        yield
    finally:
        app.state.catching_up.stop()
        till.close()


def _optional_routers(settings: Settings) -> tuple[APIRouter, ...]:
    return (router,) if settings.sells else ()


def _export_purchases(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for row in session.scalars(queries.purchases(site_id, account_id)):
        yield PurchaseAnswer.model_validate(row).model_dump(mode="json")


def _export_bills(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for row in session.scalars(queries.bills(site_id, account_id)):
        yield BillAnswer.model_validate(row).model_dump(mode="json")


def _delete(session: Session, site_id: str, account_id: str) -> None:
    customer = session.scalar(queries.customer(site_id, account_id))
    if customer is not None and customer.customer_id is not None:
        # A subscription must not outlive its account.
        depart(session, site_id, customer.customer_id, utc_now())
    for statement in queries.remove_of_account(site_id, account_id):
        session.execute(statement)


def _leave_bills(_session: Session, _site_id: str, _account_id: str) -> None:
    # They went with the purchases, or rather stayed without their account.
    pass


PAYMENTS = Part(
    name="payments",
    optional_routers=_optional_routers,
    lifespan=_running,
    owned=(
        OwnedData(name="purchases", export=_export_purchases, delete=_delete),
        OwnedData(name="invoices", export=_export_bills, delete=_leave_bills),
    ),
)
