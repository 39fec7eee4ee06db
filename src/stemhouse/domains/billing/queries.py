"""SQL of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    Subquery,
    case,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.billing.books import Book
from stemhouse.domains.billing.tables import (
    ClosedBooks,
    FreeGrant,
    LedgerFlag,
    LedgerGuard,
    LedgerLot,
    LedgerPosting,
    LedgerTransaction,
)
from stemhouse.domains.separations.tables import Job

# --- writing --------------------------------------------------------------------------------------


def lock(site_id: str, account_id: str) -> Select[str]:
    """Make whoever moves an account's credits do so one after the other.

    The same row that changes of its jobs lock: one lock for both, so no two wait for each other.
    """
    return (
        select(Account.id)
        .where(Account.site_id == site_id, Account.id == account_id)
        .with_for_update(key_share=True)
    )


def site_of(account_id: str) -> Select[str]:
    """Find the site of an account."""
    return select(Account.site_id).where(Account.id == account_id)


def last_id(account_id: str) -> Select[str]:
    """Find the last transaction of an account."""
    return (
        select(LedgerTransaction.id)
        .where(LedgerTransaction.account_id == account_id)
        .order_by(LedgerTransaction.id.desc())
        .limit(1)
    )


def by_key(account_id: str, key: str) -> Select[LedgerTransaction]:
    """Find the transaction of a cause."""
    return select(LedgerTransaction).where(
        LedgerTransaction.account_id == account_id, LedgerTransaction.key == key
    )


def postings_of(transaction_id: str) -> Select[LedgerPosting]:
    """List the postings of a transaction, in their order."""
    return (
        select(LedgerPosting)
        .where(LedgerPosting.transaction_id == transaction_id)
        .order_by(LedgerPosting.number)
    )


def short_of(transaction_id: str) -> Select[int]:
    """Read how much a transaction could not take back."""
    return select(LedgerFlag.short).where(LedgerFlag.transaction_id == transaction_id)


def usable_lots(
    account_id: str, unit: str, now: datetime
) -> Select[str, int, datetime | None, str]:
    """List the lots that something is left of, the soonest to expire first."""
    return (
        select(
            LedgerLot.id,
            LedgerGuard.available,
            LedgerLot.expires_at,
            LedgerTransaction.note,
        )
        .join(LedgerGuard, LedgerGuard.lot_id == LedgerLot.id)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerLot.transaction_id)
        .where(
            LedgerLot.account_id == account_id,
            LedgerLot.unit == unit,
            LedgerGuard.available > 0,
            _is_alive(now),
        )
        .order_by(LedgerLot.expires_at.is_(None), LedgerLot.expires_at, LedgerLot.transaction_id)
    )


def overdue_lots(account_id: str, now: datetime) -> Select[str, str, int]:
    """List an account's lots whose time is over and that something is left of."""
    return (
        select(LedgerLot.id, LedgerLot.unit, LedgerGuard.available)
        .join(LedgerGuard, LedgerGuard.lot_id == LedgerLot.id)
        .where(
            LedgerLot.account_id == account_id,
            LedgerLot.expires_at <= now,
            LedgerGuard.available > 0,
        )
        .order_by(LedgerLot.expires_at, LedgerLot.transaction_id)
    )


def owners_overdue(now: datetime, most: int) -> Select[str, str]:
    """List accounts with lots whose time is over and that something is left of."""
    return (
        select(LedgerLot.site_id, LedgerLot.account_id)
        .join(LedgerGuard, LedgerGuard.lot_id == LedgerLot.id)
        .where(LedgerLot.expires_at <= now, LedgerGuard.available > 0)
        .distinct()
        .limit(most)
    )


def times_expired(account_id: str, lot_id: str) -> Select[int]:
    """Count the transactions in which a lot's credits expired."""
    return (
        select(func.count())
        .select_from(LedgerTransaction)
        .join(LedgerPosting, LedgerPosting.transaction_id == LedgerTransaction.id)
        .where(
            LedgerTransaction.account_id == account_id,
            LedgerTransaction.kind == "expire",
            LedgerPosting.lot_id == lot_id,
        )
    )


