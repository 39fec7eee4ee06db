"""The ledger: entries that are only ever added, and the guard that keeps a balance from falling
below zero.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Owned

KEY_LENGTH = 80


class LedgerEntry(Owned, Base):
    """One movement of credits; never changed, never removed while the account exists.

    `amount_s` is what it does to the credits that can be spent, in seconds of audio: a hold takes,
    a settlement gives back what was held and not needed, a refund gives back all of it. `key` names
    the cause, so that no cause moves anything twice: a hold has one ending, settled or refunded.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        CheckConstraint("kind IN ('grant', 'hold', 'settle', 'refund')", name="kind"),
        CheckConstraint(
            "(kind = 'hold' AND amount_s <= 0) OR (kind <> 'hold' AND amount_s >= 0)", name="sign"
        ),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    amount_s: Mapped[int] = mapped_column(BigInteger)
    job_id: Mapped[str | None] = mapped_column(String(ID_LENGTH), index=True)
    note: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


class Balance(Base):
    """The sum of an account's entries, kept beside them so that the database can refuse to let it
    become negative, and so that two requests that spend the last credit wait for each other.
    """

    __tablename__ = "ledger_balances"
    __table_args__ = (CheckConstraint("available_s >= 0", name="never_negative"),)

    account_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    available_s: Mapped[int] = mapped_column(BigInteger)
