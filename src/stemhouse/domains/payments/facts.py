"""What we read from Stripe, in our own words; nothing else of it goes further."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

About = Literal["session", "subscription", "invoice", "payment"]
"""What an event makes us read: a Checkout session, a subscription, an invoice, a payment intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFacts:
    """A price that is sold."""

    id: str
    amounts: dict[str, int]
    """Cents per currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """A Checkout session."""

    id: str
    url: str | None
    status: str
    paid: bool
    failed: bool
    """Whether a payment that takes days did not come: nobody tries again by itself."""
    customer_id: str | None
    purchase_id: str | None
    subscription_id: str | None
    invoice_id: str | None
    total_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFacts:
    """A subscription; plan and interval are what we noted at its price."""

    id: str
    item_id: str
    customer_id: str
    site: str
    plan: str
    interval: str
    currency: str
    status: str
    changes_to: str | None
    """The plan that begins when the period ends, where somebody chose another one."""
    period_start: datetime
    period_end: datetime
    ends_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    latest_invoice_id: str | None
    purchase_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFacts:
    """What became of the money of an invoice."""

    refunded_cents: int
    receipt_url: str | None
    dispute: str | None
    disputed_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """An invoice."""

    id: str
    number: str | None
    customer_id: str | None
    subscription_id: str | None
    purchase_id: str | None
    status: str
    currency: str
    total_cents: int
    tax_cents: int
    paid_cents: int
    hosted_url: str | None
    pdf_url: str | None
    created_at: datetime
    paid_at: datetime | None
    next_attempt_at: datetime | None
    charge: ChargeFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """An event: what it makes us read."""

    id: str
    kind: str
    about: About
    object_id: str
    customer_id: str | None
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All that was read for one event, at one moment."""

    customer_id: str | None
    session: SessionFacts | None = None
    subscription: SubscriptionFacts | None = None
    invoice: InvoiceFacts | None = None
