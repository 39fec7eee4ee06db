# Buying through the API, with the fake Stripe behind it: packs, plans, refunds, disputes.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stemhouse.db.session import SessionFactory
from stemhouse.settings import Settings
from stemhouse.sites import book
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.stripe import FakeStripe, running_stripe
from stemhouse.testing.stripe.account import FakeAccount
from tests.service.conftest import MakeMember, Member
from tests.service.shop import (
    DECLINED,
    DISPUTED,
    FAILS_LATER,
    Counter,
    Shop,
    open_app,
    posting,
    selling_settings,
    synced,
    without_pauses,
    write_shop,
)

KEYS = {"default": "sk_test_of_the_first_site", "second": "sk_test_of_the_second_site"}


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeStripe]:
    with running_stripe() as fake, without_pauses():
        yield fake


@pytest.fixture(scope="module")
def catalogues(
    fake: FakeStripe, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, FakeAccount]:
    # A catalogue takes many requests and is the same for all: it is made once, then copied.
    folder = tmp_path_factory.mktemp("catalogues")
    return {site: synced(fake, write_shop(folder, site)) for site in KEYS}


@pytest.fixture
def shop(
    catalogues: dict[str, FakeAccount],
    fake: FakeStripe,
    settings: Settings,
    sessions: SessionFactory,
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    # What a test writes into a site's file counts with the next request.
    monkeypatch.setattr(book, "LOOK_EVERY_S", 0.0)
    clients: list[TestClient] = []
    send = posting(lambda: clients[0])
    counters = {
        site: Counter(site, key, fake.open_account(key, clock=clock, send=send))
        for site, key in KEYS.items()
    }
    for site, counter in counters.items():
        counter.account.stock(catalogues[site])
    selling = selling_settings(settings, tmp_path / "sites", KEYS)
    selling = selling.model_copy(update={"stripe_api": fake.address})
    app = open_app(selling, clock, counters)
    with TestClient(app) as client:
        clients.append(client)
        shop = Shop(app, client, fake, clock, sessions, counters)
        with closing(shop.browser):
            yield shop


@pytest.fixture
def buyer(make_member: MakeMember) -> Member:
    return make_member()


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "sites" / "default" / "site.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


# --- packs


def test_a_pack_brings_its_credits_once_it_is_paid(shop: Shop, buyer: Member) -> None:
    url = shop.url(buyer, kind="pack", item="ten", return_path="/songs/job_1?tab=mix")

    answer = shop.pay(url)
    before = shop.credits(buyer)
    shop.deliver()
    purchase = shop.get(buyer, "/v1/purchases")["data"][0]
    invoice = shop.get(buyer, "/v1/invoices")["data"][0]

    back = f"http://testserver/s/default/songs/job_1?tab=mix&purchase={purchase['id']}"
    assert answer.headers["location"] == back
    assert (before, shop.credits(buyer)) == (0, 10)
    assert (purchase["state"], purchase["paid_cents"], purchase["url"]) == ("paid", 500, None)
    assert (invoice["status"], invoice["item"], invoice["total_cents"]) == ("paid", "ten", 500)
    assert invoice["receipt_url"]
    assert invoice["hosted_url"]


def test_credits_of_a_pack_expire_as_the_site_file_says(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)

    shop.clock.advance(365 * 86_400 - 10)
    before = shop.credits(buyer)
    shop.clock.advance(20)

    assert (before, shop.credits(buyer)) == (10, 0)


def test_a_declined_card_buys_nothing_and_may_try_again(shop: Shop, buyer: Member) -> None:
    url = shop.url(buyer, kind="pack", item="ten")

    declined = shop.pay(url, DECLINED)
    shop.deliver()
    nothing = (shop.credits(buyer), shop.purchases(buyer))
    shop.pay(url)
    shop.deliver()

    assert declined.status_code == 402
    assert nothing == (0, ["open"])
    assert (shop.credits(buyer), shop.purchases(buyer)) == (10, ["paid"])


def test_a_pack_that_holds_more_by_now_is_not_bought_on_the_page_of_before(
    shop: Shop, buyer: Member, tmp_path: Path
) -> None:
    before = shop.url(buyer, kind="pack", item="ten")
    edit(tmp_path, "credits = 10", "credits = 15")

    shop.pay(shop.url(buyer, kind="pack", item="ten"))
    shop.deliver()
    now = shop.credits(buyer)
    shop.pay(before)
    shop.deliver()

    # The page of before was opened for ten, and brings ten.
    assert (now, shop.credits(buyer)) == (15, 25)


def test_the_same_wish_again_leads_to_the_same_page(shop: Shop, buyer: Member) -> None:
    first = shop.url(buyer, kind="pack", item="ten")
    again = shop.url(buyer, kind="pack", item="ten")
    other = shop.url(buyer, kind="pack", item="ten", currency="eur")

    assert first == again
    assert other != first


def test_a_pack_is_sold_in_each_currency_of_the_site(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer, kind="pack", item="ten", currency="eur")

    bill = shop.bills(buyer)[0]

    assert (bill.currency, bill.paid_cents, shop.credits(buyer)) == ("eur", 450, 10)


def test_a_purchase_that_nobody_pays_expires(shop: Shop, buyer: Member) -> None:
    shop.url(buyer, kind="pack", item="ten")

    shop.move(2)

    assert shop.purchases(buyer) == ["expired"]


@pytest.mark.parametrize("code", ["HALF", "half"])
def test_a_code_of_the_site_makes_it_cheaper(shop: Shop, buyer: Member, code: str) -> None:
    shop.buy(buyer, kind="pack", item="ten", code=code)

    assert [bill.paid_cents for bill in shop.bills(buyer)] == [250]
    assert shop.credits(buyer) == 10


def test_a_code_that_the_site_does_not_have_is_refused(shop: Shop, buyer: Member) -> None:
    answer = shop.checkout(buyer, kind="pack", item="ten", code="NOTHING")

    assert answer.status_code == 400
    assert not shop.purchases(buyer)


def test_a_code_for_something_else_is_refused(shop: Shop, buyer: Member, tmp_path: Path) -> None:
    edit(tmp_path, "percent_off = 50", 'percent_off = 50\napplies_to = ["pro"]')
    shop.sync()

    answer = shop.checkout(buyer, kind="pack", item="ten", code="HALF")
    page = shop.browser.post(
        shop.url(buyer, kind="pack", item="ten"), data={"do": "code", "code": "HALF"}
    )

    assert (answer.status_code, page.status_code) == (400, 402)
    assert answer.json()["error"]["details"]["applies_to"] == ["pro"]
    assert shop.checkout(buyer, kind="plan", item="pro", code="HALF").status_code == 201


def test_a_code_for_a_first_purchase_works_once(shop: Shop, buyer: Member, tmp_path: Path) -> None:
    edit(tmp_path, "percent_off = 50", "percent_off = 50\nfirst_purchase = true")
    steps, again = shop.sync(), shop.sync()

    shop.buy(buyer, kind="pack", item="ten", code="HALF")
    answer = shop.checkout(buyer, kind="pack", item="ten", code="HALF")
    page = shop.browser.post(
        shop.url(buyer, kind="pack", item="ten"), data={"do": "code", "code": "HALF"}
    )

    assert (len(steps), again) == (2, [])
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [250]
    assert (answer.status_code, page.status_code) == (400, 402)
    assert "first purchase" in answer.json()["error"]["message"]


def test_a_code_that_stripe_has_switched_off_is_refused(shop: Shop, buyer: Member) -> None:
    for code in shop.counter().account.rows("promotion_code"):
        code["active"] = False

    answer = shop.checkout(buyer, kind="pack", item="ten", code="HALF")

    assert answer.status_code == 400
    assert shop.purchases(buyer) == ["failed"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"kind": "pack", "item": "hundred"}, 404),
        ({"kind": "plan", "item": "free"}, 404),
        ({"kind": "plan", "item": "max", "interval": "year"}, 404),
        ({"kind": "pack", "item": "ten", "currency": "gbp"}, 400),
        ({"kind": "pack", "item": "ten", "return_path": "//elsewhere.example"}, 422),
        ({"kind": "pack", "item": "ten", "return_path": "https://elsewhere.example"}, 422),
        ({"kind": "pack", "item": "ten", "return_path": "/\\elsewhere.example"}, 422),
        ({"kind": "gift", "item": "ten"}, 422),
    ],
)
def test_what_is_not_sold_is_refused(
    shop: Shop, buyer: Member, asked: dict[str, str], status: int
) -> None:
    assert shop.checkout(buyer, **asked).status_code == status


