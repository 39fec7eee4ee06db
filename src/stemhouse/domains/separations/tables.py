"""Jobs, what happened to them, and what came out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Json, Owned

DIGEST_LENGTH = 64
NAME_LENGTH = 64
KEY_LENGTH = 255


class Job(Owned, Base):
    """One song that somebody wants separated."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'processing', 'succeeded', 'failed', 'canceled', 'expired')",
            name="state",
        ),
        CheckConstraint("state <> 'failed' OR error_code IS NOT NULL", name="failed_has_a_code"),
        CheckConstraint(
            "state <> 'succeeded' OR result_id IS NOT NULL", name="succeeded_has_a_result"
        ),
        # What the queue's places and the caps are counted from: few rows, read often.
        Index(
            "ix_jobs_unfinished",
            "state",
            "urgency",
            "id",
            sqlite_where=text("state IN ('queued', 'processing')"),
            postgresql_where=text("state IN ('queued', 'processing')"),
        ),
        Index("ix_jobs_expiry", "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))

    # --- what is wanted
    upload_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    name: Mapped[str] = mapped_column(Text)
    """As people know the song: for their eyes only, never part of a key or a log line."""
    song_key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    song_sha256: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    duration_s: Mapped[float]
    model: Mapped[str] = mapped_column(String(NAME_LENGTH))
    stems: Mapped[list[str] | None] = mapped_column(Json())
    residual: Mapped[bool]
    quality: Mapped[str] = mapped_column(String(16))
    recipe_key: Mapped[str] = mapped_column(String(DIGEST_LENGTH), index=True)
    """Digest of the recording and the settings: equal keys of one account have equal results."""

    # --- the queue
    price: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(String(8))
    """What the price counts: song or second."""
    urgency: Mapped[int] = mapped_column(BigInteger)
    """Lower runs first."""
    lane: Mapped[str] = mapped_column(String(8), default="cpu", server_default="cpu")
    """Which workers take it: cpu or gpu."""
    running_cap: Mapped[int]
    """How many jobs of the account may be with the workers at once, by its plan."""
    released_at: Mapped[datetime | None]
    """When it was handed to the queue; until then the account has enough there."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    retention_s: Mapped[float]
    expires_at: Mapped[datetime | None]

    # --- the attempt
    attempt: Mapped[int]
    """Counts starts. Whoever writes must name the number it started with: a worker that was held
    for dead and wakes up finds another one and lets go."""
    failures: Mapped[int]
    """Attempts that ended in an error that waiting could have helped."""
    runner: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    done_samples: Mapped[int] = mapped_column(BigInteger)
    total_samples: Mapped[int | None] = mapped_column(BigInteger)
    remaining_s: Mapped[float | None]

    # --- the outcome
    last_event: Mapped[int]
    links_ended: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often its download links were ended: those made before lead nowhere."""
    result_id: Mapped[str | None] = mapped_column(
        String(ID_LENGTH), ForeignKey("results.id"), index=True
    )
    error_code: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_details: Mapped[dict[str, Any] | None]


class JobEvent(Base):
    """One change of a job's state, in order; support, audit, metrics and webhooks read it."""

    __tablename__ = "job_events"

    job_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    """1, 2, 3 … within the job, in the order of commits."""
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class JobUsage(Base):
    """What an attempt at a job took of the machines.

    It stays when the job and its account go, and names neither person nor song: costs must add up.
    """

    __tablename__ = "job_usage"
    __table_args__ = (Index("ix_job_usage_site_id_at", "site_id", "at"),)

    job_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    at: Mapped[datetime]
    """When it was told last: when the attempt ended, where its worker lived to tell."""
    processor_s: Mapped[float]
    """Of all threads of the separating process."""
    device_s: Mapped[float]
    """In which the network ran on something else than the processor."""
    stored_bytes: Mapped[int] = mapped_column(BigInteger)
    kept_s: Mapped[float]
    """For how long the stems are to be kept; nothing is, of an attempt that brought none."""


class Result(Owned, Base):
    """What came out of a song. Jobs that asked for the same share it; it lasts as long as one."""

    __tablename__ = "results"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    recipe_key: Mapped[str] = mapped_column(String(DIGEST_LENGTH), index=True)
    prefix: Mapped[str] = mapped_column(String(KEY_LENGTH))
    """Where its files lie; ends in a slash. Made of the job and the attempt that produced them."""
    manifest_key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    model: Mapped[str] = mapped_column(String(NAME_LENGTH))
    model_sha256: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    engine_version: Mapped[str] = mapped_column(String(NAME_LENGTH))
    runtime: Mapped[dict[str, Any]]
    sample_rate: Mapped[int]
    channels: Mapped[int]
    length_samples: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    notices: Mapped[list[dict[str, Any]]] = mapped_column(Json())
    timings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class ResultStem(Base):
    """One stem of a result."""

    __tablename__ = "result_stems"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    result_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("results.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    silent: Mapped[bool]
    peak: Mapped[float]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(DIGEST_LENGTH))


class Share(Owned, Base):
    """A link that plays a job's stems without an account. Removing the row takes it back."""

    __tablename__ = "job_shares"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    job_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("jobs.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
