"""Proves that the books are right, on a database that is in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Select
from sqlalchemy.orm import Session

from stemhouse.domains.billing import queries_checking as queries
from stemhouse.domains.billing.books import WAYS, Kind

OVERDUE_AFTER: Final = timedelta(minutes=15)
"""How late an expired lot may be written down: the sweep comes by every minute."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be.

    Attributes
    ----------
    account_id : str
        Whose books.
    subject : str
        The transaction, lot or job.
    text : str
        What is wrong.
    """

    account_id: str
    subject: str
    text: str


def begin_snapshot(session: Session) -> None:
    """Make all questions of a new session see the same moment; call it before the first one."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def check_books(session: Session, now: datetime) -> list[Finding]:
    """Return what is wrong: nothing, always.

    The session should see one moment (`begin_snapshot`), because the service goes on meanwhile.
    """
    return [*_wrong_rows(session), *_wrong_ways(session), *_overdue(session, now)]


def count_transactions(session: Session) -> int:
    """Return how many transactions there are."""
    return session.scalar(queries.count()) or 0


@cache
def _checks() -> tuple[tuple[str, Select[Any, Any]], ...]:
    # Built once: the same questions are asked again and again.
    return (
        ("its guard is not the sum of its postings", queries.wrong_guards()),
        ("less than nothing is left", queries.negative_sums()),
        ("it has no guard", queries.unguarded_lots()),
        ("it did not come in with the grant that it names", queries.wrong_lots()),
        ("it moves credits of another account or unit", queries.foreign_lots()),
        ("its parts are numbered with gaps", queries.gaps()),
        ("it ended with another amount than was held", queries.wrong_ends()),
        ("it ended a hold that there is not", queries.ends_without_hold()),
        ("credits are held and no job is on its way", queries.stranded_holds()),
        ("it is on its way and its price is not held", queries.unpaid_jobs()),
        ("it has ended well and was not charged", queries.uncharged_jobs()),
        ("it has ended without a result and was charged", queries.charged_failures()),
    )


def _wrong_rows(session: Session) -> Iterator[Finding]:
    for text, statement in _checks():
        for account_id, subject in session.execute(statement):
            yield Finding(account_id, subject, text)


def _wrong_ways(session: Session) -> Iterator[Finding]:
    for account_id, subject, kind, source, target in session.execute(queries.ways()):
        if (source, target) not in WAYS[cast(Kind, kind)]:
            yield Finding(account_id, subject, f"a {kind} moved from {source} to {target}")


def _overdue(session: Session, now: datetime) -> Iterator[Finding]:
    for account_id, subject in session.execute(queries.overdue(now - OVERDUE_AFTER)):
        yield Finding(account_id, subject, "it has expired and can still be spent")