def test_guests_are_asked_to_make_an_account_first(shop: Shop) -> None:
    session = shop.client.post("/v1/session/guest").json()
    headers = {"X-CSRF-Token": session["csrf_token"]}

    answer = shop.client.post("/v1/checkout", json={"kind": "pack", "item": "ten"}, headers=headers)
    shop.client.cookies.clear()

    assert answer.status_code == 403
    assert "make an account first" in answer.json()["error"]["message"]


def test_prices_that_were_not_synced_are_not_sold(shop: Shop, buyer: Member) -> None:
    for price in shop.counter().account.rows("price"):
        price["currency_options"]["usd"]["unit_amount"] += 1

    answer = shop.checkout(buyer, kind="pack", item="ten")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "payments_refused"
    assert "billing sync" in answer.json()["error"]["message"]


def test_what_another_account_buys_is_not_there(
    shop: Shop, buyer: Member, make_member: MakeMember
) -> None:
    shop.buy(buyer)
    stranger = make_member()
    purchase = shop.get(buyer, "/v1/purchases")["data"][0]["id"]

    asked = shop.client.post(f"/v1/purchases/{purchase}/check", headers=stranger.headers)
    own = shop.client.post(f"/v1/purchases/{purchase}/check", headers=buyer.headers)

    assert asked.status_code == 404
    assert own.json()["state"] == "paid"
    assert shop.get(stranger, "/v1/purchases")["data"] == []
    assert shop.get(stranger, "/v1/invoices")["data"] == []
    assert shop.get(stranger, "/v1/store")["has_portal"] is False


