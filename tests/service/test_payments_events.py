# Events of Stripe: forged, late, twice, out of order, lost; and processes that die in between.

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy import select

from stemhouse.api.app import create_app
from stemhouse.db.session import transaction
from stemhouse.domains.payments.tables import StripeDeparture
from stemhouse.settings import Settings
from stemhouse.testing.stripe.webhooks import Delivery, signed
from tests.service.conftest import Member
from tests.service.shop import Shop
from tests.service.test_payments import buyer, catalogues, fake, shop

__all__ = ["buyer", "catalogues", "fake", "shop"]


def paid(shop: Shop, buyer: Member) -> list[Delivery]:
    # Something is paid, and nothing of it has arrived.
    shop.pay(shop.url(buyer, kind="pack", item="ten"))
    return list(shop.counter().seller.post.waiting)


@pytest.mark.parametrize("seed", range(4))
def test_events_come_twice_and_in_any_order(shop: Shop, buyer: Member, seed: int) -> None:
    shop.pay(shop.url(buyer, kind="pack", item="ten"))
    shop.pay(shop.url(buyer, kind="plan", item="pro"))

    shop.deliver(times=2, shuffled=random.Random(seed))
    shop.counter().seller.post.again()

    assert (shop.credits(buyer), shop.plan(buyer)) == (10, "pro")
    assert sorted(bill.paid_cents for bill in shop.bills(buyer)) == [400, 500]
    assert {state for _, state in shop.events()} == {"done"}


def test_events_that_were_lost_are_asked_for(shop: Shop, buyer: Member) -> None:
    paid(shop, buyer)
    shop.counter().seller.post.lose()

    shop.catch_up()
    first = shop.credits(buyer)
    shop.catch_up()

    assert (first, shop.credits(buyer)) == (10, 10)


def test_the_page_that_people_come_back_to_needs_no_webhook(shop: Shop, buyer: Member) -> None:
    paid(shop, buyer)
    purchase = shop.get(buyer, "/v1/purchases")["data"][0]["id"]

    answer = shop.client.post(f"/v1/purchases/{purchase}/check", headers=buyer.headers)

    assert answer.json()["state"] == "paid"
    assert shop.credits(buyer) == 10


def test_an_event_whose_process_died_is_acted_on_later(
    shop: Shop, buyer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(shop, buyer)
    with monkeypatch.context() as patch:
        # It died between the answer and the act: stored, and nothing more.
        patch.setattr("stemhouse.domains.payments.events.act", lambda *_: None)
        shop.deliver()
    stored = {state for _, state in shop.events()}

    shop.catch_up()

    assert stored == {"received"}
    assert {state for _, state in shop.events()} == {"done"}
    assert shop.credits(buyer) == 10


def test_an_event_waits_while_stripe_is_away(shop: Shop, buyer: Member) -> None:
    paid(shop, buyer)
    shop.fake.broken = [500] * 100
    shop.deliver()
    shop.fake.broken = []
    stored = {state for _, state in shop.events()}

    shop.clock.advance(60)
    shop.catch_up()

    assert stored == {"received"}
    assert shop.credits(buyer) == 10


def test_a_forged_event_is_refused(shop: Shop, buyer: Member) -> None:
    event = paid(shop, buyer)[-1]

    status = shop.counter().seller.post.send(event, secret="whsec_of_somebody_else")

    assert status == 400
    assert not shop.events()


@pytest.mark.parametrize(("age_s", "status"), [(299, 204), (301, 400), (-301, 400)])
def test_a_signature_is_believed_for_five_minutes(
    shop: Shop, buyer: Member, age_s: int, status: int
) -> None:
    event = paid(shop, buyer)[-1]

    assert shop.counter().seller.post.send(event, age_s=age_s) == status


def test_a_second_timestamp_does_not_make_an_old_signature_young(shop: Shop, buyer: Member) -> None:
    body, now = b'{"object": "event"}', int(shop.clock().timestamp())
    headers = signed(body, shop.counter().secret, now - 3_600)
    headers["Stripe-Signature"] += f",t={now}"

    answer = shop.client.post("/v1/stripe/webhooks", content=body, headers=headers)

    assert answer.status_code == 400


def test_signatures_that_are_none_are_refused(shop: Shop) -> None:
    odd = [b"t=1,v1=\xe9", b"t=\xb2,v1=x", b"\xff", b"t=" + b"9" * 1_900 + b",v1=x", b"t,v1", b""]

    statuses = [
        shop.client.post(
            "/v1/stripe/webhooks", content=b"{}", headers={"Stripe-Signature": signature}
        ).status_code
        for signature in odd
    ]

    assert statuses == [400] * len(odd)


def test_events_that_are_none_are_refused_although_they_are_signed(shop: Shop) -> None:
    about: dict[str, Any] = {"object": {"id": "in_1", "object": "invoice"}}
    event = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": about}
    odd = [
        event | wrong for wrong in ({"id": "e\0"}, {"id": "e" * 256}, {"id": 1}, {"created": 1e30})
    ]
    bodies = [b"[" * 100_000, b"NaN", *(json.dumps(one).encode() for one in odd)]

    statuses = [
        shop.client.post(
            "/v1/stripe/webhooks",
            content=body,
            headers=signed(body, shop.counter().secret, int(shop.clock().timestamp())),
        ).status_code
        for body in bodies
    ]

    assert statuses == [400] * len(bodies)


def test_events_of_another_sites_account_are_refused(shop: Shop, buyer: Member) -> None:
    event = paid(shop, buyer)[-1]

    status = shop.counter().seller.post.send(event, secret=shop.counter("second").secret)

    assert status == 400


def test_what_belongs_to_nobody_here_is_ignored(shop: Shop) -> None:
    from stemhouse.testing.stripe import customers, money

    account = shop.counter().account
    stranger = customers.create(account, {})
    what = {"customer": stranger["id"], "amount": 900, "currency": "usd"}
    intent = money.pay(account, what, None, "4242424242424242")
    money.create_refund(account, {"payment_intent": intent["id"]})

    shop.deliver()

    assert {state for _, state in shop.events()} == {"ignored"}


def test_a_subscription_ends_with_its_account(shop: Shop, buyer: Member) -> None:
    from stemhouse.domains.payments.part import _delete

    shop.subscribe(buyer)
    with transaction(shop.sessions) as session:
        _delete(session, buyer.site_id, buyer.account_id)

    shop.catch_up()

    account = shop.counter().account
    assert [one["status"] for one in account.rows("subscription")] == ["canceled"]
    with transaction(shop.sessions, read_only=True) as session:
        assert not list(session.scalars(select(StripeDeparture)))


def test_a_sync_finds_nothing_to_do_the_second_time(shop: Shop) -> None:
    assert shop.sync() == []


def test_without_a_key_there_are_no_addresses(settings: Settings) -> None:
    paths = create_app(settings).openapi()["paths"]

    assert not [path for path in paths if "checkout" in path or "stripe" in path]
