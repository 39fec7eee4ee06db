"""Grant, hold, settle, refund: each exactly once, whatever is repeated.

Amounts are whole seconds of audio. Every function works inside the caller's transaction, so that
a hold exists when and only when its job does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import insert
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.upsert import insert_for
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.tables import Balance, LedgerEntry
from stemhouse.errors import InvalidOption, PaymentRequired

EntryKind = Literal["grant", "hold", "settle", "refund"]


class Ledger:
    """The books of one account.

    Parameters
    ----------
    session : Session
        The caller's transaction.
    site_id, account_id : str
        Whose books.
    now : datetime
        The moment that entries bear.
    """

    def __init__(self, session: Session, site_id: str, account_id: str, now: datetime) -> None:
        self._session = session
        self._site_id = site_id
        self._account_id = account_id
        self._now = now

    def grant(self, amount_s: int, cause: str, note: str) -> bool:
        """Give credits for a cause, once; False when they had been given already."""
        _check_amount(amount_s)
        self._lock()
        return self._enter("grant", f"grant:{cause}", amount_s, note)

    def hold(self, job_id: str, amount_s: int) -> bool:
        """Set credits aside for a job, once.

        Raises
        ------
        PaymentRequired
            There are not enough; nothing has been taken.
        """
        _check_amount(amount_s)
        available_s = self._lock()
        if self._find(f"hold:{job_id}") is not None:
            return False
        if available_s < amount_s:
            raise PaymentRequired(
                f"this song costs {amount_s} s of credit and {available_s} s are left",
                required=amount_s,
                available=available_s,
                missing=amount_s - available_s,
                unit="second",
            )
        return self._enter("hold", f"hold:{job_id}", -amount_s, "held for a song", job_id=job_id)

    def settle(self, job_id: str, delivered_s: int) -> bool:
        """Charge a job for what was delivered, at most what was held; give back the rest."""
        _check_amount(delivered_s)
        return self._close("settle", job_id, delivered_s, "charged for a song")

    def refund(self, job_id: str) -> bool:
        """Give back all that was held for a job."""
        return self._close("refund", job_id, 0, "given back")

    def granted(self, cause: str) -> bool:
        """Whether credits have been given for a cause."""
        return self._find(f"grant:{cause}") is not None

    def available_s(self) -> int:
        """Return what can be spent: the sum of the entries."""
        return self._session.scalar(queries.available(self._site_id, self._account_id)) or 0

    def held_s(self) -> int:
        """Return what is set aside for jobs that have not ended."""
        return self._session.scalar(queries.held(self._site_id, self._account_id)) or 0

    def _close(self, kind: EntryKind, job_id: str, kept_s: int, note: str) -> bool:
        self._lock()
        held = self._find(f"hold:{job_id}")
        # One key for both endings: a job that was settled cannot be refunded, nor the reverse.
        key = f"end:{job_id}"
        if held is None or self._find(key) is not None:
            return False
        back_s = max(0, -held.amount_s - kept_s)
        return self._enter(kind, key, back_s, note, job_id=job_id)

    def _lock(self) -> int:
        """Lock the books until the transaction ends; return what they hold. Opens new ones."""
        found: int | None = self._session.execute(queries.lock(self._account_id)).scalar()
        if found is not None:
            return found
        row = {"account_id": self._account_id, "site_id": self._site_id, "available_s": 0}
        # Somebody may open them at this moment: then this waits, and so does the second look.
        self._session.execute(
            insert_for(self._session, Balance).values(row).on_conflict_do_nothing()
        )
        return int(self._session.execute(queries.lock(self._account_id)).scalar_one())

    def _find(self, key: str) -> LedgerEntry | None:
        return self._session.scalar(queries.entry(self._account_id, key))

    def _enter(
        self, kind: EntryKind, key: str, amount_s: int, note: str, *, job_id: str | None = None
    ) -> bool:
        if self._find(key) is not None:
            return False
        # The lock on the balance makes this read and these writes one.
        self._session.execute(queries.move(self._account_id, amount_s))
        self._session.execute(
            insert(LedgerEntry).values(
                id=new_id("led"),
                site_id=self._site_id,
                account_id=self._account_id,
                kind=kind,
                key=key,
                amount_s=amount_s,
                job_id=job_id,
                note=note,
                created_at=self._now,
            )
        )
        return True


def _check_amount(amount_s: int) -> None:
    if amount_s < 0:
        raise InvalidOption(f"an amount of credits is 0 s or more, not {amount_s} s")
