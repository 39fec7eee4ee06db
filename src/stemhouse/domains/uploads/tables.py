"""Uploads and the parts of unfinished ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Owned

KEY_LENGTH = 255


class Upload(Owned, Base):
    """One song that somebody sends or sent."""

    __tablename__ = "uploads"
    __table_args__ = (
        CheckConstraint("state IN ('receiving', 'examining', 'ready', 'rejected')", name="state"),
        CheckConstraint("way IN ('form', 'resumable', 'address')", name="way"),
        CheckConstraint(
            "state <> 'ready' OR (song_key IS NOT NULL AND sha256 IS NOT NULL "
            "AND duration_s IS NOT NULL)",
            name="ready_is_complete",
        ),
        CheckConstraint("received_bytes >= 0", name="received_bytes"),
        Index("ix_uploads_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    way: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Text)
    """As the sender calls the file: for people's eyes only, never part of a key or a log line."""
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """What was announced while it is coming, what came afterwards."""
    received_bytes: Mapped[int] = mapped_column(BigInteger)
    examining_since: Mapped[datetime | None]
    """Who examines has this long to finish before somebody else may."""

    # --- what the examination found
    song_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    sha256: Mapped[str | None] = mapped_column(String(64))
    container: Mapped[str | None] = mapped_column(String(64))
    codec: Mapped[str | None] = mapped_column(String(64))
    duration_s: Mapped[float | None]
    sample_rate: Mapped[int | None]
    channels: Mapped[int | None]
    tags: Mapped[dict[str, Any]]
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)

    retention_s: Mapped[float]
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class UploadPart(Base):
    """One stored stretch of an unfinished upload."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True
    )
    offset_bytes: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))


class BlockedRecording(Base):
    """A recording that a site takes no more, by the SHA-256 of its file: it was taken down."""

    __tablename__ = "blocked_recordings"

    site_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    cause: Mapped[str] = mapped_column(String(ID_LENGTH))
    """The request behind it."""
    at: Mapped[datetime]


class Discarded(Base):
    """Stored files that nobody will ask for again: written with the change that orphans them, and
    removed by the sweep when the files are gone.
    """

    __tablename__ = "discarded_prefixes"

    prefix: Mapped[str] = mapped_column(String(KEY_LENGTH), primary_key=True)
    at: Mapped[datetime]
