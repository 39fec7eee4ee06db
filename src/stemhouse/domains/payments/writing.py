"""Writes what was read from Stripe: purchases, subscriptions, bills, and so credits and plans.

Everything here may be repeated: it brings the rows to what Stripe says now, and credits and plans
to what the rows say. It runs under the lock of the customer's row.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.accounts.entitlements import set_plan
from stemhouse.domains.accounts.plans import FREE_PLAN
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing.free import cause_of_month
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.payments import queries
from stemhouse.domains.payments.facts import (
    InvoiceFacts,
    SessionFacts,
    SubscriptionFacts,
    Truth,
)
from stemhouse.domains.payments.money import months
from stemhouse.domains.payments.tables import Bill, PaymentCustomer, Purchase, Subscription
from stemhouse.sites.schema import Site

logger = logging.getLogger(__name__)

COMES_BACK_DAYS: Final = 31
"""For how long credits of a plan come back: its month may be over when a dispute is won."""

AT_ITS_BEGIN: Final = timedelta(minutes=1)
"""How much older than its period a bill may be that is for it."""

GIVES_ITS_PLAN: Final = frozenset({"active", "trialing"})
NEVER_PAID: Final = frozenset({"incomplete_expired", "canceled"})


@dataclass(frozen=True)
class Came:
    """How credits came that may have to go back."""

    cause: str
    ends_at: datetime
    """The end of what comes back after all."""
    ledger: Ledger


@dataclass
class Writer:
    """One transaction for one customer."""

    session: Session
    site: Site
    customer: PaymentCustomer
    now: datetime
    grace: timedelta

    def write(self, truth: Truth) -> None:
        """Bring everything to what was read."""
        purchase = None
        if truth.session is not None:
            purchase = self._purchase(truth.session.purchase_id)
            if purchase is not None:
                self._settle(purchase, truth.session)
        if truth.subscription is not None:
            self._subscription(truth.subscription)
        if truth.invoice is not None:
            self._bill(truth.invoice, purchase)
        self.session.flush()
        self._plan()

    # --- what was bought

    def _settle(self, purchase: Purchase, facts: SessionFacts) -> None:
        # Without a page it waits for a payment that takes days.
        purchase.session_id, purchase.url = facts.id, facts.url
        if facts.paid:
            purchase.paid_cents = facts.total_cents
            self._paid(purchase)
        elif facts.status == "expired" and purchase.state == "open":
            purchase.state = "expired"
        elif facts.failed and purchase.state == "open":
            purchase.state = "failed"

    def _paid(self, purchase: Purchase) -> None:
        """Give what was bought: whatever tells first that it is paid, its session or its invoice.

        A refund, or a dispute, may be told before both: then there is something to take back.
        """
        purchase.url = None
        if purchase.state != "paid":
            purchase.state, purchase.paid_at = "paid", self.now
        if purchase.credits and purchase.paid_at is not None:
            self._ledger(purchase.unit).grant(
                purchase.credits,
                cause=cause_of(purchase),
                note=f"bought: {purchase.item}",
                expires_at=purchase.paid_at + timedelta(days=purchase.expires_days),
            )

    def _subscription(self, facts: SubscriptionFacts) -> None:
        if facts.site != self.site.name:
            return  # something else that the same Stripe account sells
        row = self.session.scalar(queries.subscription(facts.id))
        if row is None:
            row = Subscription(
                id=new_id("sbs"),
                site_id=self.customer.site_id,
                account_id=self.customer.account_id,
                stripe_id=facts.id,
                created_at=facts.created_at,
            )
            self.session.add(row)
        row.plan, row.interval, row.currency = facts.plan, facts.interval, facts.currency
        row.status = facts.status
        row.period_start, row.period_end = facts.period_start, facts.period_end
        row.ends_at, row.ended_at = facts.ends_at, facts.ended_at
        row.changes_to = facts.changes_to
        if facts.status != "past_due":
            row.past_due_since = None
        elif row.past_due_since is None:
            row.past_due_since = self.now
        purchase = self._purchase(facts.purchase_id)
        if purchase is not None and facts.status in GIVES_ITS_PLAN:
            self._paid(purchase)
        elif purchase is not None and purchase.state == "open" and facts.status in NEVER_PAID:
            purchase.state, purchase.url = "failed", None

    def _bill(self, facts: InvoiceFacts, purchase: Purchase | None) -> None:
        purchase = purchase or self._purchase(facts.purchase_id)
        if purchase is not None and facts.status == "paid":
            self._paid(purchase)
        row = self.session.scalar(queries.bill(facts.id))
        if row is None:
            row = self._new_bill(facts, purchase)
            if row is None:
                return
            self.session.add(row)
        row.number, row.status = facts.number, facts.status
        row.total_cents, row.tax_cents = facts.total_cents, facts.tax_cents
        row.paid_cents, row.paid_at = facts.paid_cents, facts.paid_at
        row.hosted_url, row.pdf_url = facts.hosted_url, facts.pdf_url
        row.next_attempt_at = facts.next_attempt_at
        if facts.charge is not None:
            row.refunded_cents = facts.charge.refunded_cents
            row.disputed_cents = facts.charge.disputed_cents
            row.dispute = facts.charge.dispute
            row.receipt_url = facts.charge.receipt_url
        self.session.flush()
        self._take_back(row)

    def _new_bill(self, facts: InvoiceFacts, purchase: Purchase | None) -> Bill | None:
        subscription = None
        if facts.subscription_id is not None:
            subscription = self.session.scalar(queries.subscription(facts.subscription_id))
        if purchase is None and subscription is None:
            return None  # something else that the same Stripe account sells
        item = subscription.plan if subscription is not None else getattr(purchase, "item", "")
        return Bill(
            id=new_id("bil"),
            site_id=self.customer.site_id,
            account_id=self.customer.account_id,
            stripe_id=facts.id,
            purchase_id=None if purchase is None else purchase.id,
            subscription_id=facts.subscription_id,
            item=item,
            currency=facts.currency,
            refunded_cents=0,
            disputed_cents=0,
            credits=self._credits(purchase, subscription),
            credits_taken=0,
            credits_short=0,
            created_at=facts.created_at,
        )

    def _credits(self, purchase: Purchase | None, subscription: Subscription | None) -> int:
        if subscription is not None:
            if self._is_surplus(subscription):
                return 0  # its credits come with the other one, and must not go with this one
            plan = self.site.plans.get(subscription.plan)
            return plan.credits_per_month if plan is not None else 0
        return purchase.credits if purchase is not None else 0

    # --- what goes back

    def _take_back(self, bill: Bill) -> None:
        """Take back as much of the credits as of the money, or give back what was taken too much.

        A refund may come back and a dispute may be won: it goes both ways.
        """
        if bill.subscription_id is None:
            purchase = self._purchase(bill.purchase_id)
            assert purchase is not None, "a bill is for a plan, or for what somebody bought"
            ends_at = (purchase.paid_at or self.now) + timedelta(days=purchase.expires_days)
            came = Came(cause_of(purchase), ends_at, self._ledger(purchase.unit))
            self._move(bill, _part(bill, bill.credits), came)
            return
        # Credits of a month come once, whichever of a plan's bills brought them: those that are for
        # the same month are looked at together.
        alike = list(self.session.scalars(queries.bills_alike(bill, _month_of(bill))))
        for one in alike:
            self._take_back_of_plan(one, [other for other in alike if other is not one])

    def _take_back_of_plan(self, bill: Bill, others: list[Bill]) -> None:
        months = self._months(bill)
        ledger = self._ledger(self.site.unit)
        # They are counted before they are written down: what never came, or is over, cannot be
        # missing.
        came = sum(ledger.came_with(cause_of_month(month, bill.item)) for month in months)
        if bill.credits:  # none came with a second plan that is to be given back
            bill.credits = max(bill.credits, came)
        left = came - sum(other.credits_taken for other in others)
        wanted = max(0, min(_part(bill, bill.credits), left))
        if any(_in_force(other) for other in others):
            wanted = 0
        ends_at = self.now + timedelta(days=COMES_BACK_DAYS)
        self._move(bill, wanted, Came(cause_of_month(months[-1], bill.item), ends_at, ledger))

    def _months(self, bill: Bill) -> list[datetime]:
        """Return the months whose credits came with a bill: with one that went back whole, all
        until now, as far as it is for them.
        """
        begin = _month_of(bill)
        row = self.session.scalar(queries.subscription(bill.subscription_id or ""))
        present = (
            row is not None
            and row.period_start is not None
            and bill.created_at >= row.period_start - AT_ITS_BEGIN
        )
        if not present or _in_force(bill):
            return [begin]
        assert row is not None
        return [first for _, first, _ in months(begin, min(self.now, row.period_end))] or [begin]

    def _move(self, bill: Bill, wanted: int, came: Came) -> None:
        cause = f"{bill.id}:{self.customer.revision}"
        if wanted > bill.credits_taken:
            came.ledger.take_back(
                wanted - bill.credits_taken,
                cause=cause,
                note=f"paid back: {bill.item}",
                of=came.cause,
            )
            # What was short is spent: it is not asked for again, and the account is flagged.
            bill.credits_taken = wanted
            bill.credits_short = min(wanted, came.ledger.missing(f"{bill.id}:"))
        elif wanted < bill.credits_taken:
            given = bill.credits_taken - wanted
            short = came.ledger.forgive(f"{bill.id}:", given)
            missing = came.ledger.missing(f"{bill.id}:")
            bill.credits_taken, bill.credits_short = wanted, min(wanted, missing)
            if given > short:
                came.ledger.grant(
                    given - short,
                    cause=cause,
                    note=f"paid after all: {bill.item}",
                    expires_at=came.ends_at,
                )

    # --- the plan

    def _plan(self) -> None:
        """Put the account on the plan that is paid for, where that is another than before."""
        plan, until = FREE_PLAN, None
        for row in self.session.scalars(
            queries.subscriptions(self.customer.site_id, self.customer.account_id)
        ):
            if self._is_surplus(row):
                continue  # it will be given back
            end = self._end_of_plan(row)
            if end is not None and end > self.now:
                plan, until = row.plan, end
                break
        if self.customer.plan is None and plan == FREE_PLAN:
            return  # whatever plan it is on: payments did not put it there
        if (self.customer.plan, self.customer.plan_until) == (plan, until):
            return
        set_plan(
            self.session,
            self._owner(),
            plan,
            until=until,
            cause=f"stripe:{self.customer.id}:{self.customer.revision}",
            now=self.now,
        )
        self.customer.plan, self.customer.plan_until = plan, until

    def _end_of_plan(self, row: Subscription) -> datetime | None:
        """Return until when a subscription gives its plan, None where it does not.

        A renewal that is late, or not paid yet, has its time; money that went back has none.
        """
        if self._went_back(row):
            return None
        if row.status in GIVES_ITS_PLAN:
            return row.ends_at or row.period_end + self.grace
        if row.status == "past_due" and row.past_due_since is not None:
            return row.past_due_since + self.grace
        return None

    def _went_back(self, row: Subscription) -> bool:
        """Whether all that was paid for the present period went back, changes of plan included.

        As long as nothing was paid for it, the last payment before counts.
        """
        begin = row.period_start
        bills = (
            []
            if begin is None
            else self.session.scalars(
                queries.bills_since(row.stripe_id, begin - AT_ITS_BEGIN)
            ).all()
        )
        if not any(bill.status == "paid" for bill in bills):
            last = self.session.scalar(queries.last_bill(row.stripe_id))
            bills = [] if last is None else [last]
        paid = sum(bill.paid_cents for bill in bills)
        return paid > 0 and sum(_back(bill) for bill in bills) >= paid

    def _is_surplus(self, row: Subscription) -> bool:
        """Whether the account has had another one for longer: bought in two tabs at once."""
        live = row.status in queries.LIVE
        return live and self.session.scalar(queries.older_than(row)) is not None

    # --- together

    def _purchase(self, purchase_id: str | None) -> Purchase | None:
        if purchase_id is None:
            return None
        owner = self._owner()
        return self.session.scalar(queries.purchase(owner.site_id, owner.account_id, purchase_id))

    def _ledger(self, unit: str) -> Ledger:
        return Ledger(self.session, self._owner(), unit, self.now)

    def _owner(self) -> Owner:
        return Owner(self.customer.site_id, self.customer.account_id)


def cause_of(purchase: Purchase) -> str:
    """Return the cause under which a purchase's credits are granted, and taken back."""
    return f"purchase:{purchase.id}"


def _back(bill: Bill) -> int:
    # Never more than was paid: of what was refunded in part, all may be disputed.
    return min(bill.paid_cents, bill.refunded_cents + bill.disputed_cents)


def _part(bill: Bill, credits: int) -> int:
    """Return the part of credits that the part of the money is that went back."""
    return credits * _back(bill) // bill.paid_cents if bill.paid_cents else 0


def _in_force(bill: Bill) -> bool:
    return bill.status == "paid" and (bill.paid_cents == 0 or _back(bill) < bill.paid_cents)


def _month_of(bill: Bill) -> datetime:
    return bill.created_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
