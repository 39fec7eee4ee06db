"""The address at which anybody may ask for a takedown."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, status

from stemhouse.domains.accounts import outbox
from stemhouse.domains.accounts.access import from_our_site
from stemhouse.domains.accounts.tokens import address_token
from stemhouse.domains.takedowns import letters, service
from stemhouse.domains.takedowns.schemas import TakedownReceived, TakedownRequest
from stemhouse.http.limits import network_address, rate_limits_of
from stemhouse.http.services import Now, services_of
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace, site_of

router = APIRouter(prefix="/v1", tags=["takedowns"])

_RATES = "5/hour;20/day"


def limit_takedowns(request: Request) -> None:
    settings = services_of(request).settings
    who = address_token(settings, network_address(request))
    rate_limits_of(request).count_together(_RATES, f"takedown:{site_of(request)}", who)


@router.post(
    "/takedowns",
    status_code=status.HTTP_201_CREATED,
    dependencies=[Depends(from_our_site), Depends(limit_takedowns)],
)
def ask_for_takedown(
    asked: TakedownRequest, session: RequestSession, place: ThePlace, now: Now
) -> TakedownReceived:
    """Say that a recording is yours and must go. Whoever runs the site is told by mail."""
    takedown = service.receive(session, place.site.name, asked, now=now)
    outbox.put(session, letters.for_the_operator(place, takedown), now)
    outbox.put(session, letters.for_the_sender(place, takedown), now)
    return service.show_received(takedown)
