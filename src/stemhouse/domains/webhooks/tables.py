"""Where events are sent, with which secrets, and what became of each delivery."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Owned

_DUE = text("state = 'pending'")


class WebhookEndpoint(Owned, Base):
    """An address of an account that wants to be told."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint("paused_because IN ('by_hand', 'failing', 'gone')", name="paused_because"),
        CheckConstraint(
            "(paused_at IS NULL) = (paused_because IS NULL)", name="paused_for_a_reason"
        ),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]]
    description: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    last_success_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_because: Mapped[str | None] = mapped_column(String(8))


class WebhookSecret(Base):
    """What deliveries are signed with. Not hashed: without the secret nothing can be signed."""

    __tablename__ = "webhook_secrets"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), index=True
    )
    secret: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    """Absent for the newest one; the one before still signs until then."""


class WebhookDelivery(Owned, Base):
    """One event on its way to one endpoint; its identifier is the `webhook-id` of every try."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        # However often a change of state is told, it is delivered once.
        UniqueConstraint("endpoint_id", "source"),
        CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),
        CheckConstraint(
            "(state = 'pending') = (next_attempt_at IS NOT NULL)", name="pending_has_a_time"
        ),
        # What the senders look at, again and again: few rows.
        Index(
            "ix_webhook_deliveries_due",
            "next_attempt_at",
            "endpoint_id",
            sqlite_where=_DUE,
            postgresql_where=_DUE,
        ),
        Index("ix_webhook_deliveries_listed", "endpoint_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("webhook_endpoints.id", ondelete="CASCADE")
    )
    event: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(64))
    """What is told of: a job and the number of its event."""
    job_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    """Only for looking at: the job may be gone."""
    payload: Mapped[str] = mapped_column(Text)
    """The body, to the byte: every try sends and signs the same."""
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    """Counts starts. Whoever writes how a try ended names the number it started with: a sender
    that was held for dead finds another one and lets go."""
    round_first: Mapped[int]
    """Attempts before the present round: one that is sent again by hand has all its tries again."""
    round_began_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    """When it is due; while somebody sends it, when he is held for dead."""
    created_at: Mapped[datetime] = mapped_column(index=True)
    finished_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One try and what came of it: the delivery log."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[str] = mapped_column(
        String(ID_LENGTH),
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE"),
        primary_key=True,
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    wall_ms: Mapped[int]
    status: Mapped[int | None]
    """Absent where nothing was answered; then there is an error."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    """The beginning of what was answered."""
