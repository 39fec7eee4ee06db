"""Requests to take something down, and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base
from stemhouse.domains.takedowns.states import KINDS, ROLES, STATES

TEXT_LENGTH = 320


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Takedown(Base):
    """A request of somebody who need not have an account. It is kept when songs and accounts go:
    it is the proof of what was asked and done.
    """

    __tablename__ = "takedowns"
    __table_args__ = (
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint(_one_of("role", ROLES), name="role"),
        Index("ix_takedowns_site_state", "site_id", "state", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    state: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    email: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    role: Mapped[str] = mapped_column(String(16))
    work: Mapped[str] = mapped_column(Text)
    """Artist and title, or what else tells the recording from others."""
    place: Mapped[str] = mapped_column(Text)
    """Where they found it: an address or a description."""
    statement: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    last_event: Mapped[int]


class TakedownEvent(Base):
    """One step of a request: added, never changed."""

    __tablename__ = "takedown_events"
    __table_args__ = (CheckConstraint(_one_of("kind", KINDS), name="kind"),)

    takedown_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("takedowns.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    actor_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    """The operator's account; None is the sender or the house itself."""
    note: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime]
