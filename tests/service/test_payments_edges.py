# What hardly ever happens to payments, and must go well all the same: events that wait for days,
# that others overtake, that are about nothing here; sites without a key; accounts that go.

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from stemhouse.db.session import transaction
from stemhouse.domains.accounts import service_ownership
from stemhouse.domains.accounts.tables import Alarm
from stemhouse.domains.payments import catching_up, events, queries
from stemhouse.domains.payments.catalogue import take
from stemhouse.domains.payments.gateway import StripeGateway
from stemhouse.domains.payments.portal import plan_portal
from stemhouse.domains.payments.tables import (
    Bill,
    PaymentCustomer,
    Purchase,
    StripeCursor,
    StripeDeparture,
    StripeEvent,
    Subscription,
)
from stemhouse.domains.payments.till import Till
from stemhouse.errors import NotFound, PaymentsRefused
from stemhouse.http.bodies import MOST_BYTES
from stemhouse.testing.sites import write_site
from stemhouse.testing.stripe.money import fail_refund
from stemhouse.testing.stripe.webhooks import signed
from tests.service.conftest import Member
from tests.service.shop import PAYS, Shop
from tests.service.test_payments import buyer, catalogues, edit, fake, shop

__all__ = ["buyer", "catalogues", "fake", "shop"]


def stored(shop: Shop, buyer: Member) -> str:
    # An event that is there and that nobody has acted on.
    shop.pay(shop.url(buyer, kind="pack", item="ten"))
    shop.counter().seller.post.lose()
    (told,) = [
        one
        for one in shop.till.gateway("default").events(shop.clock() - timedelta(days=1))
        if one.kind == "checkout.session.completed"
    ]
    with transaction(shop.sessions) as session:
        assert events.store(session, "default", told, via="webhook", now=shop.clock())
        assert not events.store(session, "default", told, via="asked", now=shop.clock())
    return told.id


def event(shop: Shop, event_id: str) -> StripeEvent:
    with transaction(shop.sessions, read_only=True) as session:
        return session.get_one(StripeEvent, event_id)


def send(shop: Shop, body: bytes, site: str = "default") -> Any:
    headers = signed(body, shop.counter().secret, int(shop.clock().timestamp()))
    return shop.client.post(f"/s/{site}/v1/stripe/webhooks", content=body, headers=headers)


# --- events that wait


def test_an_event_waits_longer_each_time_and_is_given_up_after_two_days(
    shop: Shop, buyer: Member
) -> None:
    event_id, pauses = stored(shop, buyer), []
    shop.fake.broken = [500] * 1_000

    for _ in range(11):
        assert not events.act(shop.till, event_id)
        due = event(shop, event_id).next_attempt_at
        assert due is not None
        pauses.append((due - shop.clock()).total_seconds())
        shop.clock.advance(pauses[-1])
    with transaction(shop.sessions) as session:
        session.execute(update(StripeEvent).values(attempts=events.MOST_ATTEMPTS - 1))
    events.act(shop.till, event_id)
    shop.fake.broken = []
    last = event(shop, event_id)

    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert (last.state, last.error, last.next_attempt_at) == (
        "given_up",
        "payments_unavailable",
        None,
    )
    assert events.act(shop.till, event_id)  # and nothing more
    assert shop.credits(buyer) == 0


def while_reading(shop: Shop, does: Callable[[], None]) -> Callable[[], None]:
    # Lets something happen whenever a session is read from Stripe; returns what ends that.
    gateway = shop.till.gateway("default")
    read = gateway.session

    def slow(session_id: str) -> Any:
        found = read(session_id)
        does()
        return found

    def end() -> None:
        gateway.session = read  # type: ignore[method-assign]

    gateway.session = slow  # type: ignore[method-assign]
    return end


def test_an_event_that_another_process_did_meanwhile_is_done_once(
    shop: Shop, buyer: Member
) -> None:
    event_id = stored(shop, buyer)
    turns: list[int] = []

    def meanwhile() -> None:
        turns.append(len(turns))
        if len(turns) == 2:  # after this one has seen the customer's row
            end()
            assert events.act(shop.till, event_id)

    end = while_reading(shop, meanwhile)

    assert events.act(shop.till, event_id)

    assert (event(shop, event_id).state, shop.credits(buyer)) == ("done", 10)
    assert event(shop, event_id).attempts == 1


