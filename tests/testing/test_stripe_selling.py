# Buying, subscribing, renewing, giving back: as the real one does it, told by the official library.

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from tests.testing.shop import DECLINED, DISPUTED, FAILS_LATER, NO_MONEY, Shop


def day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def period(subscription: Any) -> tuple[str, str]:
    item = subscription["items"].data[0]
    return day(item.current_period_start), day(item.current_period_end)


def invoices(shop: Shop, customer: Any) -> list[tuple[str, int, str]]:
    # Oldest first: why, how much, what became of it.
    rows = shop.api.invoices.list({"customer": customer.id, "limit": 100}).data
    return [(one.billing_reason, one.total, one.status) for one in rows][::-1]


def portal(shop: Shop, customer: Any, prices: list[Any], **flow: Any) -> Any:
    products = [{"product": price.product, "prices": [price.id]} for price in prices]
    features = {
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": products,
        },
    }
    configuration = shop.api.billing_portal.configurations.create({"features": features})
    asked = {"customer": customer.id, "configuration": configuration.id, **flow}
    return shop.api.billing_portal.sessions.create(asked)


def test_a_card_that_pays_completes_a_session(shop: Shop) -> None:
    session = shop.session(shop.price(499), shop.customer(), invoice_creation={"enabled": True})

    answer = shop.pay(session)
    done = shop.api.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "payment_intent.latest_charge", "invoice.payments"]}
    )

    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://shop.example/thanks?session={session.id}"
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "paid", 499)
    assert done.payment_intent.latest_charge.receipt_url
    assert done.line_items.data[0].price.unit_amount == 499
    assert done.invoice.payments.data[0].payment.payment_intent == done.payment_intent.id
    assert shop.kinds()[-7:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]


@pytest.mark.parametrize(("card", "says"), [(DECLINED, "declined"), (NO_MONEY, "insufficient")])
def test_a_card_that_does_not_pay_leaves_the_session_open(shop: Shop, card: str, says: str) -> None:
    session = shop.session(shop.price(), shop.customer())

    answer = shop.pay(session, card)
    still = shop.api.checkout.sessions.retrieve(session.id)

    assert answer.status_code == 402
    assert says in answer.text
    assert (still.status, still.payment_status) == ("open", "unpaid")
    assert shop.bought(session).payment_status == "paid"


def test_a_card_that_is_no_test_card_is_refused(shop: Shop) -> None:
    session = shop.session(shop.price(), shop.customer())

    answer = shop.pay(session, "4929123412341234")

    assert "non test card" in answer.text


def test_a_declined_card_begins_no_subscription(shop: Shop) -> None:
    customer = shop.customer()

    shop.pay(shop.session(shop.price(every="month"), customer), FAILS_LATER)

    assert not shop.api.subscriptions.list({"customer": customer.id}).data
    assert "customer.subscription.created" not in shop.kinds()


def test_one_price_has_several_currencies(shop: Shop) -> None:
    price = shop.price(400, currency_options={"eur": {"unit_amount": 450}})

    session = shop.session(price, shop.customer(), currency="eur")

    assert (session.currency, session.amount_total) == ("eur", 450)


def test_sessions_expire(shop: Shop) -> None:
    by_hand = shop.session(shop.price(), shop.customer())
    left = shop.session(shop.price(), shop.customer())

    shop.api.checkout.sessions.expire(by_hand.id)
    shop.move(days=2)

    assert shop.api.checkout.sessions.retrieve(by_hand.id).status == "expired"
    assert shop.api.checkout.sessions.retrieve(left.id).status == "expired"
    assert shop.kinds().count("checkout.session.expired") == 2
    assert shop.browser.get(f"{shop.fake.address}/c/pay/{left.id}").text.count("expired") == 1


@pytest.mark.parametrize(("typed", "total"), [("less", 200), ("nothing", 400)])
def test_a_promotion_code_is_typed_into_the_page(shop: Shop, typed: str, total: int) -> None:
    coupon = shop.api.coupons.create({"percent_off": 50, "duration": "once"})
    promotion = {"type": "coupon", "coupon": coupon.id}
    shop.api.promotion_codes.create({"promotion": promotion, "code": "LESS"})
    session = shop.session(shop.price(400), shop.customer(), allow_promotion_codes=True)

    shop.browser.post(session.url, data={"do": "code", "code": typed})

    assert shop.bought(session).amount_total == total
    assert shop.api.coupons.retrieve(coupon.id).times_redeemed == (total == 200)


