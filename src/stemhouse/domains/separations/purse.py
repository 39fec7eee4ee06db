"""What a job needs of whoever keeps the credits; billing stands above and implements it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.orm import Session

Unit = Literal["song", "second"]
"""What credits count."""


class Payable(Protocol):
    """What a price is paid for."""

    @property
    def id(self) -> str:
        """The job."""
        ...

    @property
    def site_id(self) -> str:
        """Its site."""
        ...

    @property
    def account_id(self) -> str:
        """Who pays."""
        ...

    @property
    def unit(self) -> str:
        """What its price counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a job costs, in whole credits, and what a new account has for free."""

    amount: int
    unit: Unit
    free_credits_s: int


class Purse(Protocol):
    """Pays for jobs: every call inside the job's own transaction, each effective once."""

    def hold(self, session: Session, job: Payable, price: Price, now: datetime) -> None:
        """Set the price aside, or raise `PaymentRequired`."""
        ...

    def settle(self, session: Session, job: Payable, delivered: int, now: datetime) -> None:
        """Charge what was delivered, at most what was held."""
        ...

    def refund(self, session: Session, job: Payable, now: datetime) -> None:
        """Give back all that was held."""
        ...


class FreePurse:
    """Pays for everything: an installation without billing."""

    def hold(self, session: Session, job: Payable, price: Price, now: datetime) -> None:
        """Take nothing."""

    def settle(self, session: Session, job: Payable, delivered: int, now: datetime) -> None:
        """Take nothing."""

    def refund(self, session: Session, job: Payable, now: datetime) -> None:
        """Give nothing back."""