def test_two_sites_are_paid_into_two_stripe_accounts(
    shop: Shop, buyer: Member, make_member: MakeMember
) -> None:
    other = make_member(site_id="second")

    shop.buy(buyer)
    shop.buy(other)

    first, second = (shop.counter(site).account.rows("charge") for site in ("default", "second"))
    assert (len(first), len(second)) == (1, 1)
    assert (shop.credits(buyer), shop.credits(other)) == (10, 10)
    assert [bill.site_id for bill in shop.bills(other)] == ["second"]


def test_a_key_of_one_site_opens_nothing_on_another(shop: Shop, buyer: Member) -> None:
    answer = shop.client.get("/s/second/v1/purchases", headers=buyer.headers)

    assert answer.status_code == 401


def test_tax_is_left_to_stripe_where_the_site_says_so(
    shop: Shop, buyer: Member, tmp_path: Path
) -> None:
    edit(tmp_path, "charges = true", "charges = true\ntax = true")
    untold = shop.checkout(buyer, kind="pack", item="ten", currency="eur")
    shop.sync()

    shop.buy(buyer, kind="pack", item="ten", currency="eur")

    bill = shop.bills(buyer)[0]
    assert untold.status_code == 503  # its prices do not say whether taxes are in them
    assert (bill.total_cents, bill.tax_cents) == (495, 45)


# --- plans


def test_a_plan_is_there_at_once(shop: Shop, buyer: Member) -> None:
    before = shop.plan(buyer)

    shop.subscribe(buyer)
    store = shop.get(buyer, "/v1/store")

    assert (before, shop.plan(buyer)) == ("free", "pro")
    assert store["subscription"]["plan"] == "pro"
    assert store["subscription"]["period_end"] == "2026-02-01T12:00:00.000Z"
    assert store["currencies"] == ["usd", "eur"]


def test_a_plan_by_the_year_lasts_a_year(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer, interval="year")

    shop.move(364)

    assert shop.plan(buyer) == "pro"
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [4_000]


def test_a_plan_renews_for_a_year_of_months(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)

    shop.move(365)

    assert shop.plan(buyer) == "pro"
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [400] * 13
    assert {state for _, state in shop.events()} == {"done"}


def test_a_declined_card_gives_no_plan(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="plan", item="pro"), DECLINED)
    shop.deliver()

    assert shop.plan(buyer) == "free"
    assert not shop.bills(buyer)


