"""What a job needs of whoever keeps the credits; billing stands above and implements it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from stemhouse.domains.accounts.principal import Principal
from stemhouse.sites.schema import Site, Unit

__all__ = ["FreePurse", "Payable", "Price", "Purse", "Unit"]


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
    """What a job costs, in whole credits; who pays, and where.

    Attributes
    ----------
    amount : int
        In the site's unit.
    payer : Principal
        Whose credits.
    site : Site
        Whose prices, free credits and limits.
    buy_url : str or None
        Where credits are sold; None where they are not.
    """

    amount: int
    payer: Principal
    site: Site
    buy_url: str | None


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
