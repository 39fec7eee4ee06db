"""Checkout sessions: what is bought, for whom, and the card that pays for it."""

from __future__ import annotations

from typing import Final

from stemhouse.testing.stripe import catalogue, debits
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.invoices import TAX_PERCENT, Bill, line, make_invoice, taken_off
from stemhouse.testing.stripe.money import DAY_S, keep_card, pay, refusal_of
from stemhouse.testing.stripe.refusals import Json, bad, missing, not_done, only_one_of
from stemhouse.testing.stripe.subscriptions import ENDED, start

LEAST_AMOUNT: Final = 50
"""What a card is asked for at least, in cents."""


def create(account: FakeAccount, asked: Json) -> Json:
    """Make a session; its page is where people pay."""
    for name in ("mode", "line_items", "success_url"):
        if not asked.get(name):
            raise missing(name)
    for name in ("success_url", "cancel_url"):
        if not str(asked.get(name, "https://")).startswith(("http://", "https://")):
            raise bad("Not a valid URL", name, "url_invalid")
    mode = asked["mode"]
    if mode not in {"payment", "subscription"}:
        raise not_done(f"sessions of the mode {mode}")
    _refuse_contradictions(asked, mode)
    customer = (
        account.get("customer", asked["customer"], "customer") if asked.get("customer") else None
    )
    prices = [_price(account, one, mode) for one in asked["line_items"]]
    currency = str(asked.get("currency", prices[0]["currency"])).lower()
    _refuse_mixed_currencies(account, customer, currency, mode)
    amounts = [catalogue.amount_in(price, currency) for price in prices]
    if asked.get("automatic_tax", {}).get("enabled"):
        _refuse_untaxed(prices, currency)
    lifetime_s = asked.get("expires_at", account.now() + DAY_S) - account.now()
    if not 1800 <= lifetime_s <= DAY_S + 60:
        raise bad("The `expires_at` timestamp must be between 30 minutes and 24 hours from now")
    made = account.make("checkout.session", _fields(account, asked, currency, lifetime_s))
    made["url"] = f"{account.address}/c/pay/{made['id']}"
    made["line_items"]["data"] = [
        _item(f"li_{made['id'][8:]}{number}", price, amount, currency)
        for number, (price, amount) in enumerate(zip(prices, amounts, strict=True))
    ]
    _give_discount(account, made, catalogue.one_discount(asked.get("discounts")))
    total(account, made)
    if mode == "payment" and 0 < made["amount_total"] < LEAST_AMOUNT:
        raise bad(
            "The Checkout Session's total amount due must add up to at least $0.50",
            code="amount_too_small",
        )
    return made


def expire(account: FakeAccount, _asked: Json, session_id: str) -> Json:
    """End a session that nobody paid."""
    found = account.get("checkout.session", session_id)
    if found["status"] != "open":
        raise bad(f"This Session is not open: its status is {found['status']}.")
    found |= {"status": "expired", "url": None}
    account.tell("checkout.session.expired", found)
    return found


def expire_old(account: FakeAccount) -> None:
    """End the sessions whose time is over."""
    for found in account.rows("checkout.session", status="open"):
        if found["expires_at"] <= account.now():
            expire(account, {}, found["id"])


def use_code(account: FakeAccount, found: Json, typed: str) -> None:
    """Type a promotion code into the page."""
    if not found["allow_promotion_codes"]:
        raise bad("This session takes no promotion codes.")
    code = catalogue.usable_code(account, typed)
    if (
        code is None
        or not catalogue.is_open_to(account, code, found["customer"])
        or not _fits(account, found, code["promotion"]["coupon"])
    ):
        raise bad(f"This code is invalid: {typed}")
    found["_code"] = code["id"]
    total(account, found)


def complete(account: FakeAccount, session_id: str, number: str) -> Json:
    """Pay a session with a card, as people do on its page; or by a bank, which takes days.

    Raises
    ------
    Refusal
        The card does not pay; the session stays open.
    """
    found = account.get("checkout.session", session_id)
    if found["status"] != "open":
        raise bad("This session can no longer be paid.")
    total(account, found)
    _need_customer(account, found)
    pending = found["amount_total"] > 0 and debits.is_bank_account(number)
    if pending:
        debits.begin(account, found, number)
    elif found["mode"] == "payment":
        _pay_once(account, found, number)
    else:
        _subscribe(account, found, number)
    if found.get("_code"):
        catalogue.redeem(account, account.get("promotion_code", found["_code"]))
    free = found["amount_total"] == 0
    found |= {"status": "complete", "url": None}
    if not pending:
        found["payment_status"] = "no_payment_required" if free else "paid"
    account.tell("checkout.session.completed", found)
    return found


