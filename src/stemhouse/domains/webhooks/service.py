"""What people do with webhooks: endpoints, their secrets, what was sent to them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations.queries import lock_account
from stemhouse.domains.webhooks import queries
from stemhouse.domains.webhooks.announce import enqueue
from stemhouse.domains.webhooks.events import TEST_EVENT, payload
from stemhouse.domains.webhooks.schemas import (
    AttemptAnswer,
    DeliveryAnswer,
    DeliveryDetails,
    EndpointAnswer,
    EndpointChange,
    EndpointRequest,
    NewSecretAnswer,
    PauseAnswer,
    PauseReason,
)
from stemhouse.domains.webhooks.signing import new_secret
from stemhouse.domains.webhooks.tables import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)
from stemhouse.errors import Conflict, NotFound, QuotaExceeded
from stemhouse.http.pagination import Page, PageRequest, fetch_page

MAX_ENDPOINTS: Final = 20


def create(
    session: Session, principal: Principal, asked: EndpointRequest, now: datetime
) -> NewSecretAnswer:
    """Make an endpoint; the answer is the only time that its secret is told.

    Raises
    ------
    QuotaExceeded
        There are too many already.
    """
    site_id, account_id = principal.site_id, principal.account_id
    session.execute(lock_account(site_id, account_id))
    count = session.scalar(queries.count_endpoints(site_id, account_id)) or 0
    if count >= MAX_ENDPOINTS:
        raise QuotaExceeded(f"there are {count} endpoints already: delete one", allowed=count)
    endpoint = WebhookEndpoint(
        id=new_id("whe"),
        site_id=site_id,
        account_id=account_id,
        url=asked.url,
        events=list(dict.fromkeys(asked.events)),
        description=asked.description,
        created_at=now,
    )
    session.add(endpoint)
    session.flush()
    return _with_secret(session, endpoint, now)


def list_page(
    session: Session, principal: Principal, page: PageRequest, now: datetime
) -> Page[EndpointAnswer]:
    """List endpoints, newest first."""
    wanted = queries.endpoints_of(principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, wanted, WebhookEndpoint.id, page)
    secrets = session.scalars(queries.live_secrets([row.id for row in rows], now)).all()
    return Page(
        data=[_shown(row, sum(secret.endpoint_id == row.id for secret in secrets)) for row in rows],
        next_cursor=cursor,
    )


def show(session: Session, principal: Principal, endpoint_id: str, now: datetime) -> EndpointAnswer:
    """Return an endpoint of the account."""
    return _counted(session, find(session, principal, endpoint_id), now)


def change(
    session: Session, endpoint: WebhookEndpoint, asked: EndpointChange, now: datetime
) -> EndpointAnswer:
    """Change an endpoint; one that is no longer paused gets what it missed."""
    if asked.url is not None:
        endpoint.url = asked.url
    if asked.events is not None:
        endpoint.events = list(dict.fromkeys(asked.events))
    if asked.description is not None:
        endpoint.description = asked.description
    if asked.paused is True and endpoint.paused_at is None:
        endpoint.paused_at, endpoint.paused_because = now, "by_hand"
    elif asked.paused is False and endpoint.paused_at is not None:
        endpoint.paused_at = endpoint.paused_because = None
        session.execute(queries.resume_deliveries(endpoint.id, now))
    session.flush()
    return _counted(session, endpoint, now)


def remove(session: Session, principal: Principal, endpoint_id: str) -> None:
    """Remove an endpoint and its log; what is on its way to it is not sent."""
    session.execute(queries.delete_endpoint(find(session, principal, endpoint_id).id))


def rotate(
    session: Session, endpoint: WebhookEndpoint, overlap_s: int, now: datetime
) -> NewSecretAnswer:
    """Give an endpoint a new secret; the one in use signs too for a while, older ones no more."""
    ends = now + timedelta(seconds=overlap_s)
    for place, secret in enumerate(session.scalars(queries.live_secrets([endpoint.id], now)).all()):
        if place == 0 and overlap_s > 0:
            secret.expires_at = ends
        else:
            session.delete(secret)
    session.flush()
    return _with_secret(session, endpoint, now)


def send_test(session: Session, endpoint: WebhookEndpoint, now: datetime) -> DeliveryAnswer:
    """Have an event sent that says nothing, to see whether it arrives.

    Raises
    ------
    Conflict
        The endpoint is paused.
    """
    if endpoint.paused_at is not None:
        raise Conflict("the endpoint is paused: nothing is sent until you set paused to false")
    body = payload(TEST_EVENT, now, {"endpoint_id": endpoint.id})
    facts = {"event": TEST_EVENT, "source": new_id("test"), "job_id": None, "payload": body}
    delivery_id = enqueue(session, endpoint, facts, now)
    return shown_delivery(session.get_one(WebhookDelivery, delivery_id))


def list_deliveries(
    session: Session, endpoint: WebhookEndpoint, page: PageRequest, *, state: str | None
) -> Page[DeliveryAnswer]:
    """List what was or will be sent to an endpoint, newest first."""
    wanted = queries.deliveries_of(endpoint.site_id, endpoint.account_id, endpoint.id)
    if state is not None:
        wanted = wanted.where(WebhookDelivery.state == state)
    rows, cursor = fetch_page(session, wanted, WebhookDelivery.id, page)
    return Page(data=[shown_delivery(row) for row in rows], next_cursor=cursor)


def show_delivery(session: Session, endpoint: WebhookEndpoint, delivery_id: str) -> DeliveryDetails:
    """Return a delivery with its log."""
    row = _find_delivery(session, endpoint, delivery_id)
    return _detailed(row, session.scalars(queries.attempts_of([row.id])))


def export_deliveries(session: Session, site_id: str, account_id: str) -> list[DeliveryDetails]:
    """Return what was or will be sent to an account's endpoints, with what came of each try."""
    wanted = queries.all_deliveries_of(site_id, account_id)
    rows = session.scalars(wanted.order_by(WebhookDelivery.id)).all()
    attempts: defaultdict[str, list[WebhookAttempt]] = defaultdict(list)
    for one in session.scalars(queries.attempts_of(wanted.with_only_columns(WebhookDelivery.id))):
        attempts[one.delivery_id].append(one)
    return [_detailed(row, attempts[row.id]) for row in rows]


