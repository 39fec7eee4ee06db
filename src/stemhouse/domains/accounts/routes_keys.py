"""The addresses of API keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, status

from stemhouse.domains.accounts import service_keys
from stemhouse.domains.accounts.access import needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.schemas import KeyAnswer, KeyRequest, NewKeyAnswer
from stemhouse.http.pagination import Page, WantedPage
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Reader = Annotated[Principal, Depends(needs("account:read"))]
Writer = Annotated[Principal, Depends(needs("account:write"))]


@router.post("", status_code=status.HTTP_201_CREATED)
def create_key(
    asked: KeyRequest, principal: Writer, session: RequestSession, now: Now
) -> NewKeyAnswer:
    """Make an API key. The answer is the only time that it is shown."""
    return service_keys.create(session, principal, asked, now)


@router.get("")
def list_keys(principal: Reader, session: RequestSession, page: WantedPage) -> Page[KeyAnswer]:
    """List the account's keys, revoked ones included."""
    return service_keys.list_page(session, principal, page)


@router.get("/{key_id}")
def show_key(key_id: str, principal: Reader, session: RequestSession) -> KeyAnswer:
    """Show a key, without its secret."""
    return service_keys.show(session, principal, key_id)


@router.delete("/{key_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_key(key_id: str, principal: Writer, session: RequestSession, now: Now) -> None:
    """Revoke a key: from now on it lets nobody in."""
    service_keys.revoke(session, principal, key_id, now)
