# How purchases end that do not simply get paid: banks that take days, pages that nobody pays, two
# tabs, upgrades that are refunded, credits that were spent before they went back.

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from stemhouse.db.session import transaction
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.payments.tables import Purchase, Subscription
from stemhouse.testing.stripe.checkout import expire_old
from stemhouse.testing.stripe.money import create_refund, fail_refund
from tests.service.conftest import Member
from tests.service.shop import BANK_FAILS, BANK_PAYS, DISPUTED, FAILS_LATER, PAYS, Shop
from tests.service.test_payments import buyer, catalogues, edit, fake, shop

__all__ = ["buyer", "catalogues", "fake", "shop"]


def upgraded(shop: Shop, buyer: Member) -> None:
    # From pro to max in the middle of the month: 400 cents, then 1,000 less the 200 that are left.
    shop.subscribe(buyer)
    shop.move(15.5)
    price = shop.counter().account.rows("price", lookup_key="stemhouse_default_plan_max_month")
    shop.press(shop.url(buyer, kind="plan", item="max"), "change", price[0]["id"])
    shop.deliver()
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [400, 800]


def refund_charge(shop: Shop, cents: int) -> None:
    account = shop.counter().account
    (charge,) = [one for one in account.rows("charge", paid=True) if one["amount"] == cents]
    create_refund(account, {"charge": charge["id"]})
    shop.deliver()


def subscriptions(shop: Shop, buyer: Member) -> list[tuple[str, str]]:
    with transaction(shop.sessions, read_only=True) as session:
        mine = select(Subscription).where(Subscription.account_id == buyer.account_id)
        rows = session.scalars(mine.order_by(Subscription.created_at, Subscription.id))
        return [(row.plan, row.status) for row in rows]


def operate(shop: Shop, member: Member) -> None:
    with transaction(shop.sessions) as session:
        session.get_one(Account, member.account_id).operates = "all"


# --- payments that take days


def test_a_bank_that_pays_after_days_brings_the_credits_then(shop: Shop, buyer: Member) -> None:
    url = shop.url(buyer, kind="pack", item="ten", currency="eur")
    shop.pay(url, BANK_PAYS)
    shop.deliver()
    waiting = shop.get(buyer, "/v1/purchases")["data"][0]
    before = shop.credits(buyer)

    shop.move(4)

    assert (waiting["state"], waiting["url"], before) == ("open", None, 0)
    assert (shop.purchases(buyer), shop.credits(buyer)) == (["paid"], 10)
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [450]


