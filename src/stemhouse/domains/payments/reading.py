"""Turns Stripe's objects into facts, and events into what they make us read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from stemhouse.domains.payments.facts import (
    About,
    ChargeFacts,
    EventFacts,
    InvoiceFacts,
    PriceFacts,
    SessionFacts,
    SubscriptionFacts,
)

Json = Mapping[str, Any]

SITE, ITEM, INTERVAL, PURCHASE = "site", "item", "interval", "purchase"
"""What we note at prices, sessions and invoices."""

KINDS: Final[dict[str, About]] = {
    "checkout.session.completed": "session",
    "checkout.session.async_payment_succeeded": "session",
    "checkout.session.async_payment_failed": "session",
    "checkout.session.expired": "session",
    "customer.subscription.created": "subscription",
    "customer.subscription.updated": "subscription",
    "customer.subscription.deleted": "subscription",
    "invoice.finalized": "invoice",
    "invoice.paid": "invoice",
    "invoice.payment_failed": "invoice",
    "invoice.voided": "invoice",
    "invoice.marked_uncollectible": "invoice",
    "charge.refunded": "payment",
    "refund.updated": "payment",
    "refund.failed": "payment",
    "charge.dispute.created": "payment",
    "charge.dispute.updated": "payment",
    "charge.dispute.closed": "payment",
    "charge.dispute.funds_withdrawn": "payment",
    "charge.dispute.funds_reinstated": "payment",
}
"""Kinds of events that change something here; an endpoint at Stripe asks for these, and whoever
asks what happened may name twenty.
"""


_NOT_PAID: Final = frozenset({"requires_payment_method", "canceled"})
"""Where a payment intent ends that was processing and brought nothing."""


def moment(seconds: int) -> datetime:
    """Return a time of Stripe's."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: int | None) -> datetime | None:
    """Return a time of Stripe's that may be absent."""
    return None if seconds is None else moment(seconds)


def event_of(event: Json) -> EventFacts | None:
    """Return what an event makes us read; None for kinds that change nothing here."""
    kind, found = event["type"], event["data"]["object"]
    about = KINDS.get(kind)
    object_id = found.get("payment_intent") if about == "payment" else found.get("id")
    if about is None or not object_id:
        return None
    return EventFacts(
        id=event["id"],
        kind=kind,
        about=about,
        object_id=identifier(object_id),
        customer_id=identifier(found.get("customer")) or None,
        told_at=moment(event["created"]),
    )


def price_of(price: Json) -> PriceFacts:
    """Read a price with its ``currency_options``."""
    options = price["currency_options"]
    return PriceFacts(
        id=price["id"], amounts={name: int(one["unit_amount"]) for name, one in options.items()}
    )


def session_of(session: Json) -> SessionFacts:
    """Read a Checkout session; whether a payment failed tells its ``payment_intent``, expanded."""
    intent = session.get("payment_intent")
    asked_in_vain = isinstance(intent, Mapping) and intent["status"] in _NOT_PAID
    return SessionFacts(
        id=session["id"],
        url=session.get("url"),
        status=session["status"],
        paid=session["status"] == "complete"
        and session["payment_status"] in {"paid", "no_payment_required"},
        failed=session["status"] == "complete"
        and session["payment_status"] == "unpaid"
        and asked_in_vain,
        customer_id=identifier(session.get("customer")) or None,
        purchase_id=(session.get("metadata") or {}).get(PURCHASE),
        subscription_id=identifier(session.get("subscription")) or None,
        invoice_id=identifier(session.get("invoice")) or None,
        total_cents=session["amount_total"] or 0,
    )


def subscription_of(subscription: Json) -> SubscriptionFacts:
    """Read a subscription: its periods stand at its item, what it is at the item's price."""
    item = subscription["items"]["data"][0]
    noted = item["price"].get("metadata") or {}
    ends = subscription.get("cancel_at")
    if ends is None and subscription.get("cancel_at_period_end"):
        ends = item["current_period_end"]
    return SubscriptionFacts(
        id=subscription["id"],
        item_id=item["id"],
        customer_id=identifier(subscription["customer"]),
        site=noted.get(SITE, ""),
        plan=noted.get(ITEM, ""),
        interval=noted.get(INTERVAL, ""),
        currency=subscription["currency"],
        status=subscription["status"],
        changes_to=_next_plan(subscription.get("schedule"), item["current_period_end"]),
        period_start=moment(item["current_period_start"]),
        period_end=moment(item["current_period_end"]),
        ends_at=moment_or_none(ends),
        ended_at=moment_or_none(subscription.get("ended_at")),
        created_at=moment(subscription["created"]),
        latest_invoice_id=identifier(subscription.get("latest_invoice")) or None,
        purchase_id=(subscription.get("metadata") or {}).get(PURCHASE),
    )


def _next_plan(schedule: Json | None, end: int) -> str | None:
    """Return what begins with the next period by a schedule whose prices are expanded."""
    for phase in (schedule or {}).get("phases", ()):
        if phase["start_date"] >= end:
            noted: str | None = (phase["items"][0]["price"].get("metadata") or {}).get(ITEM)
            return noted
    return None


def invoice_of(invoice: Json, charge: ChargeFacts | None) -> InvoiceFacts:
    """Read an invoice."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    times = invoice["status_transitions"]
    return InvoiceFacts(
        id=invoice["id"],
        number=invoice.get("number"),
        customer_id=identifier(invoice.get("customer")) or None,
        subscription_id=identifier(details.get("subscription")) or None,
        purchase_id=(invoice.get("metadata") or {}).get(PURCHASE),
        status=invoice["status"],
        currency=invoice["currency"],
        total_cents=invoice["total"],
        tax_cents=sum(tax["amount"] for tax in invoice.get("total_taxes") or ()),
        paid_cents=invoice["amount_paid"],
        hosted_url=invoice.get("hosted_invoice_url"),
        pdf_url=invoice.get("invoice_pdf"),
        created_at=moment(invoice["created"]),
        paid_at=moment_or_none(times.get("paid_at")),
        next_attempt_at=moment_or_none(invoice.get("next_payment_attempt")),
        charge=charge,
    )


def intent_of(invoice: Json) -> str | None:
    """Return the payment intent of an invoice whose payments are expanded, if there is one."""
    payments = (invoice.get("payments") or {}).get("data", ())
    # One that was given up may stand before the one that paid.
    for one in sorted(payments, key=lambda payment: payment.get("status") != "paid"):
        intent = identifier(one["payment"].get("payment_intent"))
        if intent:
            return intent
    return None


def charge_of(charge: Json, disputes: list[Json]) -> ChargeFacts:
    """Read a charge and the disputes about it, newest first; banks that only ask take nothing."""
    lost = [
        one
        for one in disputes
        if one["status"] not in {"won", "prevented"} and not one["status"].startswith("warning_")
    ]
    return ChargeFacts(
        refunded_cents=charge["amount_refunded"],
        receipt_url=charge.get("receipt_url"),
        dispute=disputes[0]["status"] if disputes else None,
        disputed_cents=sum(one["amount"] for one in lost),
    )


def identifier(value: str | None) -> str:
    """Return an object's identifier; empty where there is none."""
    return value or ""
