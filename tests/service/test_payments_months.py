# Credits that come with a plan: a month's for each month that is paid, from the day on which the
# period began, whatever the calendar says.

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from stemhouse.db.session import transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.billing.checking import check_books
from stemhouse.domains.billing.free import cause_of_month
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerLot
from stemhouse.domains.payments.tables import Bill, Subscription
from stemhouse.testing.stripe.money import create_refund, fail_refund
from stemhouse.testing.stripe.subscriptions import cancel
from tests.service.conftest import Member
from tests.service.shop import FAILS_LATER, PAYS, Shop
from tests.service.test_payments import buyer, catalogues, choose, edit, fake, shop

__all__ = ["buyer", "catalogues", "fake", "shop"]


@pytest.fixture
def generous(shop: Shop, tmp_path: Path) -> Shop:
    # Pro brings 40 songs a month, max 100; nothing is free but two songs.
    edit(tmp_path, "max_duration_s = 1200", "max_duration_s = 1200\ncredits_per_month = 40")
    edit(tmp_path, "max_duration_s = 3600", "max_duration_s = 3600\ncredits_per_month = 100")
    return shop


def go_to(shop: Shop, day: datetime) -> None:
    shop.move((day - shop.clock()).total_seconds() / 86_400)


def lots(shop: Shop, buyer: Member) -> list[tuple[int, datetime | None]]:
    with transaction(shop.sessions, read_only=True) as session:
        mine = select(LedgerLot).where(LedgerLot.account_id == buyer.account_id)
        rows = session.scalars(mine.order_by(LedgerLot.transaction_id)).all()
        return [(row.amount, row.expires_at) for row in rows]


def sound(shop: Shop) -> bool:
    with transaction(shop.sessions, read_only=True) as session:
        return not check_books(session, shop.clock())


