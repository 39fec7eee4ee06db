# What somebody might try, and what bad luck brings: clocks that differ, keys that are gone for a
# while, pages of deleted accounts, banks that only ask, codes and prices of others.

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from stemhouse.db.session import transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerFlag
from stemhouse.domains.payments import catching_up, events
from stemhouse.domains.payments.departing import remove_departed
from stemhouse.domains.payments.tables import StripeDeparture, StripeEvent
from stemhouse.domains.payments.till import Till
from stemhouse.settings import SiteStripe
from stemhouse.testing.stripe import checkout
from stemhouse.testing.stripe.money import (
    create_refund,
    dispute,
    end_dispute,
    escalate,
    fail_refund,
)
from tests.service.conftest import MakeMember, Member
from tests.service.shop import BANK_FAILS, BANK_PAYS, PAYS, Shop
from tests.service.test_payments import buyer, catalogues, choose, fake, shop
from tests.service.test_payments_edges import leave
from tests.service.test_payments_ends import generous

__all__ = ["buyer", "catalogues", "fake", "generous", "shop"]


def lost_purchase(shop: Shop, buyer: Member) -> None:
    # Paid, and nothing of it has arrived.
    assert shop.pay(shop.url(buyer, kind="pack", item="ten")).status_code == 303
    shop.counter().seller.post.lose()


# --- clocks


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=366), -timedelta(days=2)])
def test_lost_events_are_found_however_wrong_the_clock_is(
    shop: Shop, buyer: Member, ahead: timedelta
) -> None:
    lost_purchase(shop, buyer)
    wrong = Till(shop.till.settings, shop.sessions, shop.till.sites, lambda: shop.clock() + ahead)

    with closing(wrong):
        catching_up.reconcile(wrong, "default", shop.clock() - timedelta(days=1))
        shop.clock.advance(600)
        lost_purchase(shop, buyer)
        catching_up.reconcile(wrong, "default")

    assert shop.purchases(buyer) == ["paid", "paid"]


# --- keys


def test_an_event_waits_for_the_key_of_its_site(shop: Shop, buyer: Member) -> None:
    lost_purchase(shop, buyer)
    (told,) = [
        one
        for one in shop.till.gateway("default").events(shop.clock() - timedelta(days=1))
        if one.kind == "checkout.session.completed"
    ]
    with transaction(shop.sessions) as session:
        events.store(session, "default", told, via="webhook", now=shop.clock())
    keyless = shop.till.settings.model_copy(update={"stripe_sites": {"default": SiteStripe()}})
    with closing(Till(keyless, shop.sessions, shop.till.sites, shop.clock)) as without:
        done = events.act(without, told.id)
    with transaction(shop.sessions, read_only=True) as session:
        waiting = session.get_one(StripeEvent, told.id)
    shop.clock.advance(60)

    shop.catch_up()

    assert (done, waiting.state, waiting.error) == (False, "received", "no_key")
    assert shop.credits(buyer) == 10


# --- answers that nobody understands


def test_one_thing_that_cannot_be_read_keeps_no_other_waiting(
    shop: Shop, buyer: Member, make_member: MakeMember
) -> None:
    shop.subscribe(buyer)
    account, other = shop.counter().account, make_member()
    (subscription,) = account.rows("subscription")
    account.tell("customer.subscription.updated", subscription)
    kept, subscription["items"]["data"] = subscription["items"]["data"], []
    assert shop.pay(shop.url(other, kind="pack", item="ten")).status_code == 303
    broken = account.tell("invoice.paid", {"id": "in_broken", "object": "invoice"})
    broken["data"] = {"object": None}
    shop.counter().seller.post.lose()

    shop.catch_up()
    waiting = [one for one in shop.events() if one[1] == "received"]
    credits = shop.credits(other)
    subscription["items"]["data"] = kept
    shop.clock.advance(60)
    shop.catch_up()

    assert credits == 10
    assert waiting == [("customer.subscription.updated", "received")]
    assert {state for _, state in shop.events()} == {"done"}


# --- accounts that go


@pytest.mark.parametrize(
    "asked", [{"kind": "pack", "item": "ten"}, {"kind": "plan", "item": "pro"}]
)
def test_nobody_pays_on_a_page_of_a_deleted_account(
    shop: Shop, buyer: Member, asked: dict[str, str]
) -> None:
    url = shop.url(buyer, **asked)
    leave(shop, buyer)

    shop.catch_up()
    answer = shop.pay(url)

    assert answer.status_code == 402
    assert not shop.counter().account.rows("charge")


def test_a_page_that_is_made_while_its_account_goes_is_closed(shop: Shop, buyer: Member) -> None:
    def go(event: dict[str, Any]) -> None:
        if event["type"] == "customer.created":
            leave(shop, buyer)

    shop.counter().account.on_event.append(go)

    answer = shop.checkout(buyer, kind="pack", item="ten")
    shop.catch_up()

    assert answer.status_code == 404
    account = shop.counter().account
    assert [one["status"] for one in account.rows("checkout.session")] == ["expired"]
    assert [one.get("deleted") for one in account.rows("customer")] == [True]
    with transaction(shop.sessions, read_only=True) as session:
        assert not session.scalars(select(StripeDeparture)).all()


