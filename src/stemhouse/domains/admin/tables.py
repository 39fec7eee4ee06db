"""What operators did: added, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base


class AdminAction(Base):
    """One thing that an operator did. It outlives their account and what it was done to."""

    __tablename__ = "admin_actions"
    __table_args__ = (Index("ix_admin_actions_site_id", "site_id", "id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The site of what it was done to."""
    actor_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    kind: Mapped[str] = mapped_column(String(32))
    target_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    reason: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime]