def test_a_code_for_a_first_purchase_is_for_who_has_paid_nothing(shop: Shop) -> None:
    coupon = shop.api.coupons.create({"percent_off": 50, "duration": "once"})
    code = shop.api.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "WELCOME",
            "restrictions": {"first_time_transaction": True},
        }
    )
    price, customer, discounts = shop.price(400), shop.customer(), [{"promotion_code": code.id}]

    first = shop.bought(shop.session(price, customer, discounts=discounts))
    typed = shop.session(price, customer, allow_promotion_codes=True)
    shop.browser.post(typed.url, data={"do": "code", "code": "WELCOME"})
    with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
        shop.session(price, customer, discounts=discounts)

    assert (first.amount_total, shop.bought(typed).amount_total) == (200, 400)


def test_a_coupon_for_another_product_is_refused(shop: Shop) -> None:
    one, other = shop.price(400), shop.price(600)
    applies = {"products": [one.product]}
    coupon = shop.api.coupons.create({"percent_off": 50, "applies_to": applies})
    discounts = [{"coupon": coupon.id}]

    cheaper = shop.session(one, shop.customer(), discounts=discounts)
    with pytest.raises(stripe.InvalidRequestError, match="does not apply"):
        shop.session(other, shop.customer(), discounts=discounts)

    assert cheaper.amount_total == 200


def test_what_costs_nothing_needs_no_payment(shop: Shop) -> None:
    coupon = shop.api.coupons.create({"percent_off": 100})
    session = shop.session(shop.price(), shop.customer(), discounts=[{"coupon": coupon.id}])

    done = shop.bought(session)

    assert (done.payment_status, done.payment_intent) == ("no_payment_required", None)


def test_tax_is_added_where_it_is_left_to_stripe(shop: Shop) -> None:
    more = {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}

    price = shop.price(1000, tax_behavior="exclusive")
    done = shop.bought(shop.session(price, shop.customer(), **more))

    assert (done.amount_total, done.total_details.amount_tax) == (1100, 100)


def test_tax_needs_to_know_where_the_customer_is(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="address") as refused:
        shop.session(shop.price(), shop.customer(), automatic_tax={"enabled": True})

    assert refused.value.code == "customer_tax_location_invalid"


def test_a_subscription_renews_month_after_month(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(400, every="month"), customer)

    shop.move(days=365)

    assert period(subscription) == ("2026-01-01", "2026-02-01")
    assert period(shop.api.subscriptions.retrieve(subscription.id)) == ("2027-01-01", "2027-02-01")
    assert invoices(shop, customer) == [
        ("subscription_create", 400, "paid"),
        *[("subscription_cycle", 400, "paid")] * 12,
    ]


def test_a_subscription_of_the_31st_keeps_its_day(shop: Shop) -> None:
    shop.move(days=30)  # the 31st of January
    subscription = shop.subscribed(shop.price(every="month"), shop.customer())
    ends = []
    for _ in range(3):
        current = shop.api.subscriptions.retrieve(subscription.id)
        ends.append(period(current)[1])
        shop.move(days=30.9)

    assert ends == ["2026-02-28", "2026-03-31", "2026-04-30"]


def test_a_discount_lasts_as_long_as_its_coupon_says(shop: Shop) -> None:
    months = {"percent_off": 50, "duration": "repeating", "duration_in_months": 3}
    lasting = shop.api.coupons.create(months)
    once = shop.api.coupons.create({"percent_off": 50, "duration": "once"})
    first, second = shop.customer(), shop.customer()
    price = shop.price(400, every="month")
    shop.subscribed(price, first, discounts=[{"coupon": lasting.id}])
    shop.subscribed(price, second, discounts=[{"coupon": once.id}])

    shop.move(days=130)

    assert [one[1] for one in invoices(shop, first)] == [200, 200, 200, 400, 400]
    assert [one[1] for one in invoices(shop, second)] == [200, 400, 400, 400, 400]


def test_a_renewal_that_fails_is_tried_again_and_then_ends(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(every="month"), customer)
    shop.keep_card(customer, FAILS_LATER)
    states = []

    for days in (31.5, 3, 5, 7):
        shop.move(days)
        current = shop.api.subscriptions.retrieve(subscription.id)
        states.append(current.status)
    invoice = shop.api.invoices.retrieve(current.latest_invoice)

    assert states == ["past_due", "past_due", "past_due", "canceled"]
    assert (invoice.status, invoice.attempt_count) == ("open", 4)
    assert current.cancellation_details.reason == "payment_failed"
    assert shop.kinds().count("invoice.payment_failed") == 4