def test_a_page_that_is_paid_while_it_is_closed_keeps_the_others_from_nothing(
    shop: Shop, buyer: Member
) -> None:
    shop.url(buyer, kind="pack", item="ten", currency="usd")
    shop.url(buyer, kind="pack", item="ten", currency="eur")
    shop.url(buyer, kind="plan", item="pro")
    gateway, account = shop.till.gateway("default"), shop.counter().account
    customer = account.rows("customer")[0]["id"]
    sessions = account.rows("checkout.session")

    def pay(event: dict[str, Any]) -> None:
        # Where one is closed, another one that is about to be is paid.
        if event["type"] == "checkout.session.expired":
            account.on_event.remove(pay)
            checkout.complete(account, sessions[1]["id"], PAYS)

    account.on_event.append(pay)

    gateway.expire_sessions(customer)

    closed = [one["status"] for one in account.rows("checkout.session")]
    assert closed == ["expired", "complete", "expired"]


def test_what_a_bank_pays_for_a_deleted_account_goes_back(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer, kind="pack", item="ten", currency="eur")
    shop.buy(buyer, kind="plan", item="pro", currency="eur")
    shop.pay(shop.url(buyer, kind="pack", item="ten", currency="eur"), BANK_PAYS)
    shop.deliver()
    leave(shop, buyer)

    shop.catch_up()
    account = shop.counter().account
    waiting = [one.get("deleted") for one in account.rows("customer")]
    subscribed = [one["status"] for one in account.rows("subscription")]
    shop.move(4)
    shop.catch_up()
    shop.catch_up()

    assert (waiting, subscribed) == ([None], ["canceled"])
    assert [one["amount"] for one in account.rows("refund")] == [450]
    assert [one.get("deleted") for one in account.rows("customer")] == [True]
    assert not departures(shop)


