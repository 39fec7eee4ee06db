"""The SQL of payments."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Delete,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.billing.tables import GRANT_KEY, LedgerLot, LedgerTransaction
from stemhouse.domains.payments.tables import (
    Bill,
    PaymentCustomer,
    Purchase,
    StripeCursor,
    StripeDeparture,
    StripeEvent,
    Subscription,
)

LIVE = ("active", "trialing", "past_due")
"""States in which a subscription gives its plan, or may give it again."""


# --- what an account has ------------------------------------------------------------------------


def account(site_id: str, account_id: str) -> Select[Account]:
    return select(Account).where(Account.id == account_id, Account.site_id == site_id)


def customer(site_id: str, account_id: str) -> Select[PaymentCustomer]:
    return owned_by(select(PaymentCustomer), site_id, account_id)


def purchases(site_id: str, account_id: str) -> Select[Purchase]:
    return owned_by(select(Purchase), site_id, account_id)


def purchase(site_id: str, account_id: str, purchase_id: str) -> Select[Purchase]:
    return purchases(site_id, account_id).where(Purchase.id == purchase_id)


def open_purchase(wanted: Purchase, since: datetime) -> Select[Purchase]:
    """Find the purchase of the same thing that somebody began already and can go on with."""
    return (
        purchases(wanted.site_id, wanted.account_id)
        .where(
            Purchase.state == "open",
            Purchase.url.is_not(None),
            Purchase.created_at > since,
            Purchase.kind == wanted.kind,
            Purchase.item == wanted.item,
            Purchase.interval == wanted.interval,
            Purchase.currency == wanted.currency,
            Purchase.price_cents == wanted.price_cents,
            # The file may say by now that more comes for the same price.
            Purchase.credits == wanted.credits,
            Purchase.unit == wanted.unit,
            Purchase.expires_days == wanted.expires_days,
            Purchase.return_path == wanted.return_path,
            Purchase.code.is_not_distinct_from(wanted.code),
        )
        .order_by(Purchase.id.desc())
        .limit(1)
    )


def subscriptions(site_id: str, account_id: str) -> Select[Subscription]:
    """List subscriptions, newest first."""
    wanted = owned_by(select(Subscription), site_id, account_id)
    return wanted.order_by(Subscription.created_at.desc(), Subscription.id.desc())


def live_subscription(site_id: str, account_id: str) -> Select[Subscription]:
    return subscriptions(site_id, account_id).where(Subscription.status.in_(LIVE)).limit(1)


def other_open_plans(wanted: Purchase) -> Select[Purchase]:
    """List the plans that somebody stands at the till with, in other tabs."""
    return purchases(wanted.site_id, wanted.account_id).where(
        Purchase.state == "open",
        Purchase.kind == "plan",
        Purchase.session_id.is_not(None),
        Purchase.url.is_not(None),
        or_(Purchase.item != wanted.item, Purchase.interval != wanted.interval),
    )


def bills(site_id: str, account_id: str) -> Select[Bill]:
    return owned_by(select(Bill), site_id, account_id)


def bills_of(subscription_id: str) -> Select[Bill]:
    """List the bills of a subscription, oldest first."""
    mine = select(Bill).where(Bill.subscription_id == subscription_id)
    return mine.order_by(Bill.created_at, Bill.id)


def months_due(now: datetime, begin: str, after: str, limit: int) -> Select[PaymentCustomer]:
    """List customers who have a plan and no credits of it that last, by their identifiers.

    Parameters
    ----------
    now : datetime
        The moment.
    begin : str
        How causes of such credits begin, before the subscription's identifier.
    after : str
        The last identifier of the page before.
    limit : int
        The size of a page.
    """
    cause = literal(GRANT_KEY + begin) + Subscription.id + ":"
    last = (
        select(LedgerLot.id)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerLot.transaction_id)
        .where(
            LedgerLot.account_id == Subscription.account_id,
            LedgerLot.expires_at > now,
            LedgerTransaction.key.startswith(cause),
        )
    )
    subscribed = select(Subscription.id).where(
        Subscription.site_id == PaymentCustomer.site_id,
        Subscription.account_id == PaymentCustomer.account_id,
        Subscription.status.in_(LIVE),
        Subscription.period_end > now,
        ~last.exists(),
    )
    return (
        select(PaymentCustomer)
        .where(PaymentCustomer.id > after, subscribed.exists())
        .order_by(PaymentCustomer.id)
        .limit(limit)
    )


# --- what Stripe told ---------------------------------------------------------------------------


def customer_of(customer_id: str, sites: Collection[str]) -> Select[PaymentCustomer]:
    """Find whose customer it is, among the sites of one Stripe account."""
    return select(PaymentCustomer).where(
        PaymentCustomer.customer_id == customer_id, PaymentCustomer.site_id.in_(sites)
    )


def claim(row: PaymentCustomer) -> Update:
    """Lock a customer's row and count on, unless something was written since it was read."""
    return (
        update(PaymentCustomer)
        .where(PaymentCustomer.id == row.id, PaymentCustomer.revision == row.revision)
        .values(revision=PaymentCustomer.revision + 1)
        .returning(PaymentCustomer.revision)
    )


