"""Grant, hold, settle, refund, expire, take back: each exactly once, whatever is repeated.

Every function works inside the caller's transaction, so that a hold exists when and only when its
job does. Amounts are whole credits in a unit; an account has books of its own in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id, new_id_after
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing import books, flags, queries
from stemhouse.domains.billing.books import Kind
from stemhouse.domains.billing.lots import GrantState, LotState, Movement, Share, move, take, total
from stemhouse.domains.billing.tables import (
    GRANT_KEY,
    LedgerFlag,
    LedgerLot,
    LedgerPosting,
    LedgerTransaction,
)
from stemhouse.errors import InvalidOption, NotFound, PaymentRequired


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a take-back did: `amount` was taken, `short` had been spent already."""

    amount: int
    short: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A transaction that is to be written."""

    kind: Kind
    key: str
    unit: str
    note: str
    job_id: str | None = None
    movements: Sequence[Movement] = ()


class Ledger:
    """The books of one account.

    Parameters
    ----------
    session : Session
        The caller's transaction.
    owner : Owner
        Whose books.
    unit : str
        ``song`` or ``second``: the site's.
    now : datetime
        The moment that entries bear, and that decides what has expired.
    """

    def __init__(self, session: Session, owner: Owner, unit: str, now: datetime) -> None:
        self._session = session
        self._owner = owner
        self._unit = unit
        self._now = now

    def grant(
        self, amount: int, *, cause: str, note: str, expires_at: datetime | None = None
    ) -> bool:
        """Give credits for a cause, once, as a lot of their own.

        Returns
        -------
        bool
            False when they had been given already.

        Raises
        ------
        InvalidOption
            The amount is not one, or more.
        NotFound
            There is no such account (any more).
        """
        if amount < 1:
            raise InvalidOption(f"a grant is of one credit or more, not of {amount}")
        self._begin()
        key = GRANT_KEY + cause
        if self._find(key) is not None:
            return False
        lot_id = new_id("lot")
        entry = _Entry(kind="grant", key=key, unit=self._unit, note=note)
        transaction_id = self._insert(entry)
        self._session.execute(
            insert(LedgerLot).values(
                **self._owned(),
                id=lot_id,
                transaction_id=transaction_id,
                unit=self._unit,
                amount=amount,
                expires_at=expires_at,
            )
        )
        self._post(transaction_id, move([Share(lot_id, amount)], books.GRANT))
        # A lot that comes too late is gone at once: a repeated webhook gives nothing to spend.
        self._expire_overdue()
        return True

    def take_back(self, amount: int, *, cause: str, note: str, of: str | None = None) -> TakenBack:
        """Take credits back for a cause, once: a refunded payment, a dispute.

        What is left of the grant of the cause `of` goes first, then other credits, the soonest to
        expire first. What jobs hold stays theirs; if it comes back, it is taken then. Where there
        is not enough the rest is `short`, and the account is flagged.

        Raises
        ------
        InvalidOption
            The amount is not one, or more.
        NotFound
            There is no such account (any more).
        """
        if amount < 1:
            raise InvalidOption(f"one credit or more can be taken back, not {amount}")
        self._begin()
        key = f"take-back:{cause}"
        found = self._find(key)
        if found is not None:
            taken_before = sum(row.amount for row in self._postings(found))
            short_before = self._session.scalar(queries.short_of(found.id)) or 0
            return TakenBack(taken_before, short_before)
        first = None if of is None else self._lot_of(GRANT_KEY + of)
        shares = sorted(self._shares(), key=lambda share: share.lot_id != first)
        taken, _left = take(shares, amount)
        transaction_id = self._enter(
            _Entry(
                kind="take_back",
                key=key,
                unit=self._unit,
                note=note,
                movements=move(taken, books.TAKE_BACK),
            )
        )
        short = amount - total(taken)
        if short:
            self._session.execute(
                insert(LedgerFlag).values(
                    **self._owned(),
                    transaction_id=transaction_id,
                    short=short,
                    settled=0,
                    created_at=self._now,
                )
            )
        return TakenBack(total(taken), short)

    def missing(self, causes: str) -> int:
        """Return what is missing of take-backs whose cause begins so."""
        return flags.missing(self._session, self._owner.account_id, f"take-back:{causes}")

    def forgive(self, causes: str, most: int) -> int:
        """Forget what is missing of take-backs whose cause begins so, at most so much: it was paid
        after all. Return how much.
        """
        self._begin()  # a song may end at this moment, and take of it
        whose = self._owner.account_id
        return flags.forgive(self._session, whose, f"take-back:{causes}", most=most, now=self._now)

    def hold(self, job_id: str, amount: int) -> bool:
        """Set credits aside for a job, once.

        Returns
        -------
        bool
            False when they are set aside already, or the job costs nothing.

        Raises
        ------
        PaymentRequired
            There are not enough; nothing has been taken.
        """
        if amount < 0:
            raise InvalidOption(f"a price is 0 or more, not {amount}")
        self._begin()
        key = f"hold:{job_id}"
        if amount == 0 or self._find(key) is not None:
            return False
        shares = self._shares()
        taken, _left = take(shares, amount)
        if total(taken) < amount:
            raise PaymentRequired(
                f"this costs {said(amount, self._unit)} and {said(total(shares), self._unit)} "
                "can be spent",
                required=amount,
                available=total(shares),
                missing=amount - total(shares),
                unit=self._unit,
            )
        self._enter(
            _Entry(
                kind="hold",
                key=key,
                unit=self._unit,
                note="held for a song",
                job_id=job_id,
                movements=move(taken, books.HOLD),
            )
        )
        return True

    def settle(self, job_id: str, delivered: int) -> bool:
        """Charge a job for what was delivered, at most what was held; give back the rest.

        Returns
        -------
        bool
            False when nothing is held for it, or it was settled or refunded already.
        """
        if delivered < 0:
            raise InvalidOption(f"what is delivered is 0 or more, not {delivered}")
        return self._end("settle", job_id, delivered, "charged for a song")

    def refund(self, job_id: str) -> bool:
        """Give back all that was held for a job; False as with `settle`."""
        return self._end("refund", job_id, 0, "given back")

    def expire(self) -> None:
        """Write down the end of lots whose time is over."""
        self._begin()

    def granted(self, cause: str) -> bool:
        """Whether credits have been given for a cause."""
        return self._find(GRANT_KEY + cause) is not None

    def grants(self, causes: str) -> list[GrantState]:
        """List what came for causes that begin so, the soonest to end first."""
        self._begin()
        rows = self._session.execute(queries.grants(self._owner.account_id, GRANT_KEY + causes))
        return [
            GrantState(key.removeprefix(GRANT_KEY), amount, int(came), *times)
            for key, amount, came, *times in rows
        ]

    def available(self) -> int:
        """Return what can be spent."""
        wanted = queries.available(*self._whose(), self._unit, self._now)
        return int(self._session.scalar(wanted) or 0)

    def held(self) -> int:
        """Return what is set aside for jobs that have not ended."""
        return int(self._session.scalar(queries.held(*self._whose(), self._unit)) or 0)

    def lots(self) -> list[LotState]:
        """Return the lots that something is left of, the soonest to expire first."""
        wanted = queries.usable_lots(self._owner.account_id, self._unit, self._now)
        return [
            LotState(lot_id=row[0], available=row[1], expires_at=row[2], note=row[3])
            for row in self._session.execute(wanted)
        ]

    def _end(self, kind: Kind, job_id: str, kept: int, note: str) -> bool:
        self._begin()
        hold = self._find(f"hold:{job_id}")
        # One key for both endings: a job that was settled cannot be refunded, nor the reverse.
        key = f"end:{job_id}"
        if hold is None or self._find(key) is not None:
            return False
        held = [Share(row.lot_id, row.amount) for row in self._postings(hold)]
        spent, back = take(held, kept)
        self._enter(
            _Entry(
                kind=kind,
                key=key,
                unit=hold.unit,
                note=note,
                job_id=job_id,
                movements=[*move(spent, books.SPEND), *move(back, books.GIVE_BACK)],
            )
        )
        # What comes back to a lot whose time is over by now is gone at once.
        self._expire_overdue()
        self._take_back_late(hold, back)
        return True

    def _take_back_late(self, hold: LedgerTransaction, back: list[Share]) -> None:
        """Take of what comes back what was to be taken back while it was held."""
        usable = queries.usable_lots(hold.account_id, hold.unit, self._now)
        alive = {row[0] for row in self._session.execute(usable)}
        left = [share for share in back if share.lot_id in alive]
        for flag, entry in self._session.execute(queries.open_flags(hold)).all():
            taken, left = take(left, flag.short - flag.settled)
            if not taken:
                return
            self._enter(
                _Entry(
                    kind="take_back",
                    key=f"{entry.key}:late:{hold.job_id}",
                    unit=hold.unit,
                    note=entry.note,
                    movements=move(taken, books.TAKE_BACK),
                )
            )
            flags.settle(flag, total(taken), self._now)

    def _begin(self) -> None:
        """Lock the books until the transaction ends, and let go what has expired."""
        if self._session.scalar(queries.lock(*self._whose())) is None:
            raise NotFound("there is no such account")
        self._expire_overdue()

    def _expire_overdue(self) -> None:
        account_id = self._owner.account_id
        for row in self._session.execute(queries.overdue_lots(account_id, self._now)).all():
            lot_id, unit, amount = row
            before = self._session.scalar(queries.times_expired(account_id, lot_id)) or 0
            self._enter(
                _Entry(
                    kind="expire",
                    key=f"expire:{lot_id}:{before + 1}",
                    unit=unit,
                    note="expired",
                    movements=move([Share(lot_id, amount)], books.EXPIRE),
                )
            )

    def _shares(self) -> list[Share]:
        return [Share(lot.lot_id, lot.available) for lot in self.lots()]

    def _find(self, key: str) -> LedgerTransaction | None:
        return self._session.scalar(queries.by_key(self._owner.account_id, key))

    def _postings(self, found: LedgerTransaction) -> Sequence[LedgerPosting]:
        return self._session.scalars(queries.postings_of(found.id)).all()

    def _lot_of(self, key: str) -> str | None:
        found = self._find(key)
        return None if found is None else self._postings(found)[0].lot_id

    def _enter(self, entry: _Entry) -> str:
        transaction_id = self._insert(entry)
        self._post(transaction_id, entry.movements)
        return transaction_id

    def _insert(self, entry: _Entry) -> str:
        last = self._session.scalar(queries.last_id(self._owner.account_id))
        transaction_id = new_id_after("led", last)
        self._session.execute(
            insert(LedgerTransaction).values(
                **self._owned(),
                id=transaction_id,
                kind=entry.kind,
                key=entry.key,
                unit=entry.unit,
                job_id=entry.job_id,
                note=entry.note,
                created_at=self._now,
            )
        )
        return transaction_id

    def _post(self, transaction_id: str, movements: Sequence[Movement]) -> None:
        rows = [
            {
                **self._owned(),
                "transaction_id": transaction_id,
                "number": number,
                "lot_id": one.share.lot_id,
                "source": one.way[0],
                "target": one.way[1],
                "amount": one.share.amount,
            }
            for number, one in enumerate(movements, start=1)
        ]
        if rows:
            self._session.execute(insert(LedgerPosting), rows)

    def _owned(self) -> dict[str, str]:
        return {"site_id": self._owner.site_id, "account_id": self._owner.account_id}

    def _whose(self) -> tuple[str, str]:
        return self._owner.site_id, self._owner.account_id


def owner_of(session: Session, account_id: str) -> Owner | None:
    """Return whose books an account's are, for the operator, who knows no site."""
    site_id = session.scalar(queries.site_of(account_id))
    return None if site_id is None else Owner(site_id, account_id)


def said(amount: int, unit: str, style: str = "") -> str:
    """Write an amount for people: 1 song, 2 songs, 187 seconds; with ``+`` as style: -1 song."""
    return f"{amount:{style}} {unit}{'' if abs(amount) == 1 else 's'}"
