"""The addresses of webhooks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from stemhouse.domains.accounts.access import limit_writes, needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.webhooks import service
from stemhouse.domains.webhooks.schemas import (
    DeliveryAnswer,
    DeliveryDetails,
    DeliveryState,
    EndpointAnswer,
    EndpointChange,
    EndpointRequest,
    NewSecretAnswer,
    RotateRequest,
)
from stemhouse.domains.webhooks.tables import WebhookEndpoint
from stemhouse.http.idempotency import Idempotent
from stemhouse.http.outbound import OutboundPolicy, check_destination
from stemhouse.http.pagination import Page, WantedPage
from stemhouse.http.services import CurrentSettings, Now
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Holder = Annotated[Principal, Depends(needs("webhooks"))]


def _endpoint(endpoint_id: str, principal: Holder, session: RequestSession) -> WebhookEndpoint:
    return service.find(session, principal, endpoint_id)


TheEndpoint = Annotated[WebhookEndpoint, Depends(_endpoint)]


def _policy(settings: CurrentSettings) -> OutboundPolicy:
    return OutboundPolicy(settings.allow_private_addresses, settings.webhook_timeout_s)


Policy = Annotated[OutboundPolicy, Depends(_policy)]


@router.post(
    "", status_code=201, response_model=NewSecretAnswer, dependencies=[Depends(limit_writes)]
)
def create_endpoint(
    asked: EndpointRequest,
    principal: Holder,
    session: RequestSession,
    now: Now,
    *,
    policy: Policy,
    once: Idempotent,
) -> Response:
    """Have events sent to an address. The answer is the only time that its secret is shown.

    Every delivery is a POST that is signed by the rules of Standard Webhooks and expects a status
    from 200 to 299 within the time; otherwise it is sent again and again for a day.
    """
    # Looked up before the transaction has begun: names may take their time.
    check_destination(asked.url, policy)

    def make() -> BaseModel:
        return service.create(session, principal, asked, now)

    return once.run(principal, asked, make)


@router.get("")
def list_endpoints(
    principal: Holder, session: RequestSession, page: WantedPage, now: Now
) -> Page[EndpointAnswer]:
    """List the endpoints of the account, newest first."""
    return service.list_page(session, principal, page, now)


@router.get("/{endpoint_id}")
def show_endpoint(
    endpoint_id: str, principal: Holder, session: RequestSession, now: Now
) -> EndpointAnswer:
    """Show an endpoint, without its secret."""
    return service.show(session, principal, endpoint_id, now)


@router.patch("/{endpoint_id}")
def change_endpoint(
    endpoint: TheEndpoint,
    asked: EndpointChange,
    session: RequestSession,
    now: Now,
    *,
    policy: Policy,
) -> EndpointAnswer:
    """Change an endpoint, pause it, or end its pause."""
    if asked.url is not None:
        check_destination(asked.url, policy)
    return service.change(session, endpoint, asked, now)


@router.delete("/{endpoint_id}", status_code=204)
def delete_endpoint(endpoint_id: str, principal: Holder, session: RequestSession) -> None:
    """Delete an endpoint and its log; nothing more is sent to it."""
    service.remove(session, principal, endpoint_id)


@router.post("/{endpoint_id}/rotate-secret")
def rotate_secret(
    endpoint: TheEndpoint, session: RequestSession, now: Now, asked: RotateRequest | None = None
) -> NewSecretAnswer:
    """Give an endpoint a new secret. For a while deliveries carry a signature of the old one too,
    so that none is refused while you change over.
    """
    return service.rotate(session, endpoint, (asked or RotateRequest()).overlap_s, now)


@router.post("/{endpoint_id}/test", status_code=202, dependencies=[Depends(limit_writes)])
def send_test(endpoint: TheEndpoint, session: RequestSession, now: Now) -> DeliveryAnswer:
    """Send an event named webhook.test, to see whether it arrives."""
    return service.send_test(session, endpoint, now)


@router.get("/{endpoint_id}/deliveries")
def list_deliveries(
    endpoint: TheEndpoint,
    session: RequestSession,
    page: WantedPage,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
) -> Page[DeliveryAnswer]:
    """List what was or will be sent to an endpoint in the last 30 days, newest first."""
    return service.list_deliveries(session, endpoint, page, state=state)


@router.get("/{endpoint_id}/deliveries/{delivery_id}")
def show_delivery(
    endpoint: TheEndpoint, delivery_id: str, session: RequestSession
) -> DeliveryDetails:
    """Show a delivery: what is sent, and what came of each try."""
    return service.show_delivery(session, endpoint, delivery_id)


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    dependencies=[Depends(limit_writes)],
)
def redeliver(
    endpoint: TheEndpoint, delivery_id: str, session: RequestSession, now: Now
) -> DeliveryAnswer:
    """Send a delivery again, at once and with all its tries; its identifier stays the same."""
    return service.redeliver(session, endpoint, delivery_id, now)