def test_an_event_that_others_overtake_all_the_time_has_a_later_turn(
    shop: Shop, buyer: Member
) -> None:
    event_id = stored(shop, buyer)

    def overtake() -> None:
        with transaction(shop.sessions) as session:
            row = session.scalars(select(PaymentCustomer)).one()
            session.execute(queries.claim(row))

    end = while_reading(shop, overtake)
    acted = events.act(shop.till, event_id)
    end()
    waiting = event(shop, event_id)
    shop.clock.advance(10)
    caught_up = catching_up.act_on_due(shop.till)

    assert (acted, waiting.state, waiting.error) == (False, "received", "busy")
    assert (caught_up, event(shop, event_id).state, shop.credits(buyer)) == (1, "done", 10)


def test_an_event_about_what_is_gone_is_ignored(shop: Shop, buyer: Member) -> None:
    event_id = stored(shop, buyer)
    account = shop.counter().account
    account.remove("checkout.session", account.rows("checkout.session")[0]["id"])

    assert events.act(shop.till, event_id)
    assert event(shop, event_id).state == "ignored"
    assert events.act(shop.till, "evt_never_stored")


def test_events_that_are_old_are_forgotten(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)

    shop.clock.advance(61 * 86_400)
    catching_up.forget_old(shop.till)

    assert not shop.events()


# --- webhooks that are none


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nonsense", b'{"type": "invoice.paid"}'])
def test_what_stripe_signed_and_is_no_event_is_refused(shop: Shop, body: bytes) -> None:
    answer = send(shop, body)

    assert answer.status_code == 400
    assert "not an event" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "event",
    [
        b'{"id": "evt_1", "type": "balance.available", "created": 1, "data": {"object": {}}}',
        b'{"id": "evt_2", "type": "charge.refunded", "created": 1, "data": {"object": {}}}',
    ],
)
def test_events_that_change_nothing_here_are_taken_and_not_kept(shop: Shop, event: bytes) -> None:
    assert send(shop, event).status_code == 204
    assert not shop.events()


def test_an_event_that_is_too_large_is_not_read(shop: Shop) -> None:
    assert send(shop, b'"' + b"x" * MOST_BYTES + b'"').status_code == 413


def test_a_site_that_sells_nothing_has_no_till(shop: Shop, buyer: Member, tmp_path: Path) -> None:
    write_site(tmp_path / "sites", "gifts", hosts=[])
    signed_up = {"email": "ada@example.org", "password": "correct horse battery"}
    session = shop.client.post("/s/gifts/v1/account", json=signed_up).json()
    headers = {"X-CSRF-Token": session["csrf_token"]}
    wish = {"kind": "pack", "item": "ten"}

    answers = [
        send(shop, b"{}", "gifts"),
        shop.client.get("/s/gifts/v1/store"),
        shop.client.post("/s/gifts/v1/checkout", json=wish, headers=headers),
        shop.client.post("/s/gifts/v1/portal", json={}, headers=headers),
    ]
    shop.client.cookies.clear()

    assert [answer.status_code for answer in answers] == [404] * 4


