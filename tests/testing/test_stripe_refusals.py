# The fake Stripe refuses what the real one refuses, and the official library understands it.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.testing.shop import Shop

NO_PRICE = [{"price": "price_none", "quantity": 1}]
AFTER_NONE = {"starting_after": "evt_none"}

Ask = Callable[[Shop], object]


def refusal(shop: Shop, ask: Ask) -> Any:
    with pytest.raises(stripe.StripeError) as refused:
        ask(shop)
    return refused.value


def session(**more: Any) -> Ask:
    def ask(shop: Shop) -> object:
        params = {
            "mode": "payment",
            "line_items": [{"price": shop.price().id, "quantity": 1}],
            "success_url": "https://shop.example/",
        }
        params = {name: one for name, one in (params | more).items() if one is not None}
        return shop.api.checkout.sessions.create(params)

    return ask


@pytest.mark.parametrize(
    ("ask", "code", "param"),
    [
        (lambda shop: shop.price(colour="red"), "parameter_unknown", "colour"),
        (lambda shop: shop.api.products.create({}), "parameter_missing", "name"),
        (lambda shop: shop.api.products.create({"name": ""}), "parameter_invalid_empty", "name"),
        (lambda shop: shop.price(active="maybe"), None, "active"),
        (lambda shop: shop.price(unit_amount="four"), "parameter_invalid_integer", "unit_amount"),
        (lambda shop: shop.price(currency="xyz"), None, "currency"),
        (lambda shop: shop.price(every="fortnight"), None, "recurring[interval]"),
        (lambda shop: shop.api.prices.retrieve("price_none"), "resource_missing", "id"),
        (lambda shop: shop.api.customers.create({"email": "nobody"}), "email_invalid", "email"),
        (session(mode=None), "parameter_missing", "mode"),
        (session(line_items=None), "parameter_missing", "line_items"),
        (session(success_url=None), "parameter_missing", "success_url"),
        (session(mode="gift"), None, "mode"),
        (session(success_url="/thanks"), "url_invalid", "success_url"),
        (session(cancel_url="thanks"), "url_invalid", "cancel_url"),
        (lambda shop: shop.api.events.list({"types": ["a"] * 21}), None, "types"),
        (lambda shop: shop.api.prices.list({"lookup_keys": ["a"] * 11}), None, "lookup_keys"),
        (session(automatic_tax={"enabled": True}), None, None),
        (session(mode="subscription"), None, None),
        (session(customer="cus_none"), "resource_missing", "customer"),
        (session(currency="eur"), None, "currency"),
        (session(subscription_data={"metadata": {"a": "b"}}), None, "subscription_data"),
        (session(line_items=NO_PRICE), "resource_missing", "line_items[0][price]"),
        (session(line_items=[{"cost": "1"}]), "parameter_unknown", "line_items[0][cost]"),
        (lambda shop: shop.api.events.list({"limit": 101}), "parameter_invalid_integer", "limit"),
        (lambda shop: shop.api.events.list({"limit": 0}), "parameter_invalid_integer", "limit"),
        (lambda shop: shop.api.events.list(AFTER_NONE), "resource_missing", "starting_after"),
        (lambda shop: shop.api.refunds.create({}), "parameter_missing", "payment_intent"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(shop: Shop, ask: Ask, code: str | None, param: str | None) -> None:
    refused = refusal(shop, ask)

    assert isinstance(refused, stripe.InvalidRequestError)
    assert (refused.code, refused.param) == (code, param)


@pytest.mark.parametrize("key", ["sk_test_of_nobody", "sk_test_of_the_first_shop_"])
def test_a_wrong_key_is_refused_without_being_told_in_full(shop: Shop, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        shop.api.products.list({}, {"api_key": key})

    assert key not in str(refused.value)


def test_another_version_of_the_api_is_refused(shop: Shop) -> None:
    options = {"stripe_version": "2020-08-27"}

    with pytest.raises(stripe.InvalidRequestError, match="version"):
        shop.api.products.list({}, options)


def test_what_another_account_has_is_not_there(
    shop: Shop, open_shop: Callable[[str], Shop]
) -> None:
    other = open_shop("sk_test_of_the_second_shop")
    customer = shop.customer()

    refused = refusal(other, lambda other: other.api.customers.retrieve(customer.id))

    assert refused.code == "resource_missing"
    assert not other.api.customers.list().data


def test_an_address_that_is_none_is_refused(shop: Shop) -> None:
    refused = refusal(shop, lambda shop: shop.client.raw_request("get", "/v1/nothing"))

    assert refused.http_status == 404


def test_what_the_fake_does_not_do_is_said_and_not_ignored(shop: Shop) -> None:
    refused = refusal(shop, session(submit_type="donate"))

    assert isinstance(refused, stripe.APIError)
    assert refused.http_status == 501


def test_the_same_key_again_gets_the_same_answer(shop: Shop) -> None:
    options = {"idempotency_key": "once"}

    first = shop.api.products.create({"name": "A"}, options)
    second = shop.api.products.create({"name": "A"}, options)

    assert first.id == second.id
    assert len(shop.api.products.list().data) == 1
    assert second.last_response.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_for_something_else_is_refused(shop: Shop) -> None:
    options = {"idempotency_key": "once"}
    shop.api.products.create({"name": "A"}, options)

    with pytest.raises(stripe.IdempotencyError):
        shop.api.products.create({"name": "B"}, options)


def test_a_refused_request_can_be_mended_with_its_key(shop: Shop) -> None:
    options = {"idempotency_key": "once"}
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.products.create({}, options)

    assert shop.api.products.create({"name": "A"}, options).name == "A"


def test_faults_of_the_server_are_faults_of_the_server(shop: Shop) -> None:
    shop.fake.broken = [500]

    refused = refusal(shop, lambda shop: shop.api.products.list())

    assert refused.http_status == 500
    assert shop.api.products.list().data == []


def test_a_lookup_key_belongs_to_one_price_and_can_be_taken_over(shop: Shop) -> None:
    first = shop.price(lookup_key="pro")

    refused = refusal(shop, lambda shop: shop.price(500, lookup_key="pro"))
    second = shop.price(500, lookup_key="pro", transfer_lookup_key=True)

    assert first.id in str(refused)
    assert [one.id for one in shop.api.prices.list({"lookup_keys": ["pro"]}).data] == [second.id]


def test_an_archived_price_is_not_sold(shop: Shop) -> None:
    price = shop.price()
    shop.api.prices.update(price.id, {"active": False})

    refused = refusal(shop, session(line_items=[{"price": price.id, "quantity": 1}]))

    assert "inactive" in str(refused)


def test_an_amount_never_changes(shop: Shop) -> None:
    price = shop.price()

    refused = refusal(shop, lambda shop: shop.api.prices.update(price.id, {"unit_amount": 1}))

    assert refused.code == "parameter_unknown"


def test_lists_come_in_pages_both_ways(shop: Shop) -> None:
    names = [shop.api.products.create({"name": f"{n}"}).name for n in range(7)]

    first = shop.api.products.list({"limit": 3})
    rest = shop.api.products.list({"limit": 100, "starting_after": first.data[-1].id})
    back = shop.api.products.list({"limit": 2, "ending_before": rest.data[0].id})
    all_of_them = [one.name for one in shop.api.products.list({"limit": 2}).auto_paging_iter()]

    assert [one.name for one in first.data] == names[:3:-1]
    assert first.has_more
    assert not rest.has_more
    assert [one.name for one in back.data] == names[5:3:-1]
    assert all_of_them == names[::-1]


def test_two_currencies_for_one_customer_are_refused(shop: Shop) -> None:
    dollars = shop.price(every="month")
    euros = shop.price(every="month", currency="eur")
    customer = shop.customer()
    shop.subscribed(dollars, customer)

    refused = refusal(shop, lambda shop: shop.session(euros, customer))

    assert "combine currencies" in str(refused)