def total(account: FakeAccount, found: Json) -> None:
    """Reckon what a session costs, with its code and its tax."""
    items = found["line_items"]["data"]
    lines = [line(one["price"], one["amount_subtotal"], (0, 0)) for one in items]
    off = taken_off(_coupon(account, found), lines)
    subtotal = sum(one["amount_subtotal"] for one in items)
    net = subtotal - sum(off)
    tax = round(net * TAX_PERCENT / 100) if found["automatic_tax"]["enabled"] else 0
    found |= {"amount_subtotal": subtotal, "amount_total": net + tax}
    found["total_details"] = {"amount_discount": sum(off), "amount_shipping": 0, "amount_tax": tax}


def _give_discount(account: FakeAccount, made: Json, asked: Json | None) -> None:
    if asked is None:
        return
    if "promotion_code" in asked:
        param = "discounts[0][promotion_code]"
        code = catalogue.redeemable_code(account, asked["promotion_code"], param)
        if not catalogue.is_open_to(account, code, made["customer"]):
            raise bad(
                "This promotion code cannot be redeemed because the associated customer has prior "
                "transactions.",
                param,
            )
        made["_code"], coupon_id = code["id"], code["promotion"]["coupon"]
    else:
        coupon_id = asked["coupon"]
        made["_coupon"] = account.get("coupon", coupon_id, "discounts[0][coupon]")["id"]
    if not _fits(account, made, coupon_id):
        raise bad("This coupon does not apply to anything in this session.", "discounts")


def _fits(account: FakeAccount, found: Json, coupon_id: str) -> bool:
    products = [one["price"]["product"] for one in found["line_items"]["data"]]
    return catalogue.fits(account.get("coupon", coupon_id), products)


def _pay_once(account: FakeAccount, found: Json, number: str) -> None:
    method = None
    if found["amount_total"] > 0:
        what = {name: found[name] for name in ("customer", "currency")}
        what |= {"amount": found["amount_total"], "metadata": found["_intent_metadata"]}
        if found["payment_intent"]:
            what["intent"] = account.get("payment_intent", found["payment_intent"])
            what["intent"]["amount"] = found["amount_total"]
        intent = pay(account, what, method, number)
        found["payment_intent"] = intent["id"]
        if intent["status"] != "succeeded":
            raise refusal_of(intent)
    write_invoice(account, found)


def write_invoice(account: FakeAccount, found: Json) -> None:
    """Write the invoice of a single payment, where the session asked for one."""
    if found["invoice_creation"]["enabled"]:
        _write_invoice(account, found)


def _write_invoice(account: FakeAccount, found: Json) -> None:
    now = account.now(found["customer"])
    items = found["line_items"]["data"]
    bill = Bill(
        customer=found["customer"],
        currency=found["currency"],
        reason="manual",
        lines=[line(one["price"], one["amount_subtotal"], (now, now)) for one in items],
        tax=found["automatic_tax"]["enabled"],
        coupon=_coupon(account, found),
        metadata=found["invoice_creation"]["invoice_data"]["metadata"],
    )
    # Paid already: what the customer is owed has nothing to do with it.
    customer = account.get("customer", found["customer"])
    balance, customer["balance"] = customer["balance"], 0
    invoice = make_invoice(account, bill)
    customer["balance"] = balance
    found["invoice"] = invoice["id"]
    invoice |= {"amount_paid": invoice["amount_due"], "amount_remaining": 0, "attempted": True}
    if found["payment_intent"]:
        fields = {
            "amount_paid": invoice["amount_due"],
            "amount_requested": invoice["amount_due"],
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "payment": {"type": "payment_intent", "payment_intent": found["payment_intent"]},
            "status": "paid",
            "status_transitions": {"canceled_at": None, "paid_at": now},
        }
        invoice["payments"]["data"].append(account.make("invoice_payment", fields))
    invoice["status"] = "paid"
    invoice["status_transitions"]["paid_at"] = now
    account.tell("invoice.paid", invoice)
    account.tell("invoice.payment_succeeded", invoice)


def _subscribe(account: FakeAccount, found: Json, number: str) -> None:
    customer = account.get("customer", found["customer"])
    before = customer["invoice_settings"]["default_payment_method"]
    kept = keep_card(account, number, customer["id"])
    customer["invoice_settings"]["default_payment_method"] = kept["id"]
    asked = {
        "customer": customer["id"],
        "currency": found["currency"],
        "metadata": found["_subscription_metadata"],
        "tax": found["automatic_tax"]["enabled"],
        "coupon": _coupon(account, found),
        "promotion_code": found.get("_code"),
        "checkout_session": found["id"],
    }
    try:
        made = start(account, asked, found["line_items"]["data"][0]["price"])
    except Exception:
        customer["invoice_settings"]["default_payment_method"] = before
        raise
    found |= {"subscription": made["id"], "invoice": made["latest_invoice"]}


def _need_customer(account: FakeAccount, found: Json) -> None:
    from stemhouse.testing.stripe import customers

    if found["customer"] is None:
        email = found["customer_email"]
        made = customers.create(account, {"email": email} if email else {})
        found["customer"] = made["id"]


