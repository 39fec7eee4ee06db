"""Credits that come with a plan: for each month of a period that is paid, counted from its begin.

A period of a month is one such month, as Stripe bills it; one of a year has twelve. So one payment
never brings two months' credits, whatever the calendar says, and a period that is not paid brings
none.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from stemhouse.domains.billing.lots import GrantState
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.payments.tables import Bill, Subscription

CAUSE: Final = "plan:"

AT_ITS_BEGIN: Final = timedelta(minutes=1)
"""How much older than its period a bill may be that is for it."""

_BY_THE_CALENDAR: Final = "month:"
"""How versions before this one began the causes of a plan's credits, which came with the month."""

_MONTHS_OF_A_YEAR: Final = 12


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a period."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """Credits of a plan that came."""

    state: GrantState
    bill_id: str
    plan: str
    month: Month
    whole: int
    """What the plan brings in a month; less came where another one brought some for that time."""


def month_at(row: Subscription, now: datetime) -> Month | None:
    """Return the month of a subscription's period that a moment lies in; None where it is over."""
    begin, end = row.period_start, row.period_end
    if begin is None or now >= end:
        return None
    if row.interval != "year":
        return Month(begin, end)
    # Stripe's clock may be ahead of ours: what has begun there has begun.
    passed = max(0, (now.year - begin.year) * 12 + now.month - begin.month)
    if passed and _after(begin, passed) > now:
        passed -= 1
    passed = min(passed, _MONTHS_OF_A_YEAR - 1)
    last = passed == _MONTHS_OF_A_YEAR - 1
    return Month(_after(begin, passed), end if last else _after(begin, passed + 1))


class PlanMonths:
    """The months of one subscription.

    Parameters
    ----------
    ledger : Ledger
        The books of its account, in the site's unit.
    row : Subscription
        The subscription.
    bills : sequence of Bill
        All of its bills, oldest first.
    """

    def __init__(self, ledger: Ledger, row: Subscription, bills: Sequence[Bill]) -> None:
        self._ledger, self._row, self._bills = ledger, row, bills

    def give(self, amount: int, now: datetime) -> Bill | None:
        """Give the credits of the present month, once, if its period is paid.

        Where a month is cut short because another plan, or another rhythm, begins at once, the
        customer is credited what is left of its price. So what is left of its credits counts too:
        as much less comes with the new one.

        Returns
        -------
        Bill or None
            The one that they came with, where they came now.
        """
        month, plan = month_at(self._row, now), self._row.plan
        paid = self._paid()
        if month is None or paid is None:
            return None
        given = self._given()
        if any((one.month.begin, one.plan) == (month.begin, plan) for one in given):
            return None
        if any(one.granted_at >= month.begin for one in self._by_the_calendar(plan)):
            return None
        before = max(given, key=lambda one: one.month.begin, default=None)
        less = 0 if before is None else _left(before, month.begin)
        if amount <= less:
            return None
        text = f", less {less} that {before.plan} brought for the time" if before and less else ""
        self._ledger.grant(
            amount - less,
            cause=f"{CAUSE}{self._row.id}:{paid.id}:{month.begin.timestamp():.0f}:{amount}:{plan}",
            note=f"credits of {plan}{text}",
            expires_at=month.end,
        )
        paid.credits += amount - less
        return paid

    def brought(self, bill: Bill) -> list[GrantState]:
        """List what came with a bill."""
        later = [one.created_at - AT_ITS_BEGIN for one in self._bills if _follows(one, bill)]
        end = min(later, default=None)
        return [
            *(one.state for one in self._given() if one.bill_id == bill.id),
            *(
                one
                for one in self._by_the_calendar(bill.item)
                if bill.created_at - AT_ITS_BEGIN <= one.granted_at
                and (end is None or one.granted_at < end)
            ),
        ]

    def of_period(self) -> Sequence[Bill]:
        """List the bills of the present period, the one that it began with first."""
        begin = self._row.period_start
        if begin is None:
            return []
        young = [one for one in self._bills if one.created_at >= begin - AT_ITS_BEGIN]
        # One of the period before may be as young, where that was cut short within a minute.
        first = min(reversed(young), key=lambda one: abs(one.created_at - begin), default=None)
        return [] if first is None else young[young.index(first) :]

    def _paid(self) -> Bill | None:
        """Return the bill of the present period that its credits come with."""
        mine = (one for one in self.of_period() if one.item == self._row.plan)
        return next((one for one in mine if in_force(one)), None)

    def _given(self) -> list[Given]:
        return [_read(one) for one in self._ledger.grants(f"{CAUSE}{self._row.id}:")]

    def _by_the_calendar(self, plan: str) -> list[GrantState]:
        states = self._ledger.grants(_BY_THE_CALENDAR)
        return [one for one in states if one.cause.endswith(f":{plan}")]


def in_force(bill: Bill) -> bool:
    """Whether a bill is paid, and not all of it went back."""
    return bill.status == "paid" and (bill.paid_cents == 0 or went_back(bill) < bill.paid_cents)


def went_back(bill: Bill) -> int:
    """Return what went back of a bill, in cents."""
    # Never more than was paid: of what was refunded in part, all may be disputed.
    return min(bill.paid_cents, bill.refunded_cents + bill.disputed_cents)


def _follows(one: Bill, bill: Bill) -> bool:
    return (one.created_at, one.id) > (bill.created_at, bill.id)


def _read(state: GrantState) -> Given:
    _, _, bill_id, begin, whole, plan = state.cause.split(":", 5)
    assert state.expires_at is not None, "credits of a month end with it"
    month = Month(datetime.fromtimestamp(int(begin), UTC), state.expires_at)
    return Given(state, bill_id, plan, month, int(whole))


def _left(before: Given, begin: datetime) -> int:
    left = max(timedelta(), before.month.end - begin)
    return int(before.whole * (left / (before.month.end - before.month.begin)))


def _after(begin: datetime, months: int) -> datetime:
    """Return the same day some months later, or the last one of a month that is shorter."""
    years, month = divmod(begin.month - 1 + months, 12)
    year, month = begin.year + years, month + 1
    day = min(begin.day, calendar.monthrange(year, month)[1])
    return begin.replace(year=year, month=month, day=day)
