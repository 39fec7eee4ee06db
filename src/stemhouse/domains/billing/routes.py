"""The addresses of credits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from stemhouse.domains.accounts.access import needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.purse import SIGN_UP
from stemhouse.domains.billing.schemas import BalanceAnswer, EntryAnswer, LotAnswer
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerTransaction
from stemhouse.domains.billing.views import show_entries
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1", tags=["billing"])

Reader = Annotated[Principal, Depends(needs("jobs:read"))]


@router.get("/balance")
def show_balance(principal: Reader, session: RequestSession, now: Now) -> BalanceAnswer:
    """Show what may still be separated."""
    ledger = Ledger(session, Owner(principal.site_id, principal.account_id), "second", now)
    lots = [
        LotAnswer(available=lot.available, expires_at=lot.expires_at, note=lot.note)
        for lot in ledger.lots()
    ]
    # Free credits are written down with the first song; they are there before.
    coming = 0 if ledger.granted(SIGN_UP) else principal.plan.free_credits_s
    if coming:
        lots.append(
            LotAnswer(available=coming, expires_at=None, note="free credits of a new account")
        )
    return BalanceAnswer(
        unit="second",
        available=sum(lot.available for lot in lots),
        held=ledger.held(),
        lots=lots,
    )


@router.get("/balance/entries")
def list_entries(principal: Reader, session: RequestSession, page: WantedPage) -> Page[EntryAnswer]:
    """List what moved credits, newest first, with what was there after each."""
    owner = (principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, queries.transactions(*owner), LedgerTransaction.id, page)
    return Page(data=show_entries(session, *owner, rows), next_cursor=cursor)
