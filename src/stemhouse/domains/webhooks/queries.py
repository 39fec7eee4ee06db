"""SQL of webhooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, delete, func, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.webhooks.tables import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)

# --- for people: always from the site and the account ---------------------------------------------


def endpoints_of(site_id: str, account_id: str) -> Select[WebhookEndpoint]:
    """List an account's endpoints."""
    return owned_by(select(WebhookEndpoint), site_id, account_id)


def endpoint_of(site_id: str, account_id: str, endpoint_id: str) -> Select[WebhookEndpoint]:
    """Find one of an account's endpoints."""
    return endpoints_of(site_id, account_id).where(WebhookEndpoint.id == endpoint_id)


def count_endpoints(site_id: str, account_id: str) -> Select[int]:
    """Count an account's endpoints."""
    return select(func.count()).select_from(endpoints_of(site_id, account_id).subquery())


def all_deliveries_of(site_id: str, account_id: str) -> Select[WebhookDelivery]:
    """List what was or will be sent to all of an account's endpoints."""
    return owned_by(select(WebhookDelivery), site_id, account_id)


def deliveries_of(site_id: str, account_id: str, endpoint_id: str) -> Select[WebhookDelivery]:
    """List what was or will be sent to one of an account's endpoints."""
    owned = all_deliveries_of(site_id, account_id)
    return owned.where(WebhookDelivery.endpoint_id == endpoint_id)


def attempts_of(delivery_ids: Select[str] | Sequence[str]) -> Select[WebhookAttempt]:
    """List the tries of deliveries, of each in order; whoever asks has been let in before."""
    return (
        select(WebhookAttempt)
        .where(WebhookAttempt.delivery_id.in_(delivery_ids))
        .order_by(WebhookAttempt.delivery_id, WebhookAttempt.number)
    )


def live_secrets(endpoint_ids: Collection[str], now: datetime) -> Select[WebhookSecret]:
    """List the secrets that sign now, the newest first."""
    return (
        select(WebhookSecret)
        .where(
            WebhookSecret.endpoint_id.in_(endpoint_ids),
            or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > now),
        )
        .order_by(WebhookSecret.id.desc())
    )


def delete_endpoint(endpoint_id: str) -> Delete:
    """Remove an endpoint with all that belongs to it."""
    return delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)


# --- telling -------------------------------------------------------------------------------------


def listening(site_id: str, account_id: str) -> Select[WebhookEndpoint]:
    """List an account's endpoints for writing deliveries, and keep them from being removed.

    Paused ones are among them: their deliveries wait.
    """
    return endpoints_of(site_id, account_id).with_for_update(read=True, key_share=True)


# --- sending -------------------------------------------------------------------------------------


def due(now: datetime, busy: Collection[str], most: int) -> Select[str, str]:
    """List due deliveries and their endpoints, one for each, so that none holds up the others.

    Parameters
    ----------
    now : datetime
        The present.
    busy : collection of str
        Endpoints that this process is sending to.
    most : int
        How many.
    """
    statement = (
        select(func.min(WebhookDelivery.id), WebhookDelivery.endpoint_id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(
            WebhookDelivery.state == "pending",
            WebhookDelivery.next_attempt_at <= now,
            WebhookEndpoint.paused_at.is_(None),
        )
        .group_by(WebhookDelivery.endpoint_id)
        .order_by(func.min(WebhookDelivery.next_attempt_at))
        .limit(most)
    )
    return statement.where(WebhookDelivery.endpoint_id.not_in(busy)) if busy else statement


def claim(
    delivery_id: str, now: datetime, lease_ends: datetime
) -> ReturningUpdate[WebhookDelivery]:
    """Take a due delivery for one try: of several who do so at once, one gets the row."""
    return (
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == delivery_id,
            WebhookDelivery.state == "pending",
            WebhookDelivery.next_attempt_at <= now,
        )
        .values(next_attempt_at=lease_ends, attempts=WebhookDelivery.attempts + 1)
        .returning(WebhookDelivery)
    )


def settle(delivery_id: str, attempt: int, values: Mapping[str, Any]) -> ReturningUpdate[str]:
    """Write how a try ended, if no other one has begun since."""
    return (
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == delivery_id,
            WebhookDelivery.attempts == attempt,
            WebhookDelivery.state == "pending",
        )
        .values(**values)
        .returning(WebhookDelivery.id)
    )


def note_success(endpoint_id: str, at: datetime) -> Update:
    """Write that a delivery arrived."""
    return (
        update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(last_success_at=at)
    )


def pause(endpoint_id: str, at: datetime, because: str, *, dead_since: datetime | None) -> Update:
    """Pause an endpoint; with `dead_since` only if nothing has arrived there since then."""
    statement = update(WebhookEndpoint).where(
        WebhookEndpoint.id == endpoint_id, WebhookEndpoint.paused_at.is_(None)
    )
    if dead_since is not None:
        last = WebhookEndpoint.last_success_at
        statement = statement.where(or_(last.is_(None), last < dead_since))
    return statement.values(paused_at=at, paused_because=because)


def resume_deliveries(endpoint_id: str, now: datetime) -> Update:
    """Give what waits for a paused endpoint all its tries, from now on."""
    return (
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == "pending")
        .values(next_attempt_at=now, round_first=WebhookDelivery.attempts, round_began_at=now)
    )


# --- the sweep -----------------------------------------------------------------------------------


def outdated(created_before: datetime, now: datetime) -> tuple[Delete, Delete]:
    """Remove deliveries that are kept no longer, and secrets that sign no more."""
    return (
        delete(WebhookDelivery).where(WebhookDelivery.created_at < created_before),
        delete(WebhookSecret).where(WebhookSecret.expires_at < now),
    )
