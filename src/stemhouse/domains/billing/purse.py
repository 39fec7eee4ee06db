"""Pays for jobs from the ledger: what the separations domain asks for, in their words."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from stemhouse.domains.accounts.alarms import Alarming, raise_alarm
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.free import FreeTier, Withheld
from stemhouse.domains.billing.service import Ledger, said
from stemhouse.domains.separations.purse import Payable, Price
from stemhouse.errors import PaymentRequired, QuotaExceeded
from stemhouse.settings import Settings


class LedgerPurse:
    """Holds, charges and gives back; free credits are granted with the first song that needs them.

    Parameters
    ----------
    settings : Settings
        Has the key by which addresses are hashed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def hold(self, session: Session, job: Payable, price: Price, now: datetime) -> None:
        """Set the price of a job aside.

        Raises
        ------
        PaymentRequired
            There are not enough credits; nothing has been taken.
        QuotaExceeded
            More would be held at once than the site allows.
        """
        ledger = Ledger(session, _owner(job), price.site.unit, now)
        withheld = FreeTier(self._settings, price.site).grant(session, price.payer, ledger, now)
        _check_held(ledger, price)
        try:
            ledger.hold(job.id, price.amount)
        except PaymentRequired as error:
            raise _explained(error, price, withheld) from None
        _watch_pace(session, job, price, now)

    def settle(self, session: Session, job: Payable, delivered: int, now: datetime) -> None:
        """Charge what was delivered."""
        Ledger(session, _owner(job), job.unit, now).settle(job.id, delivered)

    def refund(self, session: Session, job: Payable, now: datetime) -> None:
        """Give everything back."""
        Ledger(session, _owner(job), job.unit, now).refund(job.id)


def _owner(job: Payable) -> Owner:
    return Owner(job.site_id, job.account_id)


def _check_held(ledger: Ledger, price: Price) -> None:
    most = price.site.guard.max_held
    if most and price.amount and ledger.held() + price.amount > most:
        raise QuotaExceeded(
            f"songs on their way may hold {said(most, price.site.unit)} at once, so that nobody "
            "takes all machines: wait for one to end",
            limit="max_held",
            allowed=most,
            held=ledger.held(),
            unit=price.site.unit,
        )


def _explained(error: PaymentRequired, price: Price, withheld: Withheld | None) -> PaymentRequired:
    """Say what to do as well: the song stays, credits are sold there, or wait for a click."""
    message = f"{error.message}; your song stays, so that you need not send it again"
    details = dict(error.details)
    if withheld is not None:
        message = f"{message}; {withheld.message}"
        details["withheld"] = {"amount": withheld.amount, "reason": withheld.reason}
    if price.buy_url is not None:
        message = f"{message}; buy more at {price.buy_url}"
        details["buy_url"] = price.buy_url
    return PaymentRequired(message, **details)


def _watch_pace(session: Session, job: Payable, price: Price, now: datetime) -> None:
    most = price.site.guard.alarm_jobs_per_hour
    if not most:
        return
    made = session.scalar(queries.jobs_since(job.account_id, now - timedelta(hours=1))) or 0
    if made > most:
        alarm = Alarming(
            site_id=job.site_id,
            kind="jobs_per_hour",
            subject=job.account_id,
            period=f"{now:%Y-%m-%dT%H}",
            data={"jobs": made, "allowed": most},
        )
        raise_alarm(session, alarm, now)
