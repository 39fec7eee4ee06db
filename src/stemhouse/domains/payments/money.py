"""What each site takes, for the operator: by the month in which it was paid."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from stemhouse.domains.payments import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """One month of one site in one currency; what goes back counts to the month of its payment."""

    site: str
    month: str
    currency: str
    bills: int
    buyers: int
    total_cents: int
    tax_cents: int
    paid_cents: int
    refunded_cents: int
    disputed_cents: int
    net_cents: int
    """What was paid, less taxes, refunds and disputes that are not won; Stripe's fees are in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribers:
    """How many have a plan that is paid."""

    site: str
    plan: str
    status: str
    accounts: int


def takings(
    session: Session, first: datetime, after: datetime, *, site_id: str | None = None
) -> list[Takings]:
    """Return what was paid from one moment to another, month by month."""
    return [
        _takings(month, row)
        for month, begin, end in months(first, after)
        for row in session.execute(queries.takings(begin, end, site_id))
    ]


def all_takings(session: Session, now: datetime, site_id: str | None = None) -> list[Takings]:
    """Return everything since the first payment."""
    first = session.scalar(queries.first_paid(site_id))
    return [] if first is None else takings(session, first, next_month(now), site_id=site_id)


def subscribers(session: Session, site_id: str | None = None) -> list[Subscribers]:
    """Count who has a plan, per site, plan and state."""
    return [
        Subscribers(site=row[0], plan=row[1], status=row[2], accounts=row[3])
        for row in session.execute(queries.subscribers(site_id))
    ]


def as_csv(rows: list[Takings]) -> str:
    """Write takings as a table that every spreadsheet reads."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Takings)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def _takings(month: str, row: Any) -> Takings:
    site, currency, bills, buyers, *sums = row
    # Sums of big integers are decimals on PostgreSQL.
    total, tax, paid, refunded, disputed, back = (int(one) for one in sums)
    # Of money that went back, its part of the taxes went back too.
    kept_tax = tax * (paid - back) // paid if paid else 0
    return Takings(
        site=site,
        month=month,
        currency=currency,
        bills=bills,
        buyers=buyers,
        total_cents=total,
        tax_cents=tax,
        paid_cents=paid,
        refunded_cents=refunded,
        disputed_cents=disputed,
        net_cents=paid - back - kept_tax,
    )


def months(first: datetime, after: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Return the months between two moments, each with its begin and its end."""
    begin = first.astimezone(UTC)
    while begin < after:
        end = min(next_month(begin), after)
        yield f"{begin:%Y-%m}", begin, end
        begin = end


def next_month(moment: datetime) -> datetime:
    """Return when the month after a moment's begins."""
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return datetime(year, month, 1, tzinfo=UTC)