def test_one_payment_at_the_end_of_a_month_brings_the_credits_of_one_month(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    go_to(shop, datetime(2026, 1, 30, 12, tzinfo=UTC))

    shop.subscribe(buyer)
    shop.spend(buyer, 40)
    go_to(shop, datetime(2026, 2, 2, tzinfo=UTC))
    shop.catch_up()
    february = shop.credits(buyer)
    go_to(shop, datetime(2026, 3, 1, tzinfo=UTC))

    end = datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert february == 0
    assert lots(shop, buyer) == [(40, end), (40, datetime(2026, 3, 30, 12, tzinfo=UTC))]
    assert (shop.credits(buyer), sum(bill.paid_cents for bill in shop.bills(buyer))) == (40, 800)


def test_a_year_that_is_paid_brings_credits_on_the_same_day_of_each_month(
    generous: Shop, buyer: Member
) -> None:
    shop, begin = generous, datetime(2026, 1, 31, 12, tzinfo=UTC)
    go_to(shop, begin)
    shop.subscribe(buyer, interval="year")

    for _ in range(0, 364, 4):
        shop.clock.advance(4 * 86_400)
        shop.catch_up()

    days = [end.day for _, end in lots(shop, buyer) if end is not None]
    assert days == [28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31]
    assert [amount for amount, _ in lots(shop, buyer)] == [40] * 12
    assert lots(shop, buyer)[-1][1] == begin.replace(year=2027)
    assert shop.credits(buyer) == 40
    shop.move(2)
    assert len(lots(shop, buyer)) == 13  # with the next year's payment
    assert sound(shop)


def test_a_renewal_that_is_not_paid_brings_nothing_until_it_is(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.press(shop.portal(buyer), "card", FAILS_LATER)

    shop.move(32)
    shop.catch_up()
    late = (shop.plan(buyer), shop.credits(buyer))
    shop.press(shop.portal(buyer), "card", PAYS)
    shop.move(6)

    assert late == ("pro", 0)
    assert (shop.plan(buyer), shop.credits(buyer)) == ("pro", 40)
    (row,) = rows(shop, Subscription)
    assert lots(shop, buyer)[-1] == (40, row.period_end)


def rows(shop: Shop, table: Any) -> list[Any]:
    with transaction(shop.sessions, read_only=True) as session:
        return list(session.scalars(select(table)))


def test_an_upgrade_brings_less_by_what_was_left_of_the_plan_before(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.spend(buyer, 40)
    shop.move(15.5)

    choose(shop, buyer, "max_month")
    shop.catch_up()

    # 400 cents for half a month of pro and its 20 songs, and for half of what max costs; then the
    # rest of max: what was spent too early of pro is in its 100.
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [400, 800]
    assert (shop.credits(buyer), [bill.credits for bill in shop.bills(buyer)]) == (80, [40, 80])
    notes = [one["note"] for one in shop.get(buyer, "/v1/balance")["lots"]]
    assert notes == ["credits of max, less 20 that pro brought for the time"]


@pytest.mark.parametrize("order", range(4))
def test_an_upgrade_brings_the_same_however_its_events_come(
    generous: Shop, buyer: Member, order: int
) -> None:
    shop, post = generous, generous.counter().seller.post
    shop.subscribe(buyer)
    shop.move(15.5)
    price = shop.counter().account.rows("price", lookup_key="stemhouse_default_plan_max_month")
    shop.press(shop.url(buyer, kind="plan", item="max"), "change", price[0]["id"])

    post.deliver(times=3, shuffled=random.Random(order))
    post.again()
    shop.catch_up()

    assert (shop.credits(buyer), len(lots(shop, buyer))) == (120, 2)
    assert sound(shop)


def test_a_year_instead_of_a_month_does_not_bring_the_month_twice(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.clock.advance(30)

    choose(shop, buyer, "pro_year")
    shop.catch_up()
    now = shop.credits(buyer)
    came_with = [bill.credits for bill in shop.bills(buyer)]
    shop.move(32)
    shop.catch_up()

    # The seconds that went by are a part of a song.
    assert (now, came_with, shop.credits(buyer)) == (41, [40, 1], 40)
    assert sound(shop)


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_a_plan_that_was_changed_at_once_goes_with_the_money_of_the_change(
    generous: Shop, buyer: Member, seconds: int
) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.clock.advance(seconds)
    choose(shop, buyer, "pro_year")
    account = shop.counter().account
    dear = max(account.rows("charge", paid=True), key=lambda one: one["amount"])

    create_refund(account, {"charge": dear["id"]})
    shop.deliver()
    shop.move(32)
    shop.catch_up()

    assert (shop.plan(buyer), shop.credits(buyer)) == ("free", 0)


def test_a_cheaper_plan_brings_its_credits_when_it_begins(generous: Shop, buyer: Member) -> None:
    shop = generous
    shop.subscribe(buyer, "max")
    choose(shop, buyer, "pro_month")
    shop.catch_up()
    before = shop.credits(buyer)

    shop.move(32)

    assert (before, shop.credits(buyer), shop.plan(buyer)) == (100, 40, "pro")


def test_what_was_paid_for_lasts_when_a_plan_is_cancelled_and_nothing_comes_after_it(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.press(shop.portal(buyer), "cancel")
    shop.deliver()
    shop.move(20)
    kept = (shop.plan(buyer), shop.credits(buyer))

    shop.move(20)
    shop.catch_up()

    assert kept == ("pro", 40)
    assert (shop.plan(buyer), shop.credits(buyer), len(lots(shop, buyer))) == ("free", 0, 1)


def test_a_month_that_nobody_told_of_is_given_later(generous: Shop, buyer: Member) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.move(33, deliver=False)
    shop.counter().seller.post.lose()

    shop.catch_up()

    assert (shop.credits(buyer), len(lots(shop, buyer))) == (40, 2)


def test_each_month_of_a_year_that_went_back_in_part_is_a_part(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    shop.subscribe(buyer, interval="year")
    shop.refund(1_000)
    first = shop.credits(buyer)
    shop.move(32)
    shop.catch_up()
    shop.catch_up()
    second = shop.credits(buyer)

    shop.refund(3_000)
    shop.move(40)
    shop.catch_up()

    assert (first, second) == (30, 30)
    # Of the first month 30 songs were there and went by: nobody misses them.
    assert (shop.credits(buyer), shop.flagged(buyer), shop.plan(buyer)) == (0, 0, "free")
    assert len(lots(shop, buyer)) == 2
    assert sound(shop)


def test_a_refund_of_an_upgrade_takes_what_came_with_it(generous: Shop, buyer: Member) -> None:
    shop = generous
    shop.subscribe(buyer)
    shop.move(15.5)
    choose(shop, buyer, "max_month")
    account = shop.counter().account
    (charge,) = [one for one in account.rows("charge", paid=True) if one["amount"] == 800]

    refund = create_refund(account, {"charge": charge["id"]})
    shop.deliver()
    without = (shop.plan(buyer), shop.credits(buyer))
    fail_refund(account, refund["id"])
    shop.deliver()

    assert without == ("free", 40)  # pro's, which is paid
    assert (shop.plan(buyer), shop.credits(buyer), shop.flagged(buyer)) == ("max", 120, 0)


def test_who_buys_a_plan_again_has_all_of_it_and_still_owes_what_went_back(
    generous: Shop, buyer: Member
) -> None:
    shop, account = generous, generous.counter().account
    shop.subscribe(buyer)
    shop.spend(buyer, 30)
    shop.refund()
    cancel(account, {}, account.rows("subscription")[0]["id"])
    shop.deliver()
    owed = (shop.credits(buyer), shop.flagged(buyer))

    shop.subscribe(buyer)

    assert owed == (0, 30)
    assert (shop.credits(buyer), shop.flagged(buyer)) == (40, 30)


# --- credits that an older version gave by the calendar


@pytest.fixture
def old(generous: Shop, buyer: Member) -> Callable[[], None]:
    # Writes down what came with the calendar's month, in place of what comes now.
    def give() -> None:
        now = generous.clock()
        end = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
        with transaction(generous.sessions) as session:
            owner = Owner(buyer.site_id, buyer.account_id)
            ledger = Ledger(session, owner, "song", now)
            ledger.grant(40, cause=cause_of_month(now, "pro"), note="credits", expires_at=end)
            session.execute(update(Bill).values(credits=40))

    return give


def without_credits(shop: Shop, tmp_path: Path) -> None:
    edit(tmp_path, "credits_per_month = 40", "credits_per_month = 0")


def test_what_an_older_version_gave_for_a_payment_is_not_given_again(
    generous: Shop, buyer: Member, tmp_path: Path, *, old: Callable[[], None]
) -> None:
    shop = generous
    without_credits(shop, tmp_path)
    shop.move(10)
    shop.subscribe(buyer)
    old()
    edit(tmp_path, "credits_per_month = 0", "credits_per_month = 40")

    shop.catch_up()
    upgraded = shop.credits(buyer)
    shop.move(31)

    assert (upgraded, shop.credits(buyer), len(lots(shop, buyer))) == (40, 40, 2)


def test_what_an_older_version_gave_goes_back_with_its_payment(
    generous: Shop, buyer: Member, tmp_path: Path, *, old: Callable[[], None]
) -> None:
    shop = generous
    without_credits(shop, tmp_path)
    shop.subscribe(buyer)
    old()
    shop.spend(buyer, 30)

    shop.refund()

    assert (shop.plan(buyer), shop.credits(buyer), shop.flagged(buyer)) == ("free", 0, 30)


def test_a_payment_of_before_that_brought_nothing_yet_brings_it(
    generous: Shop, buyer: Member, tmp_path: Path
) -> None:
    shop = generous
    without_credits(shop, tmp_path)
    shop.subscribe(buyer)
    edit(tmp_path, "credits_per_month = 0", "credits_per_month = 40")

    shop.catch_up()
    shop.catch_up()

    assert (shop.credits(buyer), len(lots(shop, buyer))) == (40, 1)


# --- hostile


def test_a_subscriber_who_goes_up_and_down_gains_nothing(generous: Shop, buyer: Member) -> None:
    shop, gained = generous, 0
    shop.subscribe(buyer)
    for _ in range(3):
        gained += shop.credits(buyer)
        shop.spend(buyer, shop.credits(buyer))
        shop.clock.advance(600)
        choose(shop, buyer, "max_month")
        gained += shop.credits(buyer)
        shop.spend(buyer, shop.credits(buyer))
        choose(shop, buyer, "pro_month")
        shop.move(33)
        shop.catch_up()

    paid = sum(bill.paid_cents for bill in shop.bills(buyer))
    # A song costs 10 cents in either plan. Parts of a song are the customer's, once an upgrade.
    assert 3 * 1_000 <= 10 * gained <= paid + 3 * 10


def test_nobody_is_left_with_credits_of_a_plan_when_the_account_goes(
    generous: Shop, buyer: Member
) -> None:
    shop = generous
    shop.subscribe(buyer, interval="year")
    with transaction(shop.sessions) as session:
        account = session.get_one(Account, buyer.account_id)
        session.delete(account)
    shop.clock.advance(40 * 86_400)

    shop.catch_up()

    assert rows(shop, LedgerLot) == []