def redeliver(
    session: Session, endpoint: WebhookEndpoint, delivery_id: str, now: datetime
) -> DeliveryAnswer:
    """Send something again, with all its tries and its old identifier. One that is pending is
    sent at once.

    Raises
    ------
    Conflict
        The endpoint is paused.
    """
    row = _find_delivery(session, endpoint, delivery_id)
    if endpoint.paused_at is not None:
        raise Conflict("the endpoint is paused: nothing is sent until you set paused to false")
    row.state, row.finished_at, row.next_attempt_at = "pending", None, now
    row.round_first, row.round_began_at = row.attempts, now
    session.flush()
    return shown_delivery(row)


def find(session: Session, principal: Principal, endpoint_id: str) -> WebhookEndpoint:
    """Return one of the account's endpoints.

    Raises
    ------
    NotFound
        There is none; other accounts' are none of theirs.
    """
    wanted = queries.endpoint_of(principal.site_id, principal.account_id, endpoint_id)
    endpoint = session.scalars(wanted).one_or_none()
    if endpoint is None:
        raise NotFound("there is no such endpoint")
    return endpoint


def shown_delivery(row: WebhookDelivery) -> DeliveryAnswer:
    """Return a delivery as it is shown."""
    return DeliveryAnswer.model_validate(row)


def _find_delivery(
    session: Session, endpoint: WebhookEndpoint, delivery_id: str
) -> WebhookDelivery:
    wanted = queries.deliveries_of(endpoint.site_id, endpoint.account_id, endpoint.id)
    row = session.scalars(wanted.where(WebhookDelivery.id == delivery_id)).one_or_none()
    if row is None:
        raise NotFound("there is no such delivery; they are kept for 30 days")
    return row


def _detailed(row: WebhookDelivery, attempts: Iterable[WebhookAttempt]) -> DeliveryDetails:
    log = [
        AttemptAnswer(
            number=one.number,
            at=one.at,
            wall_ms=one.wall_ms,
            status=one.status,
            error=one.error_code,
            message=one.error_message,
            answer=one.answer,
        )
        for one in attempts
    ]
    return DeliveryDetails(
        **shown_delivery(row).model_dump(), payload=json.loads(row.payload), log=log
    )


def _with_secret(session: Session, endpoint: WebhookEndpoint, now: datetime) -> NewSecretAnswer:
    secret = new_secret()
    row = WebhookSecret(id=new_id("whs"), endpoint_id=endpoint.id, secret=secret, created_at=now)
    session.add(row)
    session.flush()
    return NewSecretAnswer(**dict(_counted(session, endpoint, now)), secret=secret)


def _counted(session: Session, endpoint: WebhookEndpoint, now: datetime) -> EndpointAnswer:
    return _shown(endpoint, len(session.scalars(queries.live_secrets([endpoint.id], now)).all()))


def _shown(endpoint: WebhookEndpoint, secrets_live: int) -> EndpointAnswer:
    paused = None
    if endpoint.paused_at is not None:
        because = cast(PauseReason, endpoint.paused_because)
        paused = PauseAnswer(at=endpoint.paused_at, because=because)
    names = set(EndpointAnswer.model_fields) - {"paused", "secrets_live"}
    return EndpointAnswer(
        **{name: getattr(endpoint, name) for name in names},
        paused=paused,
        secrets_live=secrets_live,
    )