def test_a_site_whose_key_is_gone_is_told_apart_from_one_that_is_away(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.till.gateway("nowhere")
    with pytest.raises(PaymentsRefused):
        shop.till.gateway("default").refund_invoice(_without_a_charge(shop), "key")


def _without_a_charge(shop: Shop) -> str:
    # An invoice whose payment has not succeeded: there is nothing to give back.
    account = shop.counter().account
    intent = account.make("payment_intent", {"latest_charge": None, "amount": 1})
    payment = {"payment": {"type": "payment_intent", "payment_intent": intent["id"]}}
    fields = {"payments": {"object": "list", "data": [payment]}}
    return str(account.make("invoice", fields)["id"])


# --- what is not synced, or not there


def test_a_portal_that_was_not_synced_is_not_opened(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    for configuration in shop.counter().account.rows("billing_portal.configuration"):
        configuration["active"] = False

    answer = shop.client.post("/v1/portal", json={}, headers=buyer.headers)

    assert answer.status_code == 503
    assert "billing sync" in answer.json()["error"]["message"]


def test_another_plan_that_was_not_synced_is_not_sold(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    for price in shop.counter().account.rows("price"):
        price["currency_options"]["usd"]["unit_amount"] += 1

    answer = shop.checkout(buyer, kind="plan", item="max")

    assert answer.status_code == 503
    assert "billing sync" in answer.json()["error"]["message"]


def test_a_site_without_codes_asks_for_none(shop: Shop, buyer: Member, tmp_path: Path) -> None:
    edit(tmp_path, '["coupons"]\n["coupons"."HALF"]\npercent_off = 50\nmonths = 1\n', "")

    shop.url(buyer, kind="pack", item="ten")

    (session,) = shop.counter().account.rows("checkout.session")
    assert session["allow_promotion_codes"] is None


def test_a_purchase_that_has_ended_is_not_asked_for_again(shop: Shop, buyer: Member) -> None:
    shop.buy(buyer)
    purchase = shop.get(buyer, "/v1/purchases")["data"][0]["id"]
    shop.fake.broken = [500] * 10

    answer = shop.client.post(f"/v1/purchases/{purchase}/check", headers=buyer.headers)
    unknown = shop.client.post("/v1/purchases/pur_unknown/check", headers=buyer.headers)
    shop.fake.broken = []

    assert (answer.status_code, answer.json()["state"]) == (200, "paid")
    assert unknown.status_code == 404


def test_what_else_the_customer_pays_there_is_none_of_ours(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    api = shop.till.gateway("default").api
    product = api.products.create({"name": "A mug"})
    rhythm = {"interval": "month"}
    fields = {"product": product.id, "currency": "usd", "unit_amount": 900, "recurring": rhythm}
    with transaction(shop.sessions, read_only=True) as session:
        customer = session.scalars(select(PaymentCustomer.customer_id)).one()
    made = api.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": api.prices.create(fields).id, "quantity": 1}],
            "customer": customer,
            "success_url": "https://mugs.example",
        }
    )
    assert shop.pay(made.url, PAYS).status_code == 303

    shop.deliver()

    assert [bill.paid_cents for bill in shop.bills(buyer)] == [400]
    with transaction(shop.sessions, read_only=True) as session:
        assert len(session.scalars(select(Subscription)).all()) == 1
    assert {state for _, state in shop.events()} == {"done"}


def test_what_strangers_pay_there_is_ignored(shop: Shop) -> None:
    api, account = shop.till.gateway("default").api, shop.counter().account
    price = account.rows("price", lookup_key="stemhouse_default_pack_ten_once")[0]["id"]
    item = {"price": price, "quantity": 1}
    fields = {"mode": "payment", "line_items": [item], "success_url": "https://mugs.example"}
    assert shop.pay(api.checkout.sessions.create(fields).url, PAYS).status_code == 303

    shop.deliver()

    assert {state for _, state in shop.events()} == {"ignored"}


def test_a_plan_that_the_file_does_not_have_any_more_brings_no_credits(
    shop: Shop, buyer: Member, tmp_path: Path
) -> None:
    shop.subscribe(buyer)
    edit(tmp_path, '["plans"."pro"', '["plans"."other"')

    shop.move(32)
    shop.deliver()

    assert [bill.credits for bill in shop.bills(buyer)] == [0, 0]


def test_who_pays_for_a_plan_that_the_file_does_not_have_any_more_is_an_alarm_once_a_month(
    shop: Shop, buyer: Member, tmp_path: Path
) -> None:
    shop.subscribe(buyer)
    shop.catch_up()
    assert alarms(shop) == []

    edit(tmp_path, '["plans"."pro"', '["plans"."other"')
    shop.catch_up()
    shop.catch_up()
    assert alarms(shop) == [("plan_gone", buyer.account_id, {"plan": "pro"})]

    shop.move(32)
    shop.catch_up()
    assert len(alarms(shop)) == 2


def alarms(shop: Shop) -> list[tuple[str, str, dict[str, Any]]]:
    with transaction(shop.sessions, read_only=True) as session:
        return [(one.kind, one.subject, one.data) for one in session.scalars(select(Alarm))]


def test_a_plan_for_nothing_has_no_payment_to_look_for(
    shop: Shop, buyer: Member, tmp_path: Path
) -> None:
    edit(tmp_path, "percent_off = 50", "percent_off = 100")
    shop.sync()

    shop.subscribe(buyer, code="HALF")

    (bill,) = shop.bills(buyer)
    assert (bill.status, bill.paid_cents, bill.receipt_url) == ("paid", 0, None)
    assert shop.plan(buyer) == "pro"
    shop.till.gateway("default").refund_invoice(bill.stripe_id, "nothing to give back")
    assert not shop.counter().account.rows("refund")


# --- accounts that go


def leave(shop: Shop, buyer: Member) -> None:
    owned = service_ownership.owned_data(shop.app.state.parts)
    with transaction(shop.sessions) as session:
        service_ownership.delete(session, buyer.site_id, buyer.account_id, owned=owned)


def test_whoever_goes_takes_purchases_along_and_bills_stay_without_them(
    shop: Shop, buyer: Member
) -> None:
    shop.buy(buyer)
    exported = shop.get(buyer, "/v1/account/export")

    leave(shop, buyer)

    assert [one["item"] for one in exported["purchases"]] == ["ten"]
    assert [one["total_cents"] for one in exported["invoices"]] == [500]
    assert [one["kind"] for one in exported["credits"]] == ["grant"]
    with transaction(shop.sessions, read_only=True) as session:
        (bill,) = session.scalars(select(Bill))
        assert (bill.account_id, bill.hosted_url, bill.paid_cents) == (None, None, 500)
        assert not session.scalars(select(Purchase)).all()


def test_whoever_never_bought_leaves_nothing_at_stripe(shop: Shop, buyer: Member) -> None:
    leave(shop, buyer)

    with transaction(shop.sessions, read_only=True) as session:
        assert not session.scalars(select(StripeDeparture)).all()


def test_a_customer_that_is_to_go_waits_while_stripe_is_away(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    leave(shop, buyer)
    shop.fake.broken = [500] * 100
    shop.catch_up()
    shop.fake.broken = []
    waiting = [one["status"] for one in shop.counter().account.rows("subscription")]

    shop.clock.advance(120)  # the first pause
    shop.catch_up()

    assert waiting == ["active"]
    ended = [one["status"] for one in shop.counter().account.rows("subscription")]
    assert ended == ["canceled"]


def test_what_is_gone_at_stripe_already_is_no_trouble(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    gateway = shop.till.gateway("default")
    (subscription,) = shop.counter().account.rows("subscription")
    customer = subscription["customer"]

    gateway.cancel_subscription(subscription["id"])
    gateway.cancel_subscription(subscription["id"])
    gateway.delete_customer(customer)
    gateway.delete_customer(customer)

    assert subscription["status"] == "canceled"


# --- what goes on beside requests


def test_sites_that_share_an_account_are_asked_for_once(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten"))
    shop.counter().seller.post.lose()
    settings = shop.till.settings
    shared = {"default": settings.stripe_of("default"), "second": settings.stripe_of("default")}
    till = Till(
        settings.model_copy(update={"stripe_sites": shared}),
        shop.sessions,
        shop.till.sites,
        shop.clock,
    )

    with closing(till):
        catching_up.reconcile_all(till)

    with transaction(shop.sessions, read_only=True) as session:
        assert session.scalars(select(StripeCursor.site_id)).all() == ["default"]
    assert shop.credits(buyer) == 10


def test_a_step_that_fails_keeps_the_others_from_nothing(shop: Shop, buyer: Member) -> None:
    shop.url(buyer, kind="pack", item="ten")
    shop.clock.advance(26 * 3_600)
    shop.counter().seller.catch_up()
    with transaction(shop.sessions) as session:
        session.execute(text("ALTER TABLE stripe_events RENAME TO stripe_events_away"))

    shop.catch_up()
    with transaction(shop.sessions) as session:
        session.execute(text("ALTER TABLE stripe_events_away RENAME TO stripe_events"))

    assert shop.purchases(buyer) == ["expired"]


def test_all_of_it_happens_by_itself_from_time_to_time(shop: Shop, buyer: Member) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten"))
    shop.counter().seller.post.lose()
    settings = shop.till.settings.model_copy(update={"payment_sweep_s": 0.05})
    till = Till(settings, shop.sessions, shop.till.sites, shop.clock)
    beside = catching_up.CatchingUp(till)

    beside.start()
    deadline = time.monotonic() + 60
    while shop.credits(buyer) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    beside.stop()
    till.close()

    assert shop.credits(buyer) == 10


# --- what Stripe may say in other words


def test_a_wrong_key_is_told(shop: Shop) -> None:
    with (
        closing(StripeGateway("sk_test_of_nobody", shop.fake.address)) as gateway,
        pytest.raises(PaymentsRefused, match="secret key"),
    ):
        gateway.price("anything")


def test_a_portal_before_its_prices_offers_no_plans(shop: Shop) -> None:
    empty = shop.fake.open_account("sk_test_without_prices")
    with closing(StripeGateway("sk_test_without_prices", shop.fake.address)) as gateway:
        for step in plan_portal(gateway, shop.till.sites.by_name("default")):
            take(step)

    (made,) = empty.account.rows("billing_portal.configuration")
    assert not made["features"]["subscription_update"]["enabled"]


def test_a_cancellation_without_a_day_ends_with_the_period(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    shop.press(shop.portal(buyer), "cancel")
    (found,) = shop.counter().account.rows("subscription")
    found["cancel_at"] = None

    shop.deliver()

    assert shop.get(buyer, "/v1/store")["subscription"]["ends_at"] == "2026-02-01T12:00:00.000Z"


def test_an_invoice_whose_payment_has_no_charge_yet_is_read_all_the_same(
    shop: Shop, buyer: Member
) -> None:
    shop.buy(buyer)
    account = shop.counter().account
    (invoice,), (intent,) = account.rows("invoice"), account.rows("payment_intent")
    intent["latest_charge"] = None
    before = shop.till.gateway("default").invoice(invoice["id"]).charge
    invoice["payments"]["data"][0]["payment"] = {"type": "charge", "charge": "ch_old"}

    assert (before, shop.till.gateway("default").invoice(invoice["id"]).charge) == (None, None)


def test_a_subscription_whose_first_payment_never_came_ends_its_purchase(
    shop: Shop, buyer: Member
) -> None:
    shop.pay(shop.url(buyer, kind="plan", item="pro"))
    shop.counter().seller.post.lose()
    account = shop.counter().account
    (session,), (invoice,) = account.rows("checkout.session"), account.rows("invoice")
    (found,) = account.rows("subscription")
    session["payment_status"] = "unpaid"
    invoice |= {"status": "void", "amount_paid": 0}
    found["status"] = "incomplete_expired"
    account.tell("customer.subscription.updated", found)

    shop.deliver()

    assert (shop.purchases(buyer), shop.plan(buyer)) == (["failed"], "free")


def test_a_second_plan_without_an_invoice_is_ended_as_well(shop: Shop, buyer: Member) -> None:
    shop.subscribe(buyer)
    account = shop.counter().account
    (found,) = account.rows("subscription")
    second = account.make("subscription", {**found, "id": "sub_second", "latest_invoice": None})
    second["created"] += 1
    account.tell("customer.subscription.created", second)

    shop.deliver()

    assert (second["status"], found["status"]) == ("canceled", "active")
    assert not account.rows("refund")


def test_a_refund_that_comes_back_in_part_leaves_what_is_missing_still(
    shop: Shop, buyer: Member
) -> None:
    shop.buy(buyer)
    shop.spend(buyer, 7)
    shop.refund(250)
    shop.refund(250)

    account = shop.counter().account
    fail_refund(account, account.rows("refund")[0]["id"])
    shop.deliver()

    (bill,) = shop.bills(buyer)
    assert (bill.credits_taken, bill.credits_short, shop.credits(buyer)) == (5, 2, 0)
    assert shop.flagged(buyer) == 2


def test_a_customer_that_is_unknown_to_stripe_has_gone(shop: Shop) -> None:
    shop.till.gateway("default").delete_customer("cus_never_made")
