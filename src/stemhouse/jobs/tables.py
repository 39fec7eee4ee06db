"""One row per worker process that ever started, with its last sign of life."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base


class WorkerRow(Base):
    """A worker process.

    Times are seconds since 1970 by the database's clock, the only one that all machines share.
    `ended_s` is set once: by the worker when it stops, or by another one that finds it silent. A
    worker that reads an `ended_s` it did not write is a zombie and takes no more part.
    """

    __tablename__ = "workers"

    executor_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    process_id: Mapped[int]
    songs_at_once: Mapped[int]
    started_s: Mapped[float]
    beat_s: Mapped[float]
    ended_s: Mapped[float | None]
    lane: Mapped[str] = mapped_column(String(8), server_default="cpu")
    """Which jobs it takes: cpu or gpu."""

    dead_after_s: Mapped[float] = mapped_column(server_default="30")
    """Silence after which it is no longer held to be there."""
