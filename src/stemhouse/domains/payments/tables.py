"""What was asked for, what was paid and what Stripe told: amounts are integers in the smallest
unit of their currency.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Owned

STRIPE_ID_LENGTH = 255
"""As Stripe says itself."""

CURRENCY_LENGTH = 3
_DUE = text("state = 'received'")


class PaymentCustomer(Owned, Base):
    """An account as Stripe knows it.

    Whatever Stripe tells of a customer is written under this row's lock, and only if nothing else
    was written since the truth was read: `revision` counts what was.
    """

    __tablename__ = "payment_customers"
    __table_args__ = (
        UniqueConstraint("site_id", "account_id"),
        UniqueConstraint("site_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    customer_id: Mapped[str | None] = mapped_column(String(STRIPE_ID_LENGTH))
    revision: Mapped[int]
    plan: Mapped[str | None] = mapped_column(String(32))
    """The plan that payments put the account on last; absent as long as they did not."""
    plan_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Purchase(Owned, Base):
    """Something that somebody went to the till with: a pack, or a plan."""

    __tablename__ = "purchases"
    __table_args__ = (
        UniqueConstraint("session_id"),
        CheckConstraint("kind IN ('pack', 'plan')", name="kind"),
        CheckConstraint("interval IN ('once', 'month', 'year')", name="interval"),
        CheckConstraint("state IN ('open', 'paid', 'expired', 'failed')", name="state"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid_has_a_time"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    item: Mapped[str] = mapped_column(String(32))
    """The pack's or the plan's name in the site file."""
    interval: Mapped[str] = mapped_column(String(8))
    currency: Mapped[str] = mapped_column(String(CURRENCY_LENGTH))
    price_cents: Mapped[int] = mapped_column(BigInteger)
    """As the site file had it, before codes and taxes."""
    code: Mapped[str | None] = mapped_column(String(64))
    credits: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(8))
    expires_days: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))
    session_id: Mapped[str | None] = mapped_column(String(STRIPE_ID_LENGTH))
    url: Mapped[str | None] = mapped_column(Text)
    return_path: Mapped[str] = mapped_column(Text)
    paid_cents: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class Subscription(Owned, Base):
    """A plan that is paid again and again, as Stripe told it last."""

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("stripe_id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(STRIPE_ID_LENGTH))
    plan: Mapped[str] = mapped_column(String(32))
    interval: Mapped[str] = mapped_column(String(8))
    currency: Mapped[str] = mapped_column(String(CURRENCY_LENGTH))
    status: Mapped[str] = mapped_column(String(32))
    """Stripe's word: active, past_due, canceled …"""
    period_start: Mapped[datetime | None]
    """Absent where it was not told since it is kept: bills are looked at one by one then."""
    period_end: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    """When it was cancelled for, if it was."""
    changes_to: Mapped[str | None] = mapped_column(String(32))
    """The plan that it becomes when its period ends, if another one was chosen."""
    past_due_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Bill(Base):
    """An invoice and what became of its money.

    It stays when its account goes, without the account and without addresses: books must be kept.
    """

    __tablename__ = "bills"
    __table_args__ = (
        UniqueConstraint("stripe_id"),
        CheckConstraint("refunded_cents >= 0 AND disputed_cents >= 0", name="amounts"),
        CheckConstraint(
            "0 <= credits_short AND credits_short <= credits_taken AND credits_taken <= credits",
            name="taken",
        ),
        Index("ix_bills_site_id_paid_at", "site_id", "paid_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    account_id: Mapped[str | None] = mapped_column(
        String(ID_LENGTH), ForeignKey("accounts.id", ondelete="SET NULL"), index=True
    )
    stripe_id: Mapped[str] = mapped_column(String(STRIPE_ID_LENGTH))
    number: Mapped[str | None] = mapped_column(String(64))
    purchase_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    subscription_id: Mapped[str | None] = mapped_column(String(STRIPE_ID_LENGTH), index=True)
    item: Mapped[str] = mapped_column(String(32))
    """The pack or the plan that it is for."""
    status: Mapped[str] = mapped_column(String(16))
    """Stripe's word: open, paid, void, uncollectible."""
    currency: Mapped[str] = mapped_column(String(CURRENCY_LENGTH))
    total_cents: Mapped[int] = mapped_column(BigInteger)
    tax_cents: Mapped[int] = mapped_column(BigInteger)
    paid_cents: Mapped[int] = mapped_column(BigInteger)
    refunded_cents: Mapped[int] = mapped_column(BigInteger)
    disputed_cents: Mapped[int] = mapped_column(BigInteger)
    """Not counting disputes that were won."""
    dispute: Mapped[str | None] = mapped_column(String(32))
    """Stripe's word of the last one: needs_response, won, lost …"""
    credits: Mapped[int] = mapped_column(BigInteger)
    """What came with it."""
    credits_taken: Mapped[int] = mapped_column(BigInteger)
    """What had to go back of it, with what was refunded or disputed."""
    credits_short: Mapped[int] = mapped_column(BigInteger)
    """How much of that was spent already and could not be taken."""
    hosted_url: Mapped[str | None] = mapped_column(Text)
    pdf_url: Mapped[str | None] = mapped_column(Text)
    receipt_url: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]


class StripeEvent(Base):
    """Something that Stripe told; each once, whatever is repeated.

    Only what must be looked at is kept, nothing of what the event held: the truth is read anew.
    """

    __tablename__ = "stripe_events"
    __table_args__ = (
        CheckConstraint("state IN ('received', 'done', 'ignored', 'given_up')", name="state"),
        CheckConstraint("(state = 'received') = (next_attempt_at IS NOT NULL)", name="due"),
        # What is looked at again and again: few rows.
        Index("ix_stripe_events_due", "next_attempt_at", sqlite_where=_DUE, postgresql_where=_DUE),
    )

    id: Mapped[str] = mapped_column(String(STRIPE_ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    """Where it came in: whose key reads the truth."""
    kind: Mapped[str] = mapped_column(String(64))
    about: Mapped[str] = mapped_column(String(16))
    """What to read: session, subscription, invoice, payment."""
    object_id: Mapped[str] = mapped_column(String(STRIPE_ID_LENGTH))
    via: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(64))
    told_at: Mapped[datetime]
    """Stripe's time of it."""
    received_at: Mapped[datetime] = mapped_column(index=True)


class StripeCursor(Base):
    """Until when a site's events are known, by Stripe's clock."""

    __tablename__ = "stripe_cursors"

    site_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    seen_until: Mapped[datetime]


class StripeDeparture(Base):
    """A customer whose account is gone: to be removed at Stripe, with what it subscribes to."""

    __tablename__ = "stripe_departures"
    __table_args__ = (UniqueConstraint("site_id", "customer_id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    customer_id: Mapped[str] = mapped_column(String(STRIPE_ID_LENGTH))
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime | None] = mapped_column(index=True)
    """Absent until somebody has tried: it is due at once."""