def free_grants(site_id: str, address_hash: str, causes: Sequence[str]) -> Select[str]:
    """List which of some causes an address had free credits for."""
    return select(FreeGrant.cause).where(
        FreeGrant.site_id == site_id,
        FreeGrant.address_hash == address_hash,
        FreeGrant.cause.in_(causes),
    )


def forget_months(before: datetime) -> Delete:
    """Forget who had free credits of months that are over; a sign-up is once and for all."""
    return delete(FreeGrant).where(
        FreeGrant.granted_at < before, FreeGrant.cause.startswith("month:")
    )


def jobs_since(account_id: str, moment: datetime) -> Select[int]:
    """Count the jobs that an account has made since a moment."""
    return select(func.count(Job.id)).where(Job.account_id == account_id, Job.created_at >= moment)


# --- balances -------------------------------------------------------------------------------------


def available(site_id: str, account_id: str, unit: str, now: datetime) -> Select[int]:
    """Sum what can be spent at a moment."""
    return _guarded(LedgerGuard.available, site_id, account_id, unit).where(_is_alive(now))


def held(site_id: str, account_id: str, unit: str) -> Select[int]:
    """Sum what is set aside for jobs that have not ended."""
    return _guarded(LedgerGuard.held, site_id, account_id, unit)


def _guarded(
    column: InstrumentedAttribute[int], site_id: str, account_id: str, unit: str
) -> Select[int]:
    return (
        select(func.coalesce(func.sum(column), 0))
        .select_from(LedgerGuard)
        .join(LedgerLot, LedgerLot.id == LedgerGuard.lot_id)
        .where(
            LedgerGuard.site_id == site_id,
            LedgerGuard.account_id == account_id,
            LedgerLot.unit == unit,
        )
    )


def _is_alive(now: datetime) -> ColumnElement[bool]:
    return or_(LedgerLot.expires_at.is_(None), LedgerLot.expires_at > now)


# --- history --------------------------------------------------------------------------------------


def effect(book: Book) -> ColumnElement[int]:
    """Sum what postings did to a book."""
    return func.coalesce(
        func.sum(
            case(
                (LedgerPosting.target == book, LedgerPosting.amount),
                (LedgerPosting.source == book, -LedgerPosting.amount),
                else_=0,
            )
        ),
        0,
    )


def history(site_id: str, account_id: str) -> Subquery:
    """Return an account's transactions with what each did, and what was there after it."""
    effects = (
        select(
            LedgerTransaction.id,
            LedgerTransaction.unit,
            effect("available").label("available"),
            effect("held").label("held"),
            effect("spent").label("spent"),
        )
        .outerjoin(LedgerPosting, LedgerPosting.transaction_id == LedgerTransaction.id)
        .where(LedgerTransaction.site_id == site_id, LedgerTransaction.account_id == account_id)
        .group_by(LedgerTransaction.id, LedgerTransaction.unit)
        .subquery()
    )
    return select(
        effects.c.id,
        effects.c.available,
        effects.c.held,
        effects.c.spent,
        func.sum(effects.c.available)
        .over(partition_by=effects.c.unit, order_by=effects.c.id)
        .label("available_after"),
        func.sum(effects.c.held)
        .over(partition_by=effects.c.unit, order_by=effects.c.id)
        .label("held_after"),
    ).subquery()


def transactions(site_id: str, account_id: str) -> Select[LedgerTransaction]:
    """List an account's transactions."""
    return owned_by(select(LedgerTransaction), site_id, account_id)


def transactions_of_job(site_id: str, account_id: str, job_id: str) -> Select[LedgerTransaction]:
    """List the transactions of a job, in their order."""
    return (
        transactions(site_id, account_id)
        .where(LedgerTransaction.job_id == job_id)
        .order_by(LedgerTransaction.id)
    )