def _coupon(account: FakeAccount, found: Json) -> Json | None:
    if found.get("_code"):
        code = account.get("promotion_code", found["_code"])
        return account.get("coupon", code["promotion"]["coupon"])
    return account.get("coupon", found["_coupon"]) if found.get("_coupon") else None


def _refuse_contradictions(asked: Json, mode: str) -> None:
    if asked.get("customer") and asked.get("customer_email"):
        raise only_one_of("customer", "customer_email")
    if asked.get("discounts") and "allow_promotion_codes" in asked:
        raise only_one_of("allow_promotion_codes", "discounts")
    other = "subscription" if mode == "payment" else "payment"
    wrong = "subscription_data" if mode == "payment" else "payment_intent_data"
    if wrong in asked:
        raise bad(f"You can not pass `{wrong}` in `{mode}` mode.", wrong)
    if mode == "subscription" and "invoice_creation" in asked:
        raise bad(f"You can only enable invoice creation when `mode` is set to `{other}`.")
    taxed = asked.get("automatic_tax", {}).get("enabled")
    if (
        taxed
        and asked.get("customer")
        and asked.get("customer_update", {}).get("address") != "auto"
    ):
        raise bad(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add "
            "a valid address to the Customer or set either `customer_update[address]` to 'auto' "
            "or `customer_update[shipping]` to 'auto' to save the address entered in Checkout to "
            "the Customer.",
            code="customer_tax_location_invalid",
        )


def _price(account: FakeAccount, asked: Json, mode: str) -> Json:
    if "price" not in asked:
        raise not_done("prices made in a session")
    if asked.get("quantity", 1) != 1:
        raise not_done("more than one of a thing")
    if "quantity" not in asked:
        raise missing("line_items[0][quantity]")
    found = account.get("price", asked["price"], "line_items[0][price]")
    if not found["active"]:
        raise bad(
            "The price specified is inactive. This field only accepts active prices.",
            "line_items[0][price]",
        )
    if not account.get("product", found["product"])["active"]:
        raise bad(
            f"The product {found['product']} is not active: it cannot be bought.",
            "line_items[0][price]",
        )
    if mode == "payment" and found["type"] == "recurring":
        raise bad(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices."
        )
    if mode == "subscription" and found["type"] != "recurring":
        raise bad(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices."
        )
    return found


def _refuse_mixed_currencies(
    account: FakeAccount, customer: Json | None, currency: str, mode: str
) -> None:
    if customer is None or mode == "payment":
        return
    for one in account.rows("subscription", customer=customer["id"]):
        if one["status"] not in ENDED and one["currency"] != currency:
            raise bad(
                "You cannot combine currencies on a single customer. This customer has an active "
                f"subscription, subscription schedule, discount, quote, or invoice item with "
                f"currency {one['currency']}"
            )


def _refuse_untaxed(prices: list[Json], currency: str) -> None:
    for price in prices:
        if price["currency_options"][currency]["tax_behavior"] == "unspecified":
            raise bad(
                f"The tax_behavior of the price {price['id']} in {currency} must be set to "
                "`inclusive` or `exclusive` to use automatic tax."
            )


def _item(identifier: str, price: Json, amount: int, currency: str) -> Json:
    return {
        "id": identifier,
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": None,
        "price": price,
        "quantity": 1,
    }


def _fields(account: FakeAccount, asked: Json, currency: str, lifetime_s: int) -> Json:
    creation = asked.get("invoice_creation", {"enabled": False})
    data = {"metadata": creation.get("invoice_data", {}).get("metadata", {})}
    return {
        "_intent_metadata": asked.get("payment_intent_data", {}).get("metadata", {}),
        "_subscription_metadata": asked.get("subscription_data", {}).get("metadata", {}),
        "allow_promotion_codes": asked.get("allow_promotion_codes"),
        "automatic_tax": {
            "enabled": asked.get("automatic_tax", {}).get("enabled", False),
            "liability": None,
            "status": None,
        },
        "cancel_url": asked.get("cancel_url"),
        "client_reference_id": asked.get("client_reference_id"),
        "client_secret": None,
        "currency": currency,
        "customer": asked.get("customer") or None,
        "customer_creation": None if asked.get("customer") else "if_required",
        "customer_email": asked.get("customer_email"),
        "expires_at": account.now() + lifetime_s,
        "invoice": None,
        "invoice_creation": {"enabled": creation["enabled"], "invoice_data": data},
        "line_items": {"object": "list", "data": [], "has_more": False, "url": ""},
        "locale": asked.get("locale"),
        "metadata": asked.get("metadata", {}),
        "mode": asked["mode"],
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "status": "open",
        "subscription": None,
        "success_url": asked["success_url"],
        "ui_mode": "hosted_page",
    }
