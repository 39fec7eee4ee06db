"""SQL that finds what must not be in the books. Each statement lists accounts and subjects."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from stemhouse.domains.billing.queries import effect
from stemhouse.domains.billing.tables import (
    LedgerGuard,
    LedgerLot,
    LedgerPosting,
    LedgerTransaction,
)
from stemhouse.domains.separations.states import UNFINISHED
from stemhouse.domains.separations.tables import Job


def count() -> Select[int]:
    """Count all transactions."""
    return select(func.count(LedgerTransaction.id))


def wrong_guards() -> Select[str, str]:
    """Find lots whose guard is not the sum of their postings."""
    return (
        select(LedgerGuard.account_id, LedgerGuard.lot_id)
        .outerjoin(LedgerPosting, LedgerPosting.lot_id == LedgerGuard.lot_id)
        .group_by(
            LedgerGuard.account_id, LedgerGuard.lot_id, LedgerGuard.available, LedgerGuard.held
        )
        .having(
            or_(
                LedgerGuard.available != effect("available"),
                LedgerGuard.held != effect("held"),
            )
        )
    )


def negative_sums() -> Select[str, str]:
    """Find lots whose postings sum up to less than nothing, whatever their guard says."""
    return (
        select(LedgerPosting.account_id, LedgerPosting.lot_id)
        .group_by(LedgerPosting.account_id, LedgerPosting.lot_id)
        .having(or_(effect("available") < 0, effect("held") < 0))
    )


def unguarded_lots() -> Select[str, str]:
    """Find lots without a guard."""
    return select(LedgerLot.account_id, LedgerLot.id).where(
        LedgerLot.id.not_in(select(LedgerGuard.lot_id))
    )


def wrong_lots() -> Select[str, str]:
    """Find lots that did not come in as a whole with their own grant, and with nothing else."""
    return (
        select(LedgerLot.account_id, LedgerLot.id)
        .outerjoin(
            LedgerPosting,
            and_(LedgerPosting.lot_id == LedgerLot.id, LedgerPosting.source == "granted"),
        )
        .group_by(LedgerLot.account_id, LedgerLot.id, LedgerLot.amount, LedgerLot.transaction_id)
        .having(
            or_(
                func.coalesce(func.sum(LedgerPosting.amount), 0) != LedgerLot.amount,
                func.min(LedgerPosting.transaction_id) != LedgerLot.transaction_id,
                func.max(LedgerPosting.transaction_id) != LedgerLot.transaction_id,
            )
        )
    )


def foreign_lots() -> Select[str, str]:
    """Find postings whose transaction and lot do not belong together."""
    return (
        select(LedgerPosting.account_id, LedgerPosting.transaction_id)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerPosting.transaction_id)
        .join(LedgerLot, LedgerLot.id == LedgerPosting.lot_id)
        .where(
            or_(
                LedgerLot.account_id != LedgerTransaction.account_id,
                LedgerPosting.account_id != LedgerTransaction.account_id,
                LedgerPosting.site_id != LedgerTransaction.site_id,
                LedgerLot.unit != LedgerTransaction.unit,
            )
        )
        .distinct()
    )


def gaps() -> Select[str, str]:
    """Find transactions whose postings are not 1, 2, 3 …: one has been lost."""
    return (
        select(LedgerPosting.account_id, LedgerPosting.transaction_id)
        .group_by(LedgerPosting.account_id, LedgerPosting.transaction_id)
        .having(func.max(LedgerPosting.number) != func.count())
    )


def wrong_ends() -> Select[str, str]:
    """Find endings whose parts do not sum up to what was held, lot by lot."""
    hold, end = aliased(LedgerTransaction), aliased(LedgerTransaction)
    held, ended = aliased(LedgerPosting), aliased(LedgerPosting)
    back = (
        select(func.coalesce(func.sum(ended.amount), 0))
        .where(ended.transaction_id == end.id, ended.lot_id == held.lot_id)
        .scalar_subquery()
    )
    return (
        select(end.account_id, end.id)
        .join(hold, and_(hold.account_id == end.account_id, hold.job_id == end.job_id))
        .join(held, held.transaction_id == hold.id)
        .where(hold.kind == "hold", end.kind.in_(("settle", "refund")), held.amount != back)
        .distinct()
    )


def ends_without_hold() -> Select[str, str]:
    """Find endings of holds that there are not."""
    hold = aliased(LedgerTransaction)
    held = select(hold.id).where(
        hold.account_id == LedgerTransaction.account_id,
        hold.job_id == LedgerTransaction.job_id,
        hold.kind == "hold",
    )
    return select(LedgerTransaction.account_id, LedgerTransaction.id).where(
        LedgerTransaction.kind.in_(("settle", "refund")), ~held.exists()
    )


def stranded_holds() -> Select[str, str | None]:
    """Find holds without an ending whose job is not there or has ended."""
    live = select(Job.id).where(Job.id == LedgerTransaction.job_id, Job.state.in_(UNFINISHED))
    return _open_holds().where(~live.exists())


def unpaid_jobs() -> Select[str, str]:
    """Find jobs on their way that cost something and for which nothing is held."""
    held = _open_holds().where(LedgerTransaction.job_id == Job.id)
    return select(Job.account_id, Job.id).where(
        Job.state.in_(UNFINISHED), Job.price > 0, ~held.exists()
    )


def uncharged_jobs() -> Select[str, str]:
    """Find jobs that succeeded, cost something and were not charged."""
    return select(Job.account_id, Job.id).where(
        Job.state.in_(("succeeded", "expired")), Job.price > 0, ~_ended("settle").exists()
    )


def charged_failures() -> Select[str, str]:
    """Find jobs that failed or were cancelled and were charged."""
    return select(Job.account_id, Job.id).where(
        Job.state.in_(("failed", "canceled")), _ended("settle").exists()
    )


def ways() -> Select[str, str, str, str, str]:
    """List which kinds of transactions moved credits between which books, with one of each."""
    return (
        select(
            func.min(LedgerTransaction.account_id),
            func.min(LedgerTransaction.id),
            LedgerTransaction.kind,
            LedgerPosting.source,
            LedgerPosting.target,
        )
        .join(LedgerPosting, LedgerPosting.transaction_id == LedgerTransaction.id)
        .group_by(LedgerTransaction.kind, LedgerPosting.source, LedgerPosting.target)
    )


def overdue(before: datetime) -> Select[str, str]:
    """Find lots that expired before a moment and can still be spent."""
    return (
        select(LedgerLot.account_id, LedgerLot.id)
        .join(LedgerGuard, LedgerGuard.lot_id == LedgerLot.id)
        .where(LedgerLot.expires_at <= before, LedgerGuard.available > 0)
    )


def _ended(kind: str) -> Select[str]:
    return select(LedgerTransaction.id).where(
        LedgerTransaction.account_id == Job.account_id,
        LedgerTransaction.job_id == Job.id,
        LedgerTransaction.kind == kind,
    )


def _open_holds() -> Select[str, str | None]:
    end = aliased(LedgerTransaction)
    ended = select(end.id).where(
        end.account_id == LedgerTransaction.account_id,
        end.job_id == LedgerTransaction.job_id,
        end.kind.in_(("settle", "refund")),
    )
    return select(LedgerTransaction.account_id, LedgerTransaction.job_id).where(
        LedgerTransaction.kind == "hold", ~ended.exists()
    )
