"""The addresses of accounts."""

from __future__ import annotations

from fastapi import APIRouter

from stemhouse.domains.accounts import service
from stemhouse.domains.accounts.access import CurrentPrincipal
from stemhouse.domains.accounts.schemas import AccountAnswer
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1", tags=["accounts"])


@router.get("/account")
def show_account(principal: CurrentPrincipal, session: RequestSession) -> AccountAnswer:
    """Show the account that the key or session belongs to."""
    return service.show(session, principal)
