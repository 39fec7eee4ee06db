"""The addresses of credits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from stemhouse.domains.accounts.access import needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.free import FreeTier
from stemhouse.domains.billing.receipts import receipt_of
from stemhouse.domains.billing.schemas import BalanceAnswer, EntryAnswer, ReceiptAnswer
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerTransaction
from stemhouse.domains.billing.views import show_credits, show_entries
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import CurrentSettings, Now
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import TheSite

router = APIRouter(prefix="/v1", tags=["billing"])

Reader = Annotated[Principal, Depends(needs("jobs:read"))]


@router.get("/balance")
def show_balance(
    principal: Reader,
    session: RequestSession,
    now: Now,
    *,
    site: TheSite,
    settings: CurrentSettings,
) -> BalanceAnswer:
    """Show what may still be separated."""
    ledger = Ledger(session, Owner(principal.site_id, principal.account_id), site.unit, now)
    # Free credits are written down with the first song that needs them; they are there before.
    due = FreeTier(settings, site).due(session, principal, ledger, now)
    return show_credits(ledger, site.unit, due)


@router.get("/jobs/{job_id}/receipt")
def show_receipt(job_id: str, principal: Reader, session: RequestSession) -> ReceiptAnswer:
    """Show what became of a job's price; also when the job has been deleted."""
    return receipt_of(session, Owner(principal.site_id, principal.account_id), job_id)


@router.get("/balance/entries")
def list_entries(principal: Reader, session: RequestSession, page: WantedPage) -> Page[EntryAnswer]:
    """List what moved credits, newest first, with what was there after each."""
    owner = (principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, queries.transactions(*owner), LedgerTransaction.id, page)
    return Page(data=show_entries(session, *owner, rows), next_cursor=cursor)