def name_customer(row_id: str, customer_id: str) -> Update:
    return (
        update(PaymentCustomer)
        .where(PaymentCustomer.id == row_id, PaymentCustomer.customer_id.is_(None))
        .values(customer_id=customer_id)
    )


def event(event_id: str) -> Select[StripeEvent]:
    return select(StripeEvent).where(StripeEvent.id == event_id)


def finish_event(event_id: str, state: str) -> Update:
    """Take an event off the list, once."""
    return (
        update(StripeEvent)
        .where(StripeEvent.id == event_id, StripeEvent.state == "received")
        .values(
            state=state,
            attempts=StripeEvent.attempts + 1,
            next_attempt_at=None,
            error=None,
        )
        .returning(StripeEvent.id)
    )


def due_events(now: datetime, limit: int) -> Select[str]:
    return (
        select(StripeEvent.id)
        .where(StripeEvent.state == "received", StripeEvent.next_attempt_at <= now)
        .order_by(StripeEvent.next_attempt_at)
        .limit(limit)
    )


def old_events(before: datetime) -> Delete:
    return delete(StripeEvent).where(
        StripeEvent.state != "received", StripeEvent.received_at < before
    )


def subscription(stripe_id: str) -> Select[Subscription]:
    return select(Subscription).where(Subscription.stripe_id == stripe_id)


def bill(stripe_id: str) -> Select[Bill]:
    return select(Bill).where(Bill.stripe_id == stripe_id)


def surplus_subscriptions(limit: int) -> Select[Subscription]:
    """List subscriptions of accounts that have had another one for longer."""
    return (
        select(Subscription)
        .where(Subscription.status.in_(LIVE), older_than(Subscription).exists())
        .order_by(Subscription.id)
        .limit(limit)
    )


def older_than(row: Subscription | type[Subscription]) -> Select[str]:
    """Find the live subscriptions of the same account that were there before one."""
    older = aliased(Subscription)
    return select(older.id).where(
        older.site_id == row.site_id,
        older.account_id == row.account_id,
        older.status.in_(LIVE),
        or_(
            older.created_at < row.created_at,
            and_(older.created_at == row.created_at, older.id < row.id),
        ),
    )


def abandoned(before: datetime, limit: int) -> Select[Purchase]:
    """List purchases whose page is over and that nobody told the end of.

    Those without a page that have a session wait for a payment that takes days.
    """
    return (
        select(Purchase)
        .where(
            Purchase.state == "open",
            Purchase.created_at < before,
            or_(Purchase.url.is_not(None), Purchase.session_id.is_(None)),
        )
        .order_by(Purchase.id)
        .limit(limit)
    )


