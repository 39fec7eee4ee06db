"""What could not be taken back because it had been spent, or was held: what is still missing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stemhouse.domains.billing import queries
from stemhouse.domains.billing.tables import LedgerFlag


def missing(session: Session, account_id: str, key_start: str) -> int:
    """Return what is missing still of take-backs whose keys begin so, decided or not."""
    rows = session.scalars(queries.flags_of(account_id, key_start))
    return sum(row.short - row.settled for row in rows)


def forgive(session: Session, account_id: str, key_start: str, *, most: int, now: datetime) -> int:
    """Say of some of it that it is not missing any more; return of how much, at most `most`."""
    left = most
    for row in session.scalars(queries.flags_of(account_id, key_start)):
        part = min(left, row.short - row.settled)
        settle(row, part, now)
        left -= part
    return most - left


def settle(row: LedgerFlag, amount: int, now: datetime) -> None:
    """Count what is not missing any more; with the last of it the flag goes."""
    row.settled += amount
    if row.settled == row.short and row.cleared_at is None:
        row.cleared_at = now
