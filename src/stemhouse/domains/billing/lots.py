"""Which lots an amount is taken from: the soonest to expire first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from stemhouse.domains.billing.books import Way


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a lot."""

    lot_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotState:
    """What is left of a lot."""

    lot_id: str
    available: int
    expires_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class GrantState:
    """What came for a cause, and what became of it."""

    cause: str
    amount: int
    came: int
    """What did not expire of it: left, held, spent or taken back."""
    expires_at: datetime | None
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """A posting that is to be written."""

    share: Share
    way: Way


def take(shares: Iterable[Share], amount: int) -> tuple[list[Share], list[Share]]:
    """Take an amount from shares in their order.

    Returns
    -------
    taken, left : list of Share
        Without empty shares. `taken` sums to the amount, or to all there is where that is less.
    """
    taken, left = [], []
    for share in shares:
        part = min(share.amount, amount)
        amount -= part
        if part:
            taken.append(Share(share.lot_id, part))
        if share.amount > part:
            left.append(Share(share.lot_id, share.amount - part))
    return taken, left


def move(shares: Sequence[Share], way: Way) -> list[Movement]:
    """Return the movements of shares from one book to another."""
    return [Movement(share, way) for share in shares]


def total(shares: Iterable[Share]) -> int:
    """Return what shares sum up to."""
    return sum(share.amount for share in shares)
