"""Invoices: what is owed, what takes some off, and asking a card for the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.money import DAY_S, pay, refusal_of
from stemhouse.testing.stripe.refusals import Json, bad

TAX_PERCENT: Final = 10
"""What this tax office takes of everything, where automatic tax is on."""

RETRY_DAYS: Final = (3, 5, 7)
"""Days between the attempts to collect what a renewal costs; then the subscription ends."""


@dataclass
class Bill:
    """What an invoice is made of."""

    customer: str
    currency: str
    reason: str
    lines: list[Json]
    tax: bool = False
    subscription: Json | None = None
    discount: Json | None = None
    coupon: Json | None = None
    metadata: Json = field(default_factory=dict)


def line(price: Json, amount: int, period: tuple[int, int], *, text: str = "") -> Json:
    """Return a line for one price."""
    return {
        "object": "line_item",
        "amount": amount,
        "currency": "",
        "description": text,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": {"start": period[0], "end": period[1]},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": str(amount),
        },
        "quantity": 1,
        "subtotal": amount,
        "taxes": [],
    }


def taken_off(coupon: Json | None, lines: list[Json]) -> list[int]:
    """Return what a coupon takes off each line."""
    if coupon is None:
        return [0 for _ in lines]
    products = (coupon["applies_to"] or {}).get("products")
    return [
        round(one["amount"] * coupon["percent_off"] / 100)
        if one["amount"] > 0
        and (products is None or one["pricing"]["price_details"]["product"] in products)
        else 0
        for one in lines
    ]


def make_invoice(account: FakeAccount, bill: Bill) -> Json:
    """Make an invoice and finalise it: from here on it does not change but in its state."""
    off = taken_off(bill.coupon, bill.lines)
    subtotal = sum(one["amount"] for one in bill.lines)
    net = subtotal - sum(off)
    tax = round(net * TAX_PERCENT / 100) if bill.tax else 0
    customer = account.get("customer", bill.customer)
    total = net + tax
    # What is below zero is kept for the next invoice; what was kept pays for this one.
    before = customer["balance"]
    due = max(0, total + before) if total > 0 else 0
    after = total + before - due
    invoice = account.make("invoice", _fields(account, bill))
    invoice |= {
        "subtotal": subtotal,
        "total": total,
        "total_excluding_tax": net,
        "total_taxes": [{"amount": tax, "tax_behavior": "exclusive"}] if bill.tax else [],
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": before,
        "ending_balance": after,
    }
    if bill.discount is not None:
        total_off = {"amount": sum(off), "discount": bill.discount["id"]}
        invoice["total_discount_amounts"] = [total_off]
        invoice["discounts"] = [bill.discount["id"]]
    for one, less in zip(bill.lines, off, strict=True):
        one |= {"id": f"il_{invoice['id'][3:]}{len(invoice['lines']['data'])}"}
        one |= {"invoice": invoice["id"], "currency": bill.currency}
        if less and bill.discount is not None:
            one["discount_amounts"] = [{"amount": less, "discount": bill.discount["id"]}]
        invoice["lines"]["data"].append(one)
    account.tell("invoice.created", invoice)
    customer["balance"] = after
    account.invoices += 1
    invoice["number"] = f"{customer['invoice_prefix']}-{account.invoices:04}"
    invoice["status"] = "open"
    invoice["status_transitions"]["finalized_at"] = account.now(bill.customer)
    invoice["hosted_invoice_url"] = f"{account.address}/invoices/{invoice['id']}"
    invoice["invoice_pdf"] = f"{account.address}/invoices/{invoice['id']}/pdf"
    account.tell("invoice.finalized", invoice)
    return invoice


def collect(account: FakeAccount, invoice: Json) -> bool:
    """Ask the customer's card for what is due; say whether it paid."""
    now = account.now(invoice["customer"])
    invoice["attempted"] = True
    if invoice["amount_due"] == 0:
        _paid(account, invoice, now)
        return True
    invoice["attempt_count"] += 1
    customer = account.get("customer", invoice["customer"])
    method = customer["invoice_settings"]["default_payment_method"]
    known = invoice["payments"]["data"]
    what = {name: invoice[name] for name in ("customer", "currency")}
    what |= {"amount": invoice["amount_due"], "description": f"Invoice {invoice['number']}"}
    if known:
        what["intent"] = account.get("payment_intent", known[0]["payment"]["payment_intent"])
    intent = pay(account, what, method)
    if not known:
        known.append(_payment(account, invoice, intent))
    if intent["status"] != "succeeded":
        customer["delinquent"] = True
        invoice["next_payment_attempt"] = _next_attempt(invoice, now)
        account.tell("invoice.payment_failed", invoice)
        account.tell("invoice.updated", invoice)
        return False
    customer["delinquent"] = False
    known[0] |= {"status": "paid", "amount_paid": invoice["amount_due"]}
    invoice["amount_paid"], invoice["amount_remaining"] = invoice["amount_due"], 0
    _paid(account, invoice, now)
    return True


def failure_of(account: FakeAccount, invoice: Json) -> Exception:
    """Return why an invoice could not be collected, as an answer."""
    payment = invoice["payments"]["data"][0]["payment"]["payment_intent"]
    return refusal_of(account.get("payment_intent", payment))


def void(account: FakeAccount, invoice: Json) -> None:
    """Take an invoice back: nobody owes it any more."""
    if invoice["status"] not in {"open", "uncollectible"}:
        raise bad("You can only pass in open invoices. This invoice isn't open.")
    invoice["status"], invoice["next_payment_attempt"] = "void", None
    account.tell("invoice.voided", invoice)


def _paid(account: FakeAccount, invoice: Json, now: int) -> None:
    invoice |= {"status": "paid", "next_payment_attempt": None}
    invoice["status_transitions"]["paid_at"] = now
    account.tell("invoice.paid", invoice)
    account.tell("invoice.payment_succeeded", invoice)


def _next_attempt(invoice: Json, now: int) -> int | None:
    if invoice["billing_reason"] != "subscription_cycle":
        return None
    tried = invoice["attempt_count"]
    return now + RETRY_DAYS[tried - 1] * DAY_S if tried <= len(RETRY_DAYS) else None


def _payment(account: FakeAccount, invoice: Json, intent: Json) -> Json:
    fields = {
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return account.make("invoice_payment", fields)


def _fields(account: FakeAccount, bill: Bill) -> Json:
    now = account.now(bill.customer)
    parent = None
    if bill.subscription is not None:
        told = {"subscription": bill.subscription["id"], "metadata": bill.subscription["metadata"]}
        parent = {
            "type": "subscription_details",
            "subscription_details": told,
            "quote_details": None,
        }
    return {
        "account_country": "US",
        "account_name": account.name,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": bill.reason == "subscription_cycle",
        "automatic_tax": {"enabled": bill.tax, "status": "complete" if bill.tax else None},
        "billing_reason": bill.reason,
        "collection_method": "charge_automatically",
        "currency": bill.currency,
        "customer": bill.customer,
        "customer_email": account.get("customer", bill.customer)["email"],
        "description": None,
        "discounts": [],
        "due_date": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "lines": {"object": "list", "data": [], "has_more": False, "url": ""},
        "metadata": bill.metadata,
        "next_payment_attempt": None,
        "number": None,
        "parent": parent,
        "payments": {"object": "list", "data": [], "has_more": False, "url": ""},
        "period_start": now,
        "period_end": now,
        "receipt_number": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "total_discount_amounts": [],
    }
