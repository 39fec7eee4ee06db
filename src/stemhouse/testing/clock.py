"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Tells the time it was set to; call it like the real one."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return self._now

    def advance(self, duration_s: float) -> None:
        """Move on by so many seconds."""
        self._now += timedelta(seconds=duration_s)


class ShiftedClock:
    """Tells the real time, and goes ahead of it when it is told to."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, duration_s: float) -> None:
        """Move on by so many seconds."""
        self._ahead += timedelta(seconds=duration_s)