def test_a_customer_whose_bank_does_not_pay_goes_then(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten", currency="eur"), BANK_FAILS)
    leave(shop, buyer)

    shop.catch_up()
    waiting = departures(shop)
    shop.move(4)
    shop.catch_up()

    assert (len(waiting), departures(shop)) == (1, [])
    assert not shop.counter().account.rows("refund")


def test_a_customer_does_not_wait_for_a_bank_for_ever(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten", currency="eur"), BANK_PAYS)
    leave(shop, buyer)

    shop.catch_up()
    (left_at,) = departures(shop)
    # Here; at Stripe's it is still the day of the payment.
    shop.clock.advance((left_at - shop.clock()).total_seconds() + 31 * 86_400)
    shop.catch_up()

    assert not departures(shop)


def test_a_customer_who_waits_for_a_bank_is_asked_about_less_and_less(
    shop: Shop, buyer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten", currency="eur"), BANK_PAYS)
    leave(shop, buyer)
    gateway = shop.till.gateway("default")
    asked: list[float] = []
    ask, begin = gateway.complete_sessions, shop.clock()

    def counting(customer_id: str) -> Any:
        asked.append((shop.clock() - begin).total_seconds() / 60)
        return ask(customer_id)

    monkeypatch.setattr(gateway, "complete_sessions", counting)
    for _ in range(24 * 60):
        remove_departed(shop.till)
        shop.clock.advance(60)
    first_day = list(asked)
    shop.move(3)
    shop.catch_up()

    # The last pause is six hours, whoever asks: it is kept with the customer.
    assert first_day == [0, 2, 6, 14, 30, 62, 126, 254, 510, 870, 1230]
    assert not departures(shop)
    assert [one["amount"] for one in shop.counter().account.rows("refund")] == [450]


def test_a_customer_whom_stripe_does_not_remove_keeps_nobody_else_waiting(
    shop: Shop, buyer: Member, make_member: MakeMember
) -> None:
    shop.buy(buyer)
    leave(shop, buyer)
    shop.fake.broken = [500] * 10
    remove_departed(shop.till)
    shop.fake.broken = []

    remove_departed(shop.till)
    before = len(departures(shop))
    shop.clock.advance(120)
    remove_departed(shop.till)

    assert (before, departures(shop)) == (1, [])


def departures(shop: Shop) -> list[datetime]:
    with transaction(shop.sessions, read_only=True) as session:
        return [row.created_at for row in session.scalars(select(StripeDeparture))]


# --- banks that only ask


def test_an_inquiry_of_a_bank_takes_nothing_until_it_becomes_a_dispute(
    shop: Shop, buyer: Member
) -> None:
    shop.buy(buyer)
    account = shop.counter().account
    asked = dispute(account, account.rows("charge", paid=True)[0]["id"], inquiry=True)
    shop.deliver()
    meanwhile, bill = shop.credits(buyer), shop.bills(buyer)[0]

    escalate(account, asked["id"])
    shop.deliver()
    taken = shop.credits(buyer)
    end_dispute(account, asked, won=True)
    shop.deliver()

    assert (meanwhile, bill.disputed_cents, bill.dispute) == (10, 0, "warning_needs_response")
    assert (taken, shop.credits(buyer)) == (0, 10)


def test_an_inquiry_that_is_closed_took_nothing(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    account = shop.counter().account
    asked = dispute(account, account.rows("charge", paid=True)[0]["id"], inquiry=True)
    end_dispute(account, asked, won=False)

    shop.deliver()

    assert shop.plan(buyer) == "pro"
    assert shop.bills(buyer)[0].dispute == "warning_closed"


def test_what_paid_an_invoice_is_found_behind_what_was_given_up(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)
    account = shop.counter().account
    (invoice,) = account.rows("invoice")
    given_up = account.make("payment_intent", {"latest_charge": None, "amount": 1})
    payment = {"type": "payment_intent", "payment_intent": given_up["id"]}
    invoice["payments"]["data"].insert(0, {"status": "canceled", "payment": payment})

    shop.refund()

    assert (shop.credits(buyer), shop.bills(buyer)[0].refunded_cents) == (0, 500)


# --- credits that are held while they are to go back


@pytest.fixture
def waiting(shop: Shop, buyer: Member) -> Callable[[], None]:
    # Four of ten songs are on their way when the money goes back; they do not get done.
    shop.buy(buyer)
    whose = Owner(buyer.site_id, buyer.account_id)
    with transaction(shop.sessions) as session:
        Ledger(session, whose, "song", shop.clock()).hold("job_1", 4)
    shop.refund()

    def give_up() -> None:
        with transaction(shop.sessions) as session:
            Ledger(session, whose, "song", shop.clock()).refund("job_1")

    return give_up


def test_credits_that_were_held_go_back_when_their_song_does_not_get_done(
    shop: Shop, buyer: Member, waiting: Callable[[], None]
) -> None:
    before = (shop.credits(buyer), shop.flagged(buyer))

    waiting()

    assert (before, shop.credits(buyer), shop.flagged(buyer)) == ((0, 4), 0, 0)


@pytest.mark.usefixtures("waiting")
def test_credits_that_were_held_stay_missing_when_their_song_gets_done(
    shop: Shop, buyer: Member
) -> None:
    with transaction(shop.sessions) as session:
        whose = Owner(buyer.site_id, buyer.account_id)
        Ledger(session, whose, "song", shop.clock()).settle("job_1", 4)

    assert (shop.credits(buyer), shop.flagged(buyer)) == (0, 4)


def test_credits_that_went_back_late_come_back_whole_when_the_refund_fails(
    shop: Shop, buyer: Member, waiting: Callable[[], None]
) -> None:
    account = shop.counter().account
    waiting()

    fail_refund(account, account.rows("refund")[0]["id"])
    shop.deliver()

    assert (shop.credits(buyer), shop.flagged(buyer)) == (10, 0)
    assert shop.bills(buyer)[0].credits_short == 0


def test_credits_whose_loss_the_operator_took_are_not_taken_late(
    shop: Shop, buyer: Member, waiting: Callable[[], None]
) -> None:
    with transaction(shop.sessions) as session:
        session.execute(update(LedgerFlag).values(cleared_at=shop.clock()))

    waiting()

    assert shop.credits(buyer) == 4


def test_new_credits_do_not_pay_for_what_is_missing(
    shop: Shop, buyer: Member, waiting: Callable[[], None]
) -> None:
    shop.buy(buyer)
    whose = Owner(buyer.site_id, buyer.account_id)
    with transaction(shop.sessions) as session:
        ledger = Ledger(session, whose, "song", shop.clock())
        ledger.hold("job_2", 3)
        ledger.refund("job_2")
    kept = (shop.credits(buyer), shop.flagged(buyer))

    waiting()

    assert (kept, shop.credits(buyer), shop.flagged(buyer)) == ((10, 4), 10, 0)


# --- plans that are paid back


def test_a_plan_of_a_year_that_is_paid_back_takes_the_credits_of_this_month_too(
    generous: Shop, buyer: Member
) -> None:
    generous.subscribe(buyer, interval="year")
    generous.move(40)
    generous.catch_up()
    generous.spend(buyer, 10)

    generous.refund(2_000)
    half = generous.credits(buyer)
    generous.refund()

    assert half == 10
    assert (generous.plan(buyer), generous.credits(buyer), generous.flagged(buyer)) == (
        "free",
        0,
        10,
    )


def test_a_bill_of_an_earlier_period_takes_nothing_of_this_one(
    generous: Shop, buyer: Member
) -> None:
    generous.subscribe(buyer)
    generous.move(40)
    generous.spend(buyer, 10)
    account = generous.counter().account
    first = account.rows("charge", paid=True)[-1]["id"]

    create_refund(account, {"charge": first})
    generous.deliver()

    assert (generous.plan(buyer), generous.credits(buyer)) == ("pro", 30)


def test_a_dear_plan_for_an_hour_costs_a_whole_month(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    choose(shop, buyer, "max_month")
    shop.clock.advance(3_600)
    choose(shop, buyer, "pro_month")
    shop.move(1)

    assert shop.plan(buyer) == "max"
    assert sum(bill.paid_cents for bill in shop.bills(buyer)) == 1_000
