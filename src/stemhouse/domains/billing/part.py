"""What billing adds to the application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from sqlalchemy import delete
from sqlalchemy.orm import Session

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.billing.routes import router
from stemhouse.domains.billing.tables import Balance, LedgerEntry
from stemhouse.domains.billing.views import show_entry
from stemhouse.http.part import OwnedData, Part


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    app.state.purse = LedgerPurse()
    yield


def _export(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    for entry in session.scalars(queries.entries(site_id, account_id)):
        yield show_entry(entry).model_dump(mode="json")


def _delete(session: Session, site_id: str, account_id: str) -> None:
    session.execute(owned_by(delete(LedgerEntry), site_id, account_id))
    session.execute(owned_by(delete(Balance), site_id, account_id))


BILLING = Part(
    name="billing",
    routers=(router,),
    lifespan=_running,
    owned=(OwnedData(name="credits", export=_export, delete=_delete),),
)