def test_a_dearer_plan_begins_at_once_and_costs_its_price_less_what_is_left(
    shop: Shop, buyer: Member
) -> None:
    shop.subscribe(buyer)
    shop.move(15.5)

    url = shop.url(buyer, kind="plan", item="max")
    price = shop.counter().account.rows("price", lookup_key="stemhouse_default_plan_max_month")
    shop.press(url, "change", price[0]["id"])
    shop.deliver()

    assert shop.plan(buyer) == "max"
    assert [bill.paid_cents for bill in shop.bills(buyer)] == [400, 800]
    assert shop.get(buyer, "/v1/store")["subscription"]["period_end"].startswith("2026-02-17")


def choose(shop: Shop, buyer: Member, name: str) -> None:
    # In the portal.
    price = shop.counter().account.rows("price", lookup_key=f"stemhouse_default_plan_{name}")
    shop.press(shop.portal(buyer), "change", price[0]["id"])
    shop.deliver()


@pytest.mark.parametrize(
    ("before", "interval", "cheaper", "days"),
    [("max", "month", "pro_month", 17), ("pro", "year", "max_month", 351)],
)
def test_a_cheaper_plan_and_a_shorter_rhythm_wait_until_the_period_ends(
    shop: Shop, buyer: Member, before: str, *, interval: str, cheaper: str, days: int
) -> None:
    shop.subscribe(buyer, before, interval=interval)
    shop.move(15.5)

    choose(shop, buyer, cheaper)
    waiting, now = shop.get(buyer, "/v1/store")["subscription"], shop.plan(buyer)
    paid = len(shop.bills(buyer))
    shop.move(days)
    then = shop.get(buyer, "/v1/store")["subscription"]

    after = cheaper.partition("_")[0]
    assert (waiting["changes_to"], now, paid) == (after, before, 1)
    assert (then["plan"], then["interval"], then["changes_to"]) == (after, "month", None)
    assert shop.plan(buyer) == after
    assert shop.bills(buyer)[-1].paid_cents == {"pro": 400, "max": 1_000}[after]


def test_a_change_that_waits_is_taken_back_before_another(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer, "max")
    choose(shop, buyer, "pro_month")

    again = shop.checkout(buyer, kind="plan", item="pro", interval="year")
    shop.press(again.json()["url"], "go_on")
    shop.deliver()
    kept = shop.get(buyer, "/v1/store")["subscription"]
    choose(shop, buyer, "pro_year")

    assert again.status_code == 201
    assert (kept["plan"], kept["changes_to"]) == ("max", None)
    assert shop.plan(buyer) == "pro"


def test_a_change_that_waits_is_over_when_the_plan_is_cancelled(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer, "max")
    choose(shop, buyer, "pro_month")

    shop.press(shop.portal(buyer), "cancel")
    shop.move(32)

    assert shop.plan(buyer) == "free"
    assert len(shop.bills(buyer)) == 1


def test_the_plan_that_is_there_is_not_sold_again(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)

    assert shop.checkout(buyer, kind="plan", item="pro").status_code == 409


def test_another_plan_must_have_the_currency_of_the_present_one(
    shop: Shop, buyer: Member, tmp_path: Path
) -> None:
    shop.subscribe(buyer, currency="eur")
    edit(tmp_path, "eur", "gbp")
    shop.sync()

    assert shop.checkout(buyer, kind="plan", item="max").status_code == 409


def test_a_plan_that_was_cancelled_lasts_until_its_period_ends(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)

    shop.press(shop.portal(buyer), "cancel")
    shop.deliver()
    ending = shop.get(buyer, "/v1/store")["subscription"]["ends_at"]
    shop.move(30)
    last_day = shop.plan(buyer)
    shop.move(2)

    assert ending == "2026-02-01T12:00:00.000Z"
    assert (last_day, shop.plan(buyer)) == ("pro", "free")
    assert shop.get(buyer, "/v1/store")["subscription"] is None


def test_a_plan_that_was_cancelled_ends_even_when_stripe_is_never_heard_of_again(
    shop: Shop, buyer: Member
) -> None:
    shop.subscribe(buyer)
    shop.press(shop.portal(buyer), "cancel")
    shop.deliver()

    shop.clock.advance(32 * 86_400)

    assert shop.plan(buyer) == "free"


