"""The addresses of credits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from stemhouse.domains.accounts.access import needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.purse import WELCOME
from stemhouse.domains.billing.schemas import BalanceAnswer, EntryAnswer
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerEntry
from stemhouse.domains.billing.views import show_entry
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1", tags=["billing"])

Reader = Annotated[Principal, Depends(needs("jobs:read"))]


@router.get("/balance")
def show_balance(principal: Reader, session: RequestSession, now: Now) -> BalanceAnswer:
    """Show what may still be separated."""
    ledger = Ledger(session, principal.site_id, principal.account_id, now)
    # Free credits are written down with the first song; they are there before.
    coming_s = 0 if ledger.granted(WELCOME) else principal.plan.free_credits_s
    return BalanceAnswer(
        unit="second",
        available=ledger.available_s() + coming_s,
        held=ledger.held_s(),
    )


@router.get("/balance/entries")
def list_entries(principal: Reader, session: RequestSession, page: WantedPage) -> Page[EntryAnswer]:
    """List what moved credits, newest first."""
    statement = queries.entries(principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, statement, LedgerEntry.id, page)
    return Page(data=[show_entry(row) for row in rows], next_cursor=cursor)
