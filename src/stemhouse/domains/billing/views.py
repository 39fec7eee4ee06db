"""Credits as people see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from stemhouse.domains.billing import queries
from stemhouse.domains.billing.books import Kind
from stemhouse.domains.billing.free import Due
from stemhouse.domains.billing.schemas import (
    BalanceAnswer,
    EntryAnswer,
    LotAnswer,
    WithheldAnswer,
)
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerTransaction
from stemhouse.domains.separations.purse import Unit

_NEVER = datetime.max.replace(tzinfo=UTC)


def show_credits(ledger: Ledger, unit: Unit, due: Due) -> BalanceAnswer:
    """Return what an account has, with the free credits that are due to it."""
    lots = [
        *((lot.expires_at, lot.available, lot.note) for lot in ledger.lots()),
        *((one.expires_at, one.amount, one.note) for one in due.credits),
    ]
    lots.sort(key=lambda lot: (lot[0] is None, lot[0] or _NEVER))
    withheld = due.withheld
    return BalanceAnswer(
        unit=unit,
        available=sum(amount for _end, amount, _note in lots),
        held=ledger.held(),
        lots=[LotAnswer(available=amount, expires_at=end, note=note) for end, amount, note in lots],
        withheld=None
        if withheld is None
        else WithheldAnswer(
            amount=withheld.amount, reason=withheld.reason, message=withheld.message
        ),
    )


def show_entries(
    session: Session, site_id: str, account_id: str, rows: Sequence[LedgerTransaction]
) -> list[EntryAnswer]:
    """Return an account's transactions with what each did and left."""
    if not rows:
        return []
    history = queries.history(site_id, account_id)
    wanted = select(history).where(history.c.id.in_([row.id for row in rows]))
    effects = {effect.id: effect for effect in session.execute(wanted)}
    return [
        EntryAnswer(
            id=row.id,
            kind=cast(Kind, row.kind),
            amount=effects[row.id].available,
            charged=effects[row.id].spent,
            unit=cast(Unit, row.unit),
            available_after=effects[row.id].available_after,
            held_after=effects[row.id].held_after,
            job_id=row.job_id,
            note=row.note,
            created_at=row.created_at,
        )
        for row in rows
    ]


def all_entries(session: Session, site_id: str, account_id: str) -> Iterable[EntryAnswer]:
    """Return all of an account's transactions, oldest first."""
    wanted = queries.transactions(site_id, account_id).order_by(LedgerTransaction.id)
    return show_entries(session, site_id, account_id, session.scalars(wanted).all())
