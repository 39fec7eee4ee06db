"""The ledger: transactions that are only ever added, made of postings between books.

Migrations add what tables cannot say: triggers that refuse every change of transactions, postings
and lots, and that keep the guards. See docs/billing.md.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Owned

KEY_LENGTH = 200
NAME_LENGTH = 64
UNIT_LENGTH = 8
BOOK_LENGTH = 12
HASH_LENGTH = 64

GRANT_KEY = "grant:"
"""How the key of a transaction begins that brings credits; the cause follows."""

_UNITS = "unit IN ('song', 'second')"


class LedgerTransaction(Owned, Base):
    """Something that moved an account's credits; never changed.

    `key` names the cause, so that no cause moves anything twice: a job has one hold, and a hold has
    one ending. Identifiers of an account's transactions sort in the order of their writing.
    """

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        CheckConstraint(
            "kind IN ('grant', 'hold', 'settle', 'refund', 'expire', 'take_back')", name="kind"
        ),
        CheckConstraint(_UNITS, name="unit"),
        Index("ix_ledger_transactions_account_id_id", "account_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(NAME_LENGTH))
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    unit: Mapped[str] = mapped_column(String(UNIT_LENGTH))
    job_id: Mapped[str | None] = mapped_column(String(ID_LENGTH), index=True)
    note: Mapped[str] = mapped_column(String(KEY_LENGTH))
    created_at: Mapped[datetime]


class LedgerLot(Owned, Base):
    """Credits that came together and expire together."""

    __tablename__ = "ledger_lots"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(_UNITS, name="unit"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    transaction_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("ledger_transactions.id", ondelete="CASCADE"), unique=True
    )
    """The grant that it came with."""
    unit: Mapped[str] = mapped_column(String(UNIT_LENGTH))
    amount: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


class LedgerPosting(Owned, Base):
    """A movement of credits of one lot from one book to another.

    It takes from `source` what it puts into `target`, so a transaction cannot but balance.
    """

    __tablename__ = "ledger_postings"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "(source = 'granted' AND target = 'available')"
            " OR (source = 'available' AND target IN ('held', 'expired', 'taken_back'))"
            " OR (source = 'held' AND target IN ('available', 'spent'))",
            name="books",
        ),
    )

    transaction_id: Mapped[str] = mapped_column(
        String(ID_LENGTH),
        ForeignKey("ledger_transactions.id", ondelete="CASCADE"),
        primary_key=True,
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    """1, 2, 3 … within the transaction."""
    lot_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("ledger_lots.id", ondelete="CASCADE"), index=True
    )
    source: Mapped[str] = mapped_column(String(BOOK_LENGTH))
    target: Mapped[str] = mapped_column(String(BOOK_LENGTH))
    amount: Mapped[int] = mapped_column(BigInteger)


class LedgerGuard(Owned, Base):
    """What the postings of a lot sum up to, kept by a trigger on them, so that the database refuses
    a posting that would make it negative. Nothing else writes it.
    """

    __tablename__ = "ledger_guards"
    __table_args__ = (
        CheckConstraint("available >= 0", name="available_is_never_negative"),
        CheckConstraint("held >= 0", name="held_is_never_negative"),
    )

    lot_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("ledger_lots.id", ondelete="CASCADE"), primary_key=True
    )
    available: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)


class LedgerFlag(Owned, Base):
    """Credits that were to be taken back and had been spent already: the operator decides.

    What was held then and comes back later is taken then.
    """

    __tablename__ = "ledger_flags"
    __table_args__ = (
        CheckConstraint("short > 0", name="short"),
        CheckConstraint("0 <= settled AND settled <= short", name="settled"),
    )

    transaction_id: Mapped[str] = mapped_column(
        String(ID_LENGTH),
        ForeignKey("ledger_transactions.id", ondelete="CASCADE"),
        primary_key=True,
    )
    short: Mapped[int] = mapped_column(BigInteger)
    settled: Mapped[int] = mapped_column(BigInteger)
    """How much of it is not missing any more: taken later, or paid after all."""
    created_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    """When the operator had decided, or the money came back after all."""


class FreeGrant(Base):
    """That somebody with an address had free credits, kept when the account is deleted.

    The address is a keyed hash: nobody who reads the database learns it.
    """

    __tablename__ = "ledger_free_grants"

    site_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    address_hash: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    cause: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    granted_at: Mapped[datetime] = mapped_column(index=True)


class ClosedBooks(Base):
    """The totals of a deleted account, without its name, so that the site's totals stay true."""

    __tablename__ = "ledger_closed_books"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    unit: Mapped[str] = mapped_column(String(UNIT_LENGTH))
    closed_at: Mapped[datetime]
    granted: Mapped[int] = mapped_column(BigInteger)
    spent: Mapped[int] = mapped_column(BigInteger)
    expired: Mapped[int] = mapped_column(BigInteger)
    taken_back: Mapped[int] = mapped_column(BigInteger)
    dropped: Mapped[int] = mapped_column(BigInteger)
    """What had been neither spent nor lost, and went with the account."""
