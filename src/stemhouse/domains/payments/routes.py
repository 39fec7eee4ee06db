"""The addresses of payments; without a key in the settings they do not exist."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from stemhouse.domains.accounts.access import CurrentPrincipal, limit_writes, needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.payments import catching_up, events, queries, service, stripe_webhooks
from stemhouse.domains.payments.facts import EventFacts
from stemhouse.domains.payments.schemas import (
    BillAnswer,
    CheckoutAnswer,
    CheckoutRequest,
    PortalAnswer,
    PortalRequest,
    PurchaseAnswer,
    StoreAnswer,
)
from stemhouse.domains.payments.service import Shopper
from stemhouse.domains.payments.tables import Bill, Purchase
from stemhouse.domains.payments.till import Till
from stemhouse.errors import Forbidden
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace, TheSite

router = APIRouter(prefix="/v1", tags=["payments"])

Reader = Annotated[Principal, Depends(needs("account:read"))]


def _buyer(principal: CurrentPrincipal) -> Principal:
    if principal.kind == "guest":
        raise Forbidden("make an account first, so that what you buy is there when you come back")
    principal.need("account:write")
    return principal


# The OpenAPI document tells which scope a route needs.
_buyer.scope = "account:write"  # type: ignore[attr-defined]

Buyer = Annotated[Principal, Depends(_buyer)]


def till_of(request: Request) -> Till:
    """Return what payments work with."""
    till: Till = request.app.state.till
    return till


TheTill = Annotated[Till, Depends(till_of)]


@router.get("/store")
def show_store(
    principal: Reader, session: RequestSession, till: TheTill, place: ThePlace
) -> StoreAnswer:
    """Show what the account pays for."""
    return service.show_store(session, till, Shopper(principal, place))


@router.post("/checkout", status_code=201, dependencies=[Depends(limit_writes)])
def open_checkout(
    asked: CheckoutRequest, principal: Buyer, till: TheTill, place: ThePlace
) -> CheckoutAnswer:
    """Begin to buy a pack or a plan; whoever has a plan changes it so.

    The same wish again, while the first one is not paid, leads to the same page.
    """
    return service.open_checkout(till, Shopper(principal, place), asked)


@router.post("/portal", status_code=201, dependencies=[Depends(limit_writes)])
def open_portal(
    asked: PortalRequest, principal: Buyer, till: TheTill, place: ThePlace
) -> PortalAnswer:
    """Open Stripe's portal: cards, invoices, another plan, an end."""
    return PortalAnswer(url=service.open_portal(till, Shopper(principal, place), asked.return_path))


@router.get("/purchases")
def list_purchases(
    principal: Reader, session: RequestSession, page: WantedPage
) -> Page[PurchaseAnswer]:
    """List what was bought, or begun to be, newest first."""
    wanted = queries.purchases(principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, wanted, Purchase.id, page)
    return Page(data=[PurchaseAnswer.model_validate(row) for row in rows], next_cursor=cursor)


@router.post("/purchases/{purchase_id}/check", dependencies=[Depends(limit_writes)])
def check_purchase(
    purchase_id: str, principal: Buyer, till: TheTill, place: ThePlace
) -> PurchaseAnswer:
    """Ask Stripe now what became of a purchase. The page that people come back to does it."""
    return service.check_purchase(till, Shopper(principal, place), purchase_id)


@router.get("/invoices")
def list_invoices(principal: Reader, session: RequestSession, page: WantedPage) -> Page[BillAnswer]:
    """List invoices and their receipts, newest first."""
    wanted = queries.bills(principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, wanted, Bill.id, page)
    return Page(data=[BillAnswer.model_validate(row) for row in rows], next_cursor=cursor)


async def _event(
    request: Request,
    till: TheTill,
    site: TheSite,
    now: Now,
    *,
    stripe_signature: Annotated[
        str, Header(max_length=2000, description="Proves that Stripe sent it.")
    ] = "",
) -> EventFacts | None:
    secret = till.webhook_secret(site)
    body = await request.body()  # as it came: a signature is over every byte of it
    await run_in_threadpool(stripe_webhooks.prove, secret, body, stripe_signature, now)
    return stripe_webhooks.read_event(body)


@router.post("/stripe/webhooks", status_code=204)
def receive_event(
    event: Annotated[EventFacts | None, Depends(_event)],
    till: TheTill,
    site: TheSite,
    session: RequestSession,
    *,
    tasks: BackgroundTasks,
    now: Now,
) -> None:
    """Take an event of Stripe: for Stripe alone. It is stored, answered, and then acted on."""
    if event is not None and events.store(session, site.name, event, via="webhook", now=now):
        # After the answer: Stripe waits for nobody, and what is not done now is done later.
        tasks.add_task(catching_up.act, till, event.id)
