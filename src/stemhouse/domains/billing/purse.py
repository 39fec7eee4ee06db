"""Pays for jobs from the ledger: what the separations domain asks for, in their words."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.separations.purse import Payable, Price

SIGN_UP = "sign-up"


class LedgerPurse:
    """Holds, charges and gives back; a new account's free credits are granted at its first song."""

    def hold(self, session: Session, job: Payable, price: Price, now: datetime) -> None:
        """Set the price of a job aside.

        Raises
        ------
        PaymentRequired
            There are not enough credits; nothing has been taken.
        """
        ledger = Ledger(session, _owner(job), price.unit, now)
        if price.free_credits_s:
            ledger.grant(price.free_credits_s, cause=SIGN_UP, note="free credits of a new account")
        ledger.hold(job.id, price.amount)

    def settle(self, session: Session, job: Payable, delivered: int, now: datetime) -> None:
        """Charge what was delivered."""
        Ledger(session, _owner(job), job.unit, now).settle(job.id, delivered)

    def refund(self, session: Session, job: Payable, now: datetime) -> None:
        """Give everything back."""
        Ledger(session, _owner(job), job.unit, now).refund(job.id)


def _owner(job: Payable) -> Owner:
    return Owner(job.site_id, job.account_id)
