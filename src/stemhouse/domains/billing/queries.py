"""SQL of the ledger."""

from __future__ import annotations

from sqlalchemy import Select, Update, func, select, update

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.billing.tables import Balance, LedgerEntry


def move(account_id: str, amount_s: int) -> Update:
    """Change a balance unless it would fall below zero; locks its row until the end."""
    return (
        update(Balance)
        .where(Balance.account_id == account_id, Balance.available_s + amount_s >= 0)
        .values(available_s=Balance.available_s + amount_s)
    )


def lock(account_id: str) -> Update:
    """Lock a balance's row, so that what follows sees everything that was done before."""
    return (
        update(Balance)
        .where(Balance.account_id == account_id)
        .values(available_s=Balance.available_s)
        .returning(Balance.available_s)
    )


def entry(account_id: str, key: str) -> Select[LedgerEntry]:
    """Find the entry of a cause."""
    return select(LedgerEntry).where(LedgerEntry.account_id == account_id, LedgerEntry.key == key)


def available(site_id: str, account_id: str) -> Select[int]:
    """Read what can be spent."""
    total = select(func.coalesce(func.sum(LedgerEntry.amount_s), 0))
    return total.where(LedgerEntry.site_id == site_id, LedgerEntry.account_id == account_id)


def entries(site_id: str, account_id: str) -> Select[LedgerEntry]:
    """List an account's entries."""
    return owned_by(select(LedgerEntry), site_id, account_id)


def held(site_id: str, account_id: str) -> Select[int]:
    """Sum what is held by jobs that have not ended."""
    ended = select(LedgerEntry.job_id).where(
        LedgerEntry.account_id == account_id, LedgerEntry.kind.in_(("settle", "refund"))
    )
    return select(func.coalesce(-func.sum(LedgerEntry.amount_s), 0)).where(
        LedgerEntry.site_id == site_id,
        LedgerEntry.account_id == account_id,
        LedgerEntry.kind == "hold",
        LedgerEntry.job_id.not_in(ended),
    )


def unbalanced() -> Select[str, int, int]:
    """Find accounts whose balance is not the sum of their entries: there must be none."""
    total = func.coalesce(func.sum(LedgerEntry.amount_s), 0)
    return (
        select(Balance.account_id, Balance.available_s, total)
        .outerjoin(LedgerEntry, LedgerEntry.account_id == Balance.account_id)
        .group_by(Balance.account_id, Balance.available_s)
        .having(Balance.available_s != total)
    )