def test_a_bank_that_does_not_pay_ends_the_purchase(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten", currency="eur"), BANK_FAILS)

    shop.move(4)

    assert (shop.purchases(buyer), shop.credits(buyer)) == (["failed"], 0)


def test_while_a_bank_takes_its_time_the_same_thing_can_be_bought_again(
    shop: Shop, buyer: Member
) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten", currency="eur"), BANK_FAILS)
    shop.deliver()

    shop.buy(buyer, kind="pack", item="ten", currency="eur")
    shop.move(4)

    assert (shop.purchases(buyer), shop.credits(buyer)) == (["failed", "paid"], 10)


# --- pages that nobody pays


def test_a_purchase_whose_end_nobody_told_is_asked_for(shop: Shop, buyer: Member) -> None:
    shop.url(buyer, kind="pack", item="ten")
    account, expired = shop.counter().account, shop.clock() + timedelta(days=1)
    shop.clock.advance(40 * 86_400)
    with account.at(int(expired.timestamp())):
        expire_old(account)
    shop.counter().seller.post.lose()

    shop.catch_up()  # Stripe tells of the last 29 days alone

    assert shop.purchases(buyer) == ["expired"]
    assert not shop.events()


@pytest.mark.parametrize("session_id", [None, "cs_test_of_another_account"])
def test_a_purchase_that_never_came_to_a_page_expires(
    shop: Shop, buyer: Member, session_id: str | None
) -> None:
    shop.url(buyer, kind="pack", item="ten")
    with transaction(shop.sessions) as session:
        url = None if session_id is None else "https://checkout.example"
        session.execute(update(Purchase).values(session_id=session_id, url=url))
    shop.catch_up()
    young = shop.purchases(buyer)

    shop.clock.advance(26 * 3_600)
    shop.catch_up()

    assert (young, shop.purchases(buyer)) == (["open"], ["expired"])


def test_abandoned_purchases_wait_while_stripe_is_away(shop: Shop, buyer: Member) -> None:
    shop.url(buyer, kind="pack", item="ten")
    shop.clock.advance(26 * 3_600)
    shop.fake.broken = [500] * 100

    shop.catch_up()
    shop.fake.broken = []
    away = shop.purchases(buyer)
    shop.move(0.1)

    assert (away, shop.purchases(buyer)) == (["open"], ["expired"])


# --- two tabs


def test_another_plan_in_another_tab_closes_the_page_of_the_first(
    shop: Shop, buyer: Member
) -> None:
    first = shop.url(buyer, kind="plan", item="pro")
    shop.url(buyer, kind="pack", item="ten")

    second = shop.url(buyer, kind="plan", item="max")
    too_late = shop.pay(first)
    shop.pay(second)
    shop.deliver()

    assert too_late.status_code == 402
    assert shop.purchases(buyer) == ["expired", "open", "paid"]
    assert subscriptions(shop, buyer) == [("max", "active")]


def test_a_plan_that_was_paid_in_another_tab_a_moment_ago_leads_to_the_portal(
    shop: Shop, buyer: Member
) -> None:
    shop.pay(shop.url(buyer, kind="plan", item="pro"))
    shop.counter().seller.post.lose()

    second = shop.checkout(buyer, kind="plan", item="max")

    assert second.status_code == 201
    assert "/p/session/" in second.json()["url"]
    assert shop.purchases(buyer) == ["paid"]
    assert shop.plan(buyer) == "pro"


def both_paid(shop: Shop, buyer: Member, second: str = PAYS) -> None:
    # Two tabs, so close together that neither closed the other's page.
    pro = shop.url(buyer, kind="plan", item="pro")
    with transaction(shop.sessions) as session:
        hidden = session.scalars(select(Purchase)).one()
        kept, hidden.url = hidden.url, None
    best = shop.url(buyer, kind="plan", item="max")
    with transaction(shop.sessions) as session:
        session.execute(update(Purchase).where(Purchase.item == "pro").values(url=kept))
    assert shop.pay(pro).status_code == 303
    shop.clock.advance(1)
    assert shop.pay(best, second).status_code == 303


@pytest.mark.parametrize("back", ["webhooks", "page"])
def test_two_plans_that_were_paid_at_once_become_one_and_the_second_is_paid_back(
    shop: Shop, buyer: Member, back: str
) -> None:
    both_paid(shop, buyer)

    if back == "page":
        for purchase in reversed(shop.get(buyer, "/v1/purchases")["data"]):
            path = f"/v1/purchases/{purchase['id']}/check"
            assert shop.client.post(path, headers=buyer.headers).status_code == 200
    shop.deliver()
    shop.deliver()  # of the refund and the end
    shop.move(40)

    assert subscriptions(shop, buyer) == [("pro", "active"), ("max", "canceled")]
    assert shop.plan(buyer) == "pro"
    bills = [(bill.item, bill.paid_cents, bill.refunded_cents) for bill in shop.bills(buyer)]
    assert bills == [("pro", 400, 0), ("max", 1_000, 1_000), ("pro", 400, 0)]
    assert not shop.flagged(buyer)


def test_a_second_plan_is_paid_back_later_where_a_process_dies_or_stripe_is_away(
    shop: Shop, buyer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_paid(shop, buyer)
    with monkeypatch.context() as patch:
        # It died between writing what was paid and giving it back.
        patch.setattr("stemhouse.domains.payments.surplus.undo", lambda _: None)
        shop.deliver()
    shop.fake.broken = [500] * 100
    shop.catch_up()
    shop.fake.broken = []
    meanwhile = (subscriptions(shop, buyer), shop.plan(buyer))

    shop.catch_up()
    shop.catch_up()

    assert meanwhile == ([("pro", "active"), ("max", "active")], "pro")
    assert subscriptions(shop, buyer) == [("pro", "active"), ("max", "canceled")]
    assert len(shop.counter().account.rows("refund")) == 1


def test_a_second_plan_whose_payment_is_disputed_is_ended(shop: Shop, buyer: Member) -> None:
    both_paid(shop, buyer, second=DISPUTED)

    shop.deliver()
    shop.deliver()

    assert subscriptions(shop, buyer) == [("pro", "active"), ("max", "canceled")]
    assert (shop.plan(buyer), shop.counter().account.rows("refund")) == ("pro", [])


def test_a_second_plan_that_was_paid_back_by_hand_is_ended_all_the_same(
    shop: Shop, buyer: Member
) -> None:
    both_paid(shop, buyer)
    refund_charge(shop, 1_000)

    shop.catch_up()

    assert subscriptions(shop, buyer) == [("pro", "active"), ("max", "canceled")]
    assert len(shop.counter().account.rows("refund")) == 1


# --- upgrades and what goes back


def test_a_plan_is_gone_when_what_began_its_period_is_refunded(shop: Shop, buyer: Member) -> None:
    upgraded(shop, buyer)

    refund_charge(shop, 400)  # of the period before
    before = shop.plan(buyer)
    refund_charge(shop, 800)

    assert (before, shop.plan(buyer)) == ("max", "free")


def test_a_part_of_an_upgrade_that_is_refunded_leaves_the_plan(shop: Shop, buyer: Member) -> None:
    upgraded(shop, buyer)

    shop.refund(799)

    assert shop.plan(buyer) == "max"


def test_a_renewal_that_is_not_paid_has_no_grace_after_a_refund(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    shop.press(shop.portal(buyer), "card", FAILS_LATER)
    shop.move(31.5)
    late = shop.plan(buyer)

    refund_charge(shop, 400)

    assert (late, shop.plan(buyer)) == ("pro", "free")


def test_a_subscription_whose_begin_was_never_told_goes_by_its_last_bill(
    shop: Shop, buyer: Member
) -> None:
    upgraded(shop, buyer)
    refund_charge(shop, 800)
    with transaction(shop.sessions) as session:
        session.execute(update(Subscription).values(period_start=None))

    shop.buy(buyer)

    assert shop.plan(buyer) == "free"


# --- credits that were spent before they went back


def test_an_operator_decides_about_credits_that_are_missing(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)
    shop.spend(buyer, 7)
    shop.refund()
    operate(shop, buyer)

    (flag,) = shop.get(buyer, "/v1/admin/flags?cleared=false")["data"]
    path = f"/v1/admin/flags/{flag['id']}/clear"
    answers = [
        shop.client.post(path, json={"reason": "a friend"}, headers=buyer.headers) for _ in range(2)
    ]

    assert (flag["short"], flag["unit"], flag["note"]) == (7, "song", "paid back: ten")
    assert flag["owner"]["id"] == buyer.account_id
    assert [answer.json()["cleared_at"] is not None for answer in answers] == [True, True]
    assert shop.flagged(buyer) == 0
    assert shop.get(buyer, "/v1/admin/flags?cleared=false")["data"] == []
    assert len(shop.get(buyer, "/v1/admin/flags?cleared=true")["data"]) == 1
    (deed,) = shop.get(buyer, "/v1/admin/actions")["data"]
    assert (deed["kind"], deed["reason"], deed["data"]["short"]) == ("flag_cleared", "a friend", 7)


def test_a_flag_of_another_site_is_not_there(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)
    shop.spend(buyer, 7)
    shop.refund()
    with transaction(shop.sessions) as session:
        session.get_one(Account, buyer.account_id).operates = "site"

    answer = shop.client.post("/v1/admin/flags/led_none/clear", json={}, headers=buyer.headers)

    assert answer.status_code == 404


def test_money_that_comes_back_after_all_clears_the_flag(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)
    shop.spend(buyer, 7)
    shop.refund()
    missing = shop.flagged(buyer)

    account = shop.counter().account
    fail_refund(account, account.rows("refund")[0]["id"])
    shop.deliver()

    assert (missing, shop.flagged(buyer), shop.credits(buyer)) == (7, 0, 3)


# --- credits that come with a plan


@pytest.fixture
def generous(shop: Shop, tmp_path: Path) -> Shop:
    # The plan brings 40 songs a month.
    edit(tmp_path, "max_duration_s = 1200", "max_duration_s = 1200\ncredits_per_month = 40")
    return shop


def test_credits_of_a_plan_that_nobody_used_are_not_missing(generous: Shop, buyer: Member) -> None:
    generous.subscribe(buyer)

    generous.refund()

    assert (generous.plan(buyer), generous.flagged(buyer)) == ("free", 0)
    assert (generous.credits(buyer), generous.bills(buyer)[0].credits_taken) == (0, 40)


def test_credits_of_a_plan_that_went_back_go_and_those_that_were_spent_are_missing(
    generous: Shop, buyer: Member
) -> None:
    generous.subscribe(buyer)
    generous.spend(buyer, 30)

    generous.refund()
    without = (generous.credits(buyer), generous.flagged(buyer))
    account = generous.counter().account
    fail_refund(account, account.rows("refund")[0]["id"])
    generous.deliver()
    back = (generous.credits(buyer), generous.flagged(buyer))
    generous.clock.advance(32 * 86_400)

    assert (without, back) == ((0, 30), (10, 0))
    assert generous.credits(buyer) == 0


def test_credits_of_a_plan_whose_month_is_over_are_not_missing(
    generous: Shop, buyer: Member
) -> None:
    generous.subscribe(buyer)
    generous.spend(buyer, 10)
    generous.clock.advance(31.5 * 86_400)

    generous.refund()

    assert (generous.credits(buyer), generous.flagged(buyer)) == (0, 10)
    assert generous.bills(buyer)[0].credits_taken == 10
