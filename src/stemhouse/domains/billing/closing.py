"""What is left of an account's books when the account is deleted: totals without a name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, insert
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.tables import ClosedBooks


@dataclass(slots=True)
class Totals:
    """What came in and went out in one unit: `granted` is the sum of all the others."""

    granted: int = 0
    spent: int = 0
    expired: int = 0
    taken_back: int = 0
    available: int = 0
    held: int = 0
    dropped: int = 0
    """Of deleted accounts: neither spent nor lost, gone with the account."""


def totals_of_account(session: Session, site_id: str, account_id: str) -> dict[str, Totals]:
    """Return an account's totals by unit."""
    return _sums(session, queries.totals_of_account(site_id, account_id))


def totals_of_site(session: Session, site_id: str) -> dict[str, Totals]:
    """Return a site's totals by unit, with those of accounts that were deleted."""
    found = defaultdict(Totals, _sums(session, queries.totals(site_id)))
    for row in session.execute(queries.closed_totals(site_id)):
        unit, granted, spent, expired, taken_back, dropped = row
        totals = found[unit]
        # Sums come as decimals from PostgreSQL.
        totals.granted += int(granted)
        totals.spent += int(spent)
        totals.expired += int(expired)
        totals.taken_back += int(taken_back)
        totals.dropped += int(dropped)
    return dict(found)


def close_books(session: Session, site_id: str, account_id: str, now: datetime) -> None:
    """Write down an account's totals; its transactions go with the account's row."""
    for unit, totals in totals_of_account(session, site_id, account_id).items():
        session.execute(
            insert(ClosedBooks).values(
                id=new_id("cls"),
                site_id=site_id,
                unit=unit,
                closed_at=now,
                granted=totals.granted,
                spent=totals.spent,
                expired=totals.expired,
                taken_back=totals.taken_back,
                dropped=totals.available + totals.held,
            )
        )


def _sums(session: Session, statement: Select[str, str, str, int]) -> dict[str, Totals]:
    found: dict[str, Totals] = defaultdict(Totals)
    for unit, source, target, amount in session.execute(statement):
        totals = found[unit]
        # What is granted comes out of nothing: its book counts what left it.
        sign = 1 if source == "granted" else -1
        setattr(totals, source, getattr(totals, source) + sign * int(amount))
        setattr(totals, target, getattr(totals, target) + int(amount))
    return found