def job(site_id: str, account_id: str, job_id: str) -> Select[Job]:
    """Find one of an account's jobs."""
    return owned_by(select(Job), site_id, account_id).where(Job.id == job_id)


def flags(sites: Sequence[str]) -> Select[LedgerFlag]:
    """List what could not be taken back at some sites."""
    return select(LedgerFlag).where(LedgerFlag.site_id.in_(sites))


def transactions_by_id(transaction_ids: Sequence[str]) -> Select[LedgerTransaction]:
    """Read the transactions behind some rows, which are the reader's already."""
    return select(LedgerTransaction).where(LedgerTransaction.id.in_(transaction_ids))


def grants(account_id: str, key_start: str) -> Select[*tuple[Any, ...]]:
    """List grants whose keys begin so, with their lots and what did not expire of them; the soonest
    to end first.
    """
    expired = (
        select(func.coalesce(func.sum(LedgerPosting.amount), 0))
        .where(LedgerPosting.lot_id == LedgerLot.id, LedgerPosting.target == "expired")
        .scalar_subquery()
    )
    return (
        select(
            LedgerTransaction.key,
            LedgerLot.amount,
            LedgerLot.amount - expired,
            LedgerLot.expires_at,
            LedgerTransaction.created_at,
        )
        .join(LedgerLot, LedgerLot.transaction_id == LedgerTransaction.id)
        .where(
            LedgerTransaction.account_id == account_id,
            LedgerTransaction.key.startswith(key_start, autoescape=True),
        )
        .order_by(LedgerLot.expires_at, LedgerTransaction.id)
    )


def flags_of(account_id: str, key_start: str) -> Select[LedgerFlag]:
    """List what was short of take-backs whose keys begin so, newest first."""
    return (
        select(LedgerFlag)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerFlag.transaction_id)
        .where(
            LedgerTransaction.account_id == account_id,
            LedgerTransaction.key.startswith(key_start, autoescape=True),
        )
        .order_by(LedgerFlag.transaction_id.desc())
    )


def open_flags(hold: LedgerTransaction) -> Select[LedgerFlag, LedgerTransaction]:
    """List what is missing of what was to be taken back while something was held."""
    return (
        select(LedgerFlag, LedgerTransaction)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerFlag.transaction_id)
        .where(
            LedgerTransaction.account_id == hold.account_id,
            LedgerTransaction.unit == hold.unit,
            LedgerTransaction.id > hold.id,
            LedgerFlag.cleared_at.is_(None),
        )
        .order_by(LedgerFlag.transaction_id)
    )


# --- the site's totals ----------------------------------------------------------------------------


def totals(site_id: str) -> Select[str, str, str, int]:
    """Sum a site's postings by unit and by their way; accounts that are closed are not in it."""
    return (
        select(
            LedgerTransaction.unit,
            LedgerPosting.source,
            LedgerPosting.target,
            func.sum(LedgerPosting.amount),
        )
        .join(LedgerTransaction, LedgerTransaction.id == LedgerPosting.transaction_id)
        .where(LedgerPosting.site_id == site_id)
        .group_by(LedgerTransaction.unit, LedgerPosting.source, LedgerPosting.target)
    )


def totals_of_account(site_id: str, account_id: str) -> Select[str, str, str, int]:
    """Sum an account's postings by unit and by their way."""
    return totals(site_id).where(LedgerPosting.account_id == account_id)


def closed_totals(site_id: str) -> Select[str, int, int, int, int, int]:
    """Sum the books of a site's deleted accounts by unit."""
    return (
        select(
            ClosedBooks.unit,
            func.sum(ClosedBooks.granted),
            func.sum(ClosedBooks.spent),
            func.sum(ClosedBooks.expired),
            func.sum(ClosedBooks.taken_back),
            func.sum(ClosedBooks.dropped),
        )
        .where(ClosedBooks.site_id == site_id)
        .group_by(ClosedBooks.unit)
    )