def test_a_cancellation_that_is_taken_back_keeps_the_plan(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    portal = shop.portal(buyer)
    shop.press(portal, "cancel")
    shop.press(portal, "go_on")

    shop.move(32)

    assert shop.plan(buyer) == "pro"


def test_a_renewal_that_is_not_paid_has_its_time(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    shop.press(shop.portal(buyer), "card", FAILS_LATER)
    plans = []

    shop.move(32)
    store = shop.get(buyer, "/v1/store")["subscription"]
    for days in (0, 5, 2, 7):  # on day 32, 37, 39 and 46; it is tried on 34, 39 and 46
        shop.move(days)
        plans.append(shop.plan(buyer))
    unpaid = shop.bills(buyer)[-1]

    assert store["status"] == "past_due"
    assert store["grace_until"] == "2026-02-08T12:00:00.000Z"
    assert plans == ["pro", "pro", "free", "free"]
    assert (unpaid.status, unpaid.paid_cents) == ("open", 0)
    assert shop.get(buyer, "/v1/store")["subscription"] is None


def test_another_card_brings_the_plan_back(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    portal = shop.portal(buyer)
    shop.press(portal, "card", FAILS_LATER)
    shop.move(38.9)
    without = shop.plan(buyer)
    shop.press(portal, "card", "5555 5555 5555 4444")

    shop.move(1)

    assert (without, shop.plan(buyer)) == ("free", "pro")
    assert [bill.status for bill in shop.bills(buyer)] == ["paid", "paid"]


def test_a_code_makes_the_first_month_cheaper(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer, code="HALF")

    shop.move(40)

    assert [bill.paid_cents for bill in shop.bills(buyer)] == [200, 400]


def test_who_never_bought_has_no_portal(shop: Shop, buyer: Member) -> None:
    answer = shop.client.post("/v1/portal", json={}, headers=buyer.headers)

    assert answer.status_code == 404


# --- what goes back


def test_a_refund_takes_the_credits_back(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)

    shop.refund()

    bill = shop.bills(buyer)[0]
    assert (bill.refunded_cents, bill.credits_taken, shop.credits(buyer)) == (500, 10, 0)
    assert not shop.flagged(buyer)


def test_a_refund_in_parts_takes_its_part(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)
    left = []

    for cents in (120, 130, 250):
        shop.refund(cents)
        left.append(shop.credits(buyer))

    assert left == [8, 5, 0]


def test_credits_that_are_spent_cannot_be_taken_and_the_account_is_flagged(
    shop: Shop, buyer: Member
) -> None:
    shop.buy(buyer)
    shop.spend(buyer, 7)

    shop.refund()

    assert (shop.credits(buyer), shop.flagged(buyer)) == (0, 7)


def test_a_refund_that_comes_back_brings_the_credits_back(shop: Shop, buyer: Member) -> None:
    from stemhouse.testing.stripe.money import fail_refund

    shop.buy(buyer)
    shop.spend(buyer, 4)
    shop.refund()
    taken = shop.credits(buyer)

    account = shop.counter().account
    fail_refund(account, account.rows("refund")[0]["id"])
    shop.deliver()

    assert (taken, shop.credits(buyer)) == (0, 6)
    assert shop.bills(buyer)[0].refunded_cents == 0


@pytest.mark.parametrize(("won", "left"), [(True, 10), (False, 0)])
def test_a_dispute_takes_credits_until_it_is_won(
    shop: Shop, buyer: Member, won: bool, left: int
) -> None:
    shop.buy(buyer, DISPUTED)
    meanwhile = shop.credits(buyer)

    shop.close_dispute(won=won)

    assert (meanwhile, shop.credits(buyer)) == (0, left)
    assert shop.bills(buyer)[0].dispute == ("won" if won else "lost")


def test_a_plan_whose_payment_went_back_is_gone(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)

    shop.refund()
    without = shop.plan(buyer)
    shop.move(32)

    assert without == "free"
    assert shop.plan(buyer) == "pro"  # the next month was paid


def test_a_disputed_plan_is_back_when_the_dispute_is_won(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="plan", item="pro"), DISPUTED)
    shop.deliver()
    meanwhile = shop.plan(buyer)

    shop.close_dispute(won=True)

    assert (meanwhile, shop.plan(buyer)) == ("free", "pro")