def give_page(purchase_id: str, session_id: str, url: str) -> Update:
    """Note where a purchase is paid."""
    return (
        update(Purchase)
        .where(Purchase.id == purchase_id)
        .values(session_id=session_id, url=url)
        .returning(Purchase.id)
    )


def give_up(purchase_id: str) -> Update:
    return (
        update(Purchase)
        .where(Purchase.id == purchase_id, Purchase.state == "open")
        .values(state="expired", url=None)
    )


def last_bill(subscription_id: str) -> Select[Bill]:
    """Find what was paid last for a subscription."""
    return (
        select(Bill)
        .where(Bill.subscription_id == subscription_id, Bill.paid_cents > 0)
        .order_by(Bill.created_at.desc(), Bill.id.desc())
        .limit(1)
    )


def cursor(site_id: str) -> Select[datetime]:
    return select(StripeCursor.seen_until).where(StripeCursor.site_id == site_id)


def departures(now: datetime, limit: int) -> Select[StripeDeparture]:
    """List the customers that are to be removed and whose turn it is."""
    due = StripeDeparture.next_attempt_at
    return (
        select(StripeDeparture)
        .where(or_(due.is_(None), due <= now))
        .order_by(StripeDeparture.id)
        .limit(limit)
    )


# --- for the operator ---------------------------------------------------------------------------


def takings(first: datetime, after: datetime, site_id: str | None) -> Select[*tuple[Any, ...]]:
    """Sum what was paid between two moments, per site and currency."""
    columns = (Bill.total_cents, Bill.tax_cents, Bill.paid_cents)
    back = (Bill.refunded_cents, Bill.disputed_cents)
    went = Bill.refunded_cents + Bill.disputed_cents
    # Never more than was paid: of what was refunded in part, all may be disputed.
    less = case((went > Bill.paid_cents, Bill.paid_cents), else_=went)
    sums = [func.coalesce(func.sum(column), 0) for column in (*columns, *back, less)]
    wanted = (
        select(
            Bill.site_id,
            Bill.currency,
            func.count(),
            func.count(Bill.account_id.distinct()),
            *sums,
        )
        .where(Bill.paid_at >= first, Bill.paid_at < after, Bill.status == "paid")
        .group_by(Bill.site_id, Bill.currency)
        .order_by(Bill.site_id, Bill.currency)
    )
    return wanted if site_id is None else wanted.where(Bill.site_id == site_id)


def subscribers(site_id: str | None) -> Select[*tuple[Any, ...]]:
    """Count who has a plan that is paid, per site and plan."""
    wanted = (
        select(Subscription.site_id, Subscription.plan, Subscription.status, func.count())
        .where(Subscription.status.in_(LIVE))
        .group_by(Subscription.site_id, Subscription.plan, Subscription.status)
        .order_by(Subscription.site_id, Subscription.plan, Subscription.status)
    )
    return wanted if site_id is None else wanted.where(Subscription.site_id == site_id)


def plans_beyond(site_id: str, plans: Collection[str]) -> Select[Subscription]:
    """List what is paid for on a site and is none of these plans."""
    return select(Subscription).where(
        Subscription.site_id == site_id,
        Subscription.status.in_(LIVE),
        Subscription.plan.not_in(plans),
    )


def first_paid(site_id: str | None) -> Select[datetime | None]:
    wanted = select(func.min(Bill.paid_at))
    return wanted if site_id is None else wanted.where(Bill.site_id == site_id)


def remove_of_account(site_id: str, account_id: str) -> list[Delete | Update]:
    """Return what is done when an account goes: bills stay, without it and without addresses."""
    bare = {"account_id": None, "hosted_url": None, "pdf_url": None, "receipt_url": None}
    return [
        owned_by(update(Bill), site_id, account_id).values(bare),
        owned_by(delete(Subscription), site_id, account_id),
        owned_by(delete(Purchase), site_id, account_id),
        owned_by(delete(PaymentCustomer), site_id, account_id),
    ]
