# Webhooks of the fake Stripe: signed as the real ones, and as badly treated on the way.

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest
import stripe

from stemhouse.testing.clock import ManualClock
from stemhouse.testing.stripe import FakeStripe, running_stripe
from stemhouse.testing.stripe.delivering import delivering
from tests.service.webhook_receiver import Receiver
from tests.testing.shop import PAYS, Shop


class Box:
    # What arrived, and what is answered.
    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = 200

    def __call__(self, _url: str, headers: dict[str, str], body: bytes) -> int:
        self.got.append((headers, body))
        return self.answer

    def kinds(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def shop(fake: FakeStripe, clock: ManualClock, box: Box) -> Iterator[Shop]:
    key = "sk_test_of_a_shop_with_webhooks"
    seller = fake.open_account(key, clock=clock, send=box)
    with closing(Shop(fake, clock, seller, key)) as shop:
        yield shop


@pytest.fixture
def own_shop(clock: ManualClock, box: Box) -> Iterator[Shop]:
    # Alone in its fake: the desk moves the clock of all.
    with running_stripe(clock, box) as fake:
        key = "sk_test_of_a_shop_with_a_desk"
        with closing(Shop(fake, clock, fake.open_account(key), key)) as shop:
            yield shop


def endpoint(shop: Shop, *kinds: str) -> str:
    asked = {"url": "https://shop.example/hooks", "enabled_events": list(kinds) or ["*"]}
    return str(shop.api.webhook_endpoints.create(asked).secret)


def test_a_delivery_is_signed_so_that_the_official_library_believes_it(
    shop: Shop, box: Box
) -> None:
    secret = endpoint(shop)
    product = shop.api.products.create({"name": "A"})

    statuses = shop.seller.post.deliver()
    headers, body = box.got[0]
    stripe.WebhookSignature.verify_header(body, headers["Stripe-Signature"], secret)

    assert statuses == [200]
    event = json.loads(body)
    assert (event["type"], event["data"]["object"]["id"]) == ("product.created", product.id)


def test_a_secret_is_told_once(shop: Shop) -> None:
    endpoint(shop)

    listed = shop.api.webhook_endpoints.list().data[0]

    assert "secret" not in listed


def test_an_endpoint_gets_the_kinds_that_it_asked_for(shop: Shop, box: Box) -> None:
    endpoint(shop, "price.created")
    shop.price()

    shop.seller.post.deliver()

    assert box.kinds() == ["price.created"]


def test_what_was_not_taken_comes_again(shop: Shop, box: Box) -> None:
    endpoint(shop)
    shop.price()
    box.answer = 500

    refused = shop.seller.post.deliver()
    box.answer = 200
    taken = shop.seller.post.deliver()

    assert (refused, taken) == ([500, 500], [200, 200])
    assert not shop.seller.post.waiting


def test_deliveries_are_repeated_and_shuffled(shop: Shop, box: Box) -> None:
    endpoint(shop)
    shop.pay(shop.session(shop.price(), shop.customer()))
    in_order = [one.kind for one in shop.seller.post.waiting]

    shop.seller.post.deliver(times=2, shuffled=Random(1))

    assert sorted(box.kinds()) == sorted(in_order * 2)
    assert box.kinds()[: len(in_order)] != in_order


def test_deliveries_are_lost_and_sent_again_from_the_desk(shop: Shop, box: Box) -> None:
    endpoint(shop)
    shop.price()

    lost = shop.seller.post.lose("price.created")
    shop.seller.post.deliver()
    arrived = box.kinds()
    shop.seller.post.again()

    assert (lost, arrived) == (1, ["product.created"])
    assert box.kinds()[1:] == ["product.created", "price.created"]


def test_events_can_be_asked_for_since_a_moment(shop: Shop, clock: ManualClock) -> None:
    shop.price()
    clock.advance(60)
    later = shop.price()

    since = int(clock().timestamp())
    asked = {"created": {"gte": since}, "types": ["price.created"]}
    found = shop.api.events.list(asked).data

    assert [one.data.object.id for one in found] == [later.id]


def test_a_fake_that_nobody_drives_delivers_by_itself() -> None:
    receiver = Receiver()
    with running_stripe() as fake, delivering(fake):
        key = "sk_test_of_a_shop_with_webhooks"
        with closing(Shop(fake, ManualClock(), fake.open_account(key), key)) as shop:
            asked = {"url": receiver.url, "enabled_events": ["checkout.session.completed"]}
            shop.api.webhook_endpoints.create(asked)

            shop.pay(shop.session(shop.price(), shop.customer()), PAYS)

            assert receiver.wait(1)
    receiver.stop()


def test_the_desk_moves_the_clock_and_mistreats_webhooks(own_shop: Shop, box: Box) -> None:
    shop = own_shop
    endpoint(shop, "charge.refunded", "charge.dispute.created")
    customer = shop.customer()
    shop.subscribed(shop.price(every="month"), customer)
    charge = shop.api.charges.list().data[0].id
    desk = f"{shop.fake.address}/"

    shop.browser.post(desk, data={"do": "31"})
    shop.browser.post(desk, data={"do": "refund", "key": "0", "charge": charge})
    again = shop.browser.post(desk, data={"do": "refund", "key": "0", "charge": charge})
    second = shop.api.charges.list().data[0].id
    shop.browser.post(desk, data={"do": "dispute", "key": "0", "charge": second})
    held = shop.browser.post(desk, data={"do": "hold", "key": "0"})
    shop.browser.post(desk, data={"do": "shuffle", "key": "0"})
    shop.browser.post(desk, data={"do": "again", "key": "0"})
    shop.browser.post(desk, data={"do": "lose", "key": "0"})

    assert len(shop.api.invoices.list({"customer": customer.id}).data) == 2
    assert "already been refunded" in again.text
    assert "held back" in held.text
    assert sorted(set(box.kinds())) == ["charge.dispute.created", "charge.refunded"]
    assert len(box.got) == 6
