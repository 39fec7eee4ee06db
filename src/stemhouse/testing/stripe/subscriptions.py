"""Subscriptions: their periods, renewals and failures, changes in mid-period, their ends."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

from stemhouse.testing.stripe import schedules
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.catalogue import amount_in, metadata
from stemhouse.testing.stripe.invoices import Bill, collect, failure_of, line, make_invoice
from stemhouse.testing.stripe.periods import end_of_period
from stemhouse.testing.stripe.refusals import Json, bad, no_such, not_done

ENDED = {"canceled", "incomplete_expired"}


def start(account: FakeAccount, asked: Json, price: Json) -> Json:
    """Begin a subscription with its first invoice, paid or refused; for Checkout.

    Raises
    ------
    Refusal
        The card does not pay; then there is no subscription.
    """
    customer_id = asked["customer"]
    now = account.now(customer_id)
    end = end_of_period(now, now, price["recurring"])
    made = account.make("subscription", _fields(asked, now))
    item = account.make("subscription_item", _item(made["id"], price, now, end))
    made["items"]["data"].append(item)
    discount = _discount(account, made, asked)
    invoice = _invoice(account, made, "subscription_create", [_period_line(made, item)])
    if not collect(account, invoice):
        account.remove("subscription", made["id"])
        invoice["status"] = "void"
        raise failure_of(account, invoice)
    made |= {"latest_invoice": invoice["id"], "status": "active"}
    account.get("customer", customer_id)["currency"] = made["currency"]
    account.tell("customer.subscription.created", made)
    _drop_spent_discount(account, made, discount)
    return made


def update(account: FakeAccount, asked: Json, subscription_id: str) -> Json:
    """Change a subscription: another price, an end, what is noted."""
    found = account.get("subscription", subscription_id)
    if found["status"] in ENDED:
        raise bad("A canceled subscription can only update its cancellation_details and metadata.")
    if "metadata" in asked:
        found["metadata"] = metadata(found["metadata"], asked["metadata"])
    if "cancel_at_period_end" in asked:
        set_end(account, found, at_end=asked["cancel_at_period_end"])
    if "items" in asked:
        schedules.refuse_planned(found)
        _change_items(account, found, asked)
    account.tell("customer.subscription.updated", found)
    return found


def set_end(account: FakeAccount, found: Json, *, at_end: bool) -> None:
    """Let a subscription end with its period, or go on after all."""
    schedules.release(account, found)
    end = found["items"]["data"][0]["current_period_end"]
    found["cancel_at_period_end"] = at_end
    found["cancel_at"] = end if at_end else None
    found["canceled_at"] = account.now(found["customer"]) if at_end else None


def cancel(account: FakeAccount, asked: Json, subscription_id: str) -> Json:
    """End a subscription now."""
    found = account.get("subscription", subscription_id)
    if found["status"] in ENDED:
        raise no_such("subscription", subscription_id, "id")
    if asked.get("prorate") or asked.get("invoice_now"):
        raise not_done("giving back the rest of the period when a subscription is cancelled")
    _end(account, found, account.now(found["customer"]))
    return found


def end_all(account: FakeAccount, customer_id: str) -> None:
    """End what a customer subscribes to."""
    for one in account.rows("subscription", customer=customer_id):
        if one["status"] not in ENDED:
            _end(account, one, account.now(customer_id))


def pay_invoice(account: FakeAccount, _asked: Json, invoice_id: str) -> Json:
    """Try at once to collect an invoice."""
    invoice = account.get("invoice", invoice_id)
    if invoice["status"] == "paid":
        raise bad("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise bad("This invoice can no longer be paid", code="invoice_not_open")
    paid = collect(account, invoice)
    _after_collecting(account, _subscription_of(account, invoice), invoice, paid=paid)
    if not paid:
        raise failure_of(account, invoice)
    return invoice


def change_price(
    account: FakeAccount, found: Json, price: Json, *, behavior: str, anew: bool
) -> Json | None:
    """Move a subscription to another price; return the invoice where there is one at once.

    With `anew` a period begins now, as with another rhythm.
    """
    item = found["items"]["data"][0]
    now = account.now(found["customer"])
    old, start_s, end_s = item["price"], item["current_period_start"], item["current_period_end"]
    left = (end_s - now) / (end_s - start_s)
    before = amount_in(old, found["currency"])
    after = amount_in(price, found["currency"], "items[0][price]")
    same_rhythm = old["recurring"] == price["recurring"] and not anew
    lines = []
    if behavior != "none":
        text = "Unused time"
        lines.append(line(old, -round(before * left), (now, end_s), text=text))
        if same_rhythm:
            text = "Remaining time"
            lines.append(line(price, round(after * left), (now, end_s), text=text))
    item["price"] = copy.deepcopy(price)
    if not same_rhythm:
        # Another rhythm begins a period of its own, which is paid at once.
        end = end_of_period(now, now, price["recurring"])
        item |= {"current_period_start": now, "current_period_end": end}
        found["billing_cycle_anchor"] = now
        lines.append(_period_line(found, item))
    for one in lines:
        one["parent"] = _line_parent(found, item, proration=one["description"] != "")
    if behavior == "create_prorations" and same_rhythm:
        found.setdefault("_pending", []).extend(lines)
        return None
    if not lines:
        return None
    invoice = _invoice(account, found, "subscription_update", lines)
    found["latest_invoice"] = invoice["id"]
    return invoice


def run_customer(account: FakeAccount, customer_id: str) -> None:
    """Let happen what is due until now: renewals, further attempts, ends."""
    now = account.now(customer_id)
    while True:
        due = [
            (moment, number, act)
            for number, one in enumerate(account.rows("subscription", customer=customer_id))
            for moment, act in _due(account, one)
        ]
        if not due or min(due)[0] > now:
            return
        moment, _, act = min(due, key=lambda one: one[:2])
        with account.at(moment):
            act()


def _due(account: FakeAccount, found: Json) -> list[tuple[int, Callable[[], None]]]:
    if found["status"] in ENDED:
        return []
    due: list[tuple[int, Callable[[], None]]] = []
    for invoice in account.rows("invoice", customer=found["customer"], status="open"):
        mine = _subscription_of(account, invoice) is found
        if mine and invoice["next_payment_attempt"] is not None:
            again = partial(_try_again, account, found, invoice)
            due.append((invoice["next_payment_attempt"], again))
            break
    end = found["items"]["data"][0]["current_period_end"]
    due.append((end, partial(_renew, account, found)))
    return due


def _renew(account: FakeAccount, found: Json) -> None:
    item = found["items"]["data"][0]
    end = item["current_period_end"]
    if found["cancel_at_period_end"]:
        _end(account, found, end)
        return
    waited = schedules.due(account, found)
    if waited is not None:
        if waited["recurring"] != item["price"]["recurring"]:
            found["billing_cycle_anchor"] = end
        item["price"] = copy.deepcopy(waited)
    later = end_of_period(found["billing_cycle_anchor"], end, item["price"]["recurring"])
    item |= {"current_period_start": end, "current_period_end": later}
    pending = found.pop("_pending", [])
    lines = [*pending, _period_line(found, item)]
    invoice = _invoice(account, found, "subscription_cycle", lines)
    found["latest_invoice"] = invoice["id"]
    account.tell("customer.subscription.updated", found)
    _after_collecting(account, found, invoice, paid=collect(account, invoice))


def _try_again(account: FakeAccount, found: Json, invoice: Json) -> None:
    _after_collecting(account, found, invoice, paid=collect(account, invoice))


def _after_collecting(
    account: FakeAccount, found: Json | None, invoice: Json, *, paid: bool
) -> None:
    if found is None or found["status"] in ENDED:
        return
    if paid and found["status"] != "active":
        found["status"] = "active"
        account.tell("customer.subscription.updated", found)
    if paid:
        return
    if invoice["next_payment_attempt"] is None and invoice["attempt_count"] > 1:
        _end(account, found, account.now(found["customer"]), reason="payment_failed")
    elif found["status"] != "past_due":
        found["status"] = "past_due"
        account.tell("customer.subscription.updated", found)


def _end(
    account: FakeAccount, found: Json, moment: int, reason: str = "cancellation_requested"
) -> None:
    found |= {"status": "canceled", "ended_at": moment}
    found["canceled_at"] = found["canceled_at"] or moment
    found["cancellation_details"]["reason"] = reason
    account.tell("customer.subscription.deleted", found)


def _change_items(account: FakeAccount, found: Json, asked: Json) -> None:
    item = found["items"]["data"][0]
    if len(asked["items"]) != 1 or asked["items"][0].get("id") != item["id"]:
        raise not_done("subscriptions to several things")
    price = account.get("price", asked["items"][0].get("price", ""), "items[0][price]")
    if not price["active"]:
        raise bad("The price specified is inactive. This field only accepts active prices.")
    if price["recurring"] is None:
        raise bad("The price specified is set to `type=one_time`", "items[0][price]")
    strict = asked.get("payment_behavior") == "error_if_incomplete"
    behavior = asked.get("proration_behavior", "create_prorations")
    customer = account.get("customer", found["customer"])
    kept = copy.deepcopy((found, customer))
    anew = asked.get("billing_cycle_anchor") == "now"
    invoice = change_price(account, found, price, behavior=behavior, anew=anew)
    if invoice is None:
        return
    if not collect(account, invoice):
        if strict:
            found |= kept[0]
            customer |= kept[1]
            invoice["status"] = "void"
            raise failure_of(account, invoice)
        found["status"] = "past_due"


def _invoice(account: FakeAccount, found: Json, reason: str, lines: list[Json]) -> Json:
    discount, coupon = _live_discount(account, found)
    bill = Bill(
        customer=found["customer"],
        currency=found["currency"],
        reason=reason,
        lines=lines,
        tax=found["automatic_tax"]["enabled"],
        subscription=found,
        discount=discount,
        coupon=coupon,
    )
    return make_invoice(account, bill)


def _live_discount(account: FakeAccount, found: Json) -> tuple[Json | None, Json | None]:
    if not found["discounts"]:
        return None, None
    discount = account.get("discount", found["discounts"][0])
    if discount["end"] is not None and discount["end"] <= account.now(found["customer"]):
        found["discounts"] = []
        return None, None
    return discount, discount["_coupon"]


def _drop_spent_discount(account: FakeAccount, found: Json, discount: Json | None) -> None:
    if discount is not None and discount["_coupon"]["duration"] == "once":
        found["discounts"] = []
        account.tell("customer.discount.deleted", discount)


def _discount(account: FakeAccount, found: Json, asked: Json) -> Json | None:
    coupon = asked.get("coupon")
    if coupon is None:
        return None
    now, end = account.now(found["customer"]), None
    if coupon["duration"] == "repeating":
        months = {"interval": "month", "interval_count": coupon["duration_in_months"]}
        end = end_of_period(now, now, months)
    made = account.make(
        "discount",
        {
            "_coupon": copy.deepcopy(coupon),
            "checkout_session": asked.get("checkout_session"),
            "customer": found["customer"],
            "end": end,
            "promotion_code": asked.get("promotion_code"),
            "source": {"type": "coupon", "coupon": coupon["id"]},
            "start": now,
            "subscription": found["id"],
        },
    )
    found["discounts"] = [made["id"]]
    return made


def _subscription_of(account: FakeAccount, invoice: Json) -> Json | None:
    if invoice["parent"] is None:
        return None
    return account.find("subscription", invoice["parent"]["subscription_details"]["subscription"])


def _period_line(found: Json, item: Json) -> Json:
    price = item["price"]
    period = (item["current_period_start"], item["current_period_end"])
    made = line(price, amount_in(price, found["currency"]), period)
    made["parent"] = _line_parent(found, item, proration=False)
    return made


def _line_parent(found: Json, item: Json, *, proration: bool) -> Json:
    told = {
        "invoice_item": None,
        "proration": proration,
        "proration_details": None,
        "subscription": found["id"],
        "subscription_item": item["id"],
    }
    return {"type": "subscription_item_details", "subscription_item_details": told}


def _item(subscription_id: str, price: Json, begin: int, end: int) -> Json:
    return {
        "current_period_start": begin,
        "current_period_end": end,
        "discounts": [],
        "metadata": {},
        "price": copy.deepcopy(price),
        "quantity": 1,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def _fields(asked: Json, now: int) -> Json:
    return {
        "automatic_tax": {"enabled": asked["tax"], "disabled_reason": None, "liability": None},
        "billing_cycle_anchor": now,
        "billing_mode": {"type": "flexible"},
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "currency": asked["currency"],
        "customer": asked["customer"],
        "default_payment_method": None,
        "description": None,
        "discounts": [],
        "ended_at": None,
        "items": {"object": "list", "data": [], "has_more": False, "url": ""},
        "latest_invoice": None,
        "metadata": asked.get("metadata", {}),
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "incomplete",
        "test_clock": None,
        "trial_end": None,
        "trial_start": None,
    }
