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
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.payments import queries
from stemhouse.domains.payments.facts import (
    InvoiceFacts,
    SessionFacts,
    SubscriptionFacts,
    Truth,
)
from stemhouse.domains.payments.plan_months import PlanMonths, went_back
from stemhouse.domains.payments.tables import Bill, PaymentCustomer, Purchase, Subscription
from stemhouse.sites.schema import Site

logger = logging.getLogger(__name__)

COMES_BACK_DAYS: Final = 31
"""For how long credits of a plan come back: its month may be over when a dispute is won."""

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
        bill = None if truth.invoice is None else self._bill(truth.invoice, purchase)
        self.session.flush()
        self._give_months()
        if bill is not None:
            self._take_back(bill)
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

    def _bill(self, facts: InvoiceFacts, purchase: Purchase | None) -> Bill | None:
        purchase = purchase or self._purchase(facts.purchase_id)
        if purchase is not None and facts.status == "paid":
            self._paid(purchase)
        row = self.session.scalar(queries.bill(facts.id))
        if row is None:
            row = self._new_bill(facts, purchase)
            if row is None:
                return None
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
        return row

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
            # Those of a plan come by the month, and are counted then.
            credits=purchase.credits if purchase is not None and subscription is None else 0,
            credits_taken=0,
            credits_short=0,
            created_at=facts.created_at,
        )

    def _give_months(self) -> None:
        """Give what plans bring for the months that have begun and are paid."""
        for row in self._subscriptions():
            plan = self.site.plans.get(row.plan)
            if plan is None or row.status not in queries.LIVE or self._is_surplus(row):
                continue
            bill = self._months(row).give(plan.credits_per_month, self.now)
            if bill is not None:
                # Of a bill that went back in part, a part goes of each month.
                self._take_back(bill)

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
        row = self.session.scalar(queries.subscription(bill.subscription_id))
        brought = [] if row is None else self._months(row).brought(bill)
        bill.credits = max(bill.credits, sum(one.amount for one in brought))
        # What is over cannot be missing.
        wanted = sum(min(_part(bill, one.amount), one.came) for one in brought)
        ends_at = self.now + timedelta(days=COMES_BACK_DAYS)
        cause = brought[-1].cause if brought else ""
        self._move(bill, wanted, Came(cause, ends_at, self._ledger(self.site.unit)))

    def _months(self, row: Subscription) -> PlanMonths:
        bills = self.session.scalars(queries.bills_of(row.stripe_id)).all()
        return PlanMonths(self._ledger(self.site.unit), row, bills)

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
        for row in self._subscriptions():
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
        bills = self._months(row).of_period()
        if not any(bill.status == "paid" for bill in bills):
            last = self.session.scalar(queries.last_bill(row.stripe_id))
            bills = [] if last is None else [last]
        paid = sum(bill.paid_cents for bill in bills)
        return paid > 0 and sum(went_back(bill) for bill in bills) >= paid

    def _is_surplus(self, row: Subscription) -> bool:
        """Whether the account has had another one for longer: bought in two tabs at once."""
        live = row.status in queries.LIVE
        return live and self.session.scalar(queries.older_than(row)) is not None

    # --- together

    def _subscriptions(self) -> list[Subscription]:
        owner = self._owner()
        return list(self.session.scalars(queries.subscriptions(owner.site_id, owner.account_id)))

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


def _part(bill: Bill, credits: int) -> int:
    """Return the part of credits that the part of the money is that went back."""
    return credits * went_back(bill) // bill.paid_cents if bill.paid_cents else 0