def test_another_card_heals_a_renewal_that_failed(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(every="month"), customer)
    shop.keep_card(customer, FAILS_LATER)
    shop.move(31.5)
    shop.keep_card(customer, "5555555555554444")

    shop.move(3)

    assert shop.api.subscriptions.retrieve(subscription.id).status == "active"
    assert [one[2] for one in invoices(shop, customer)] == ["paid", "paid"]


def test_an_open_invoice_can_be_paid_by_hand(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(every="month"), customer)
    shop.keep_card(customer, FAILS_LATER)
    shop.move(31.5)
    invoice = shop.api.subscriptions.retrieve(subscription.id).latest_invoice

    with pytest.raises(stripe.CardError):
        shop.api.invoices.pay(invoice)
    shop.keep_card(customer, "4242424242424242")
    paid = shop.api.invoices.pay(invoice)

    assert paid.status == "paid"
    assert shop.api.subscriptions.retrieve(subscription.id).status == "active"


def test_a_subscription_ends_with_its_period_when_it_is_cancelled(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price(every="month")
    subscription = shop.subscribed(price, customer)
    opened = portal(shop, customer, [price])

    shop.browser.post(opened.url, data={"do": "cancel"})
    ending = shop.api.subscriptions.retrieve(subscription.id)
    shop.move(32)
    ended = shop.api.subscriptions.retrieve(subscription.id)

    assert (ending.status, ending.cancel_at_period_end) == ("active", True)
    assert day(ending.cancel_at) == "2026-02-01"
    assert (ended.status, day(ended.ended_at)) == ("canceled", "2026-02-01")
    assert len(invoices(shop, customer)) == 1


def test_a_cancellation_can_be_taken_back(shop: Shop) -> None:
    subscription = shop.subscribed(shop.price(every="month"), shop.customer())
    shop.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    shop.api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    shop.move(32)

    assert shop.api.subscriptions.retrieve(subscription.id).status == "active"


def test_an_upgrade_costs_the_difference_at_once(shop: Shop) -> None:
    customer = shop.customer()
    small, large = shop.price(400, every="month"), shop.price(1000, every="month")
    subscription = shop.subscribed(small, customer)
    shop.move(15.5)  # half of January
    confirm = {
        "subscription": subscription.id,
        "items": [{"id": subscription["items"].data[0].id, "price": large.id, "quantity": 1}],
    }
    flow = {"type": "subscription_update_confirm", "subscription_update_confirm": confirm}
    opened = portal(shop, customer, [small, large], flow_data=flow)

    page = shop.browser.get(opened.url).text
    shop.browser.post(opened.url, data={"do": "change", "value": large.id})
    shop.move(17)

    assert f'value="{large.id}" selected' in page
    assert invoices(shop, customer) == [
        ("subscription_create", 400, "paid"),
        ("subscription_update", 300, "paid"),
        ("subscription_cycle", 1000, "paid"),
    ]


def test_a_downgrade_leaves_a_credit_for_the_next_invoice(shop: Shop) -> None:
    customer = shop.customer()
    small, large = shop.price(400, every="month"), shop.price(1000, every="month")
    subscription = shop.subscribed(large, customer)
    item = {"id": subscription["items"].data[0].id, "price": small.id}
    shop.move(15.5)

    asked = {"items": [item], "proration_behavior": "always_invoice"}
    shop.api.subscriptions.update(subscription.id, asked)
    shop.move(17)
    latest = shop.api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})

    assert [one[1] for one in invoices(shop, customer)] == [1000, -300, 400]
    assert latest.latest_invoice.amount_paid == 100


def test_prorations_can_wait_for_the_next_invoice(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(400, every="month"), customer)
    item = {
        "id": subscription["items"].data[0].id,
        "price": shop.price(1000, every="month").id,
    }
    shop.move(15.5)

    shop.api.subscriptions.update(subscription.id, {"items": [item]})
    shop.move(17)

    assert [one[1] for one in invoices(shop, customer)] == [400, 1300]


def test_a_year_instead_of_a_month_begins_at_once(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(400, every="month"), customer)
    item = {
        "id": subscription["items"].data[0].id,
        "price": shop.price(4000, every="year").id,
    }
    shop.move(15.5)

    asked = {"items": [item], "proration_behavior": "always_invoice"}
    changed = shop.api.subscriptions.update(subscription.id, asked)

    assert period(changed) == ("2026-01-17", "2027-01-17")
    assert [one[1] for one in invoices(shop, customer)] == [400, 3800]


