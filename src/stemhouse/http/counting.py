"""Counts requests in the database, for limits that several processes hold together."""

from __future__ import annotations

from datetime import timedelta

from limits.storage import Storage
from sqlalchemy import case, delete, select
from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import SessionFactory, reading, transaction
from stemhouse.db.upsert import insert_for
from stemhouse.http.services import Clock
from stemhouse.http.tables import RateWindow


class DatabaseCounts(Storage):
    """A storage for the ``limits`` library.

    Each count is a transaction of its own, before the request's: a request that is refused, and
    therefore rolled back, has still been counted.
    """

    STORAGE_SCHEME = None

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        super().__init__()
        self._sessions = sessions
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a database that does not answer raises."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how often it has been in the present window."""
        now = self._clock()
        over = RateWindow.expires_at <= now
        ends = now + timedelta(seconds=expiry)
        with transaction(self._sessions) as session:
            counted = (
                insert_for(session, RateWindow)
                .values(key=key, count=amount, expires_at=ends)
                .on_conflict_do_update(
                    index_elements=[RateWindow.key],
                    set_={
                        "count": case((over, amount), else_=RateWindow.count + amount),
                        "expires_at": case((over, ends), else_=RateWindow.expires_at),
                    },
                )
                .returning(RateWindow.count)
            )
            return session.execute(counted).scalar_one()

    def get(self, key: str) -> int:
        """Return how often it has been in the present window."""
        wanted = select(RateWindow.count).where(
            RateWindow.key == key, RateWindow.expires_at > self._clock()
        )
        with reading(self._sessions) as session:
            return session.scalar(wanted) or 0

    def get_expiry(self, key: str) -> float:
        """Return when the present window ends, in seconds since 1970."""
        with reading(self._sessions) as session:
            ends = session.scalar(select(RateWindow.expires_at).where(RateWindow.key == key))
        return (ends or self._clock()).timestamp()

    def check(self) -> bool:
        """Say whether the database answers."""
        self.get("")
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        with transaction(self._sessions) as session:
            session.execute(delete(RateWindow))
        return None

    def clear(self, key: str) -> None:
        """Forget one window."""
        with transaction(self._sessions) as session:
            session.execute(delete(RateWindow).where(RateWindow.key == key))