def test_an_upgrade_that_is_not_paid_changes_nothing(shop: Shop) -> None:
    customer = shop.customer()
    small, large = shop.price(400, every="month"), shop.price(1000, every="month")
    subscription = shop.subscribed(small, customer)
    opened = portal(shop, customer, [small, large])
    shop.browser.post(opened.url, data={"do": "card", "value": FAILS_LATER})

    answer = shop.browser.post(opened.url, data={"do": "change", "value": large.id})
    still = shop.api.subscriptions.retrieve(subscription.id)

    assert answer.status_code == 402
    assert still["items"].data[0].price.id == small.id
    assert still.status == "active"


def test_the_portal_offers_only_what_it_was_given(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price(400, every="month")
    shop.subscribed(price, customer)
    opened = portal(shop, customer, [price])

    answer = shop.browser.post(
        opened.url, data={"do": "change", "value": shop.price(every="month").id}
    )

    assert "not offered" in answer.text


def test_the_portal_needs_a_configuration(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No configuration"):
        shop.api.billing_portal.sessions.create({"customer": shop.customer().id})


def test_money_is_given_back_in_parts_and_never_twice(shop: Shop) -> None:
    done = shop.bought(shop.session(shop.price(500), shop.customer()))
    intent = done.payment_intent

    shop.api.refunds.create({"payment_intent": intent, "amount": 200})
    with pytest.raises(stripe.InvalidRequestError, match="greater than"):
        shop.api.refunds.create({"payment_intent": intent, "amount": 301})
    shop.api.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as again:
        shop.api.refunds.create({"payment_intent": intent})
    charge = shop.api.charges.list({"payment_intent": intent}).data[0]

    assert (charge.amount_refunded, charge.refunded) == (500, True)
    assert again.value.code == "charge_already_refunded"
    assert shop.kinds().count("charge.refunded") == 2


@pytest.mark.parametrize(
    ("evidence", "ends", "last"),
    [
        ("winning_evidence", "won", "charge.dispute.funds_reinstated"),
        ("losing_evidence", "lost", "charge.dispute.closed"),
    ],
)
def test_a_dispute_is_decided_by_its_evidence(
    shop: Shop, evidence: str, ends: str, last: str
) -> None:
    shop.pay(shop.session(shop.price(500), shop.customer()), DISPUTED)
    found = shop.api.disputes.list().data[0]

    asked = {"evidence": {"uncategorized_text": evidence}, "submit": True}
    closed = shop.api.disputes.update(found.id, asked)

    assert (found.status, found.amount) == ("needs_response", 500)
    assert closed.status == ends
    assert shop.kinds()[-1] == last
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        shop.api.refunds.create({"charge": found.charge})


def test_a_customer_on_a_clock_of_its_own_renews_when_it_is_moved(shop: Shop) -> None:
    start = int(shop.clock().timestamp())
    clock = shop.api.test_helpers.test_clocks.create({"frozen_time": start})
    customer = shop.customer(test_clock=clock.id)
    shop.subscribed(shop.price(every="month"), customer)
    bystander = shop.customer()
    shop.subscribed(shop.price(every="month"), bystander)

    asked = {"frozen_time": start + 366 * 86_400}
    moved = shop.api.test_helpers.test_clocks.advance(clock.id, asked)

    assert moved.status == "ready"
    assert len(invoices(shop, customer)) == 13
    assert len(invoices(shop, bystander)) == 1


def test_a_customer_that_is_deleted_subscribes_to_nothing(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribed(shop.price(every="month"), customer)

    shop.api.customers.delete(customer.id)

    assert shop.api.subscriptions.retrieve(subscription.id).status == "canceled"
    assert shop.api.customers.retrieve(customer.id).deleted


def test_pages_show_invoices_and_receipts(shop: Shop) -> None:
    options = {"expand": ["invoice", "payment_intent.latest_charge"]}
    session = shop.session(shop.price(500), shop.customer(), invoice_creation={"enabled": True})
    shop.pay(session)
    done = shop.api.checkout.sessions.retrieve(session.id, options)

    invoice = shop.browser.get(done.invoice.hosted_invoice_url)
    receipt = shop.browser.get(done.payment_intent.latest_charge.receipt_url)

    assert "5.00 USD" in invoice.text
    assert "4242" in receipt.text
    assert shop.browser.get(f"{shop.fake.address}/invoices/in_none").status_code == 404
