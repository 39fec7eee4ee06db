"""Products, prices, coupons and promotion codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.refusals import Json, bad, missing, not_done, only_one_of

CURRENCIES: Final = frozenset(
    {"usd", "eur", "gbp", "chf", "cad", "aud", "sek", "nok", "dkk", "pln", "jpy"}
)
"""All with cents but the last; the real one knows 135."""


def metadata(before: Json, given: Any) -> Json:
    """Return metadata after a change: an empty value removes its key, "" removes all."""
    if given == "":
        return {}
    return {key: value for key, value in (before | (given or {})).items() if value != ""}


def create_product(account: FakeAccount, asked: Json) -> Json:
    """Make a product."""
    if "id" in asked and account.find("product", asked["id"]):
        raise bad("Product already exists.", "id", "resource_already_exists")
    fields: Json = {
        "active": asked.get("active", True),
        "default_price": None,
        "description": asked.get("description"),
        "images": [],
        "marketing_features": [],
        "metadata": metadata({}, asked.get("metadata")),
        "name": asked["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": asked.get("tax_code"),
        "type": "service",
        "unit_label": asked.get("unit_label"),
        "updated": account.now(),
        "url": None,
    }
    made = account.make("product", fields, identifier=asked.get("id"))
    account.tell("product.created", made)
    return made


def update_product(account: FakeAccount, asked: Json, product_id: str) -> Json:
    """Change a product."""
    found = account.get("product", product_id)
    _change(account, found, asked, ("active", "description", "name", "tax_code", "unit_label"))
    return found


def delete_product(account: FakeAccount, _asked: Json, product_id: str) -> Json:
    """Remove a product that never had a price."""
    if account.rows("price", product=product_id):
        raise bad("This product cannot be deleted because it has one or more user-created prices.")
    return account.remove("product", product_id)


def create_price(account: FakeAccount, asked: Json) -> Json:
    """Make a price: of a product, in one currency or several, once or again and again."""
    if "product" not in asked:
        raise missing("product")
    account.get("product", asked["product"], "product")
    if "unit_amount" not in asked:
        raise missing("unit_amount")
    currency = _currency(asked["currency"], "currency")
    _amount(asked["unit_amount"], "unit_amount")
    options = {currency: asked} | asked.get("currency_options", {})
    made = account.make(
        "price",
        {
            "active": asked.get("active", True),
            "billing_scheme": "per_unit",
            "currency": currency,
            "currency_options": {
                _currency(name, "currency_options"): _option(one) for name, one in options.items()
            },
            "custom_unit_amount": None,
            "lookup_key": _lookup_key(account, asked),
            "metadata": metadata({}, asked.get("metadata")),
            "nickname": asked.get("nickname"),
            "product": asked["product"],
            "recurring": _recurring(asked.get("recurring")),
            "tax_behavior": asked.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if "recurring" in asked else "one_time",
            "unit_amount": asked["unit_amount"],
            "unit_amount_decimal": str(asked["unit_amount"]),
        },
    )
    account.tell("price.created", made)
    return made


def update_price(account: FakeAccount, asked: Json, price_id: str) -> Json:
    """Change what may change: never the amount."""
    found = account.get("price", price_id)
    if "lookup_key" in asked:
        asked = {**asked, "lookup_key": _lookup_key(account, asked, found)}
    asked.pop("transfer_lookup_key", None)
    _change(account, found, asked, ("active", "nickname", "lookup_key"))
    return found


def create_coupon(account: FakeAccount, asked: Json) -> Json:
    """Make a coupon."""
    if "id" in asked and account.find("coupon", asked["id"]):
        raise bad("Coupon already exists.", "id", "resource_already_exists")
    if ("percent_off" in asked) == ("amount_off" in asked):
        raise bad("You must pass either percent_off or amount_off, and not both.", "percent_off")
    if "amount_off" in asked:
        raise not_done("coupons of an amount")
    if not 0 < asked["percent_off"] <= 100:
        raise bad("Invalid percent_off: must be between 0 and 100", "percent_off")
    duration = asked.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in asked):
        raise bad("duration_in_months goes with a duration of repeating", "duration_in_months")
    products = asked.get("applies_to", {}).get("products", [])
    for product in products:
        account.get("product", product, "applies_to[products]")
    made = account.make(
        "coupon",
        {
            "amount_off": None,
            "applies_to": {"products": products} if products else None,
            "currency": None,
            "duration": duration,
            "duration_in_months": asked.get("duration_in_months"),
            "max_redemptions": asked.get("max_redemptions"),
            "metadata": metadata({}, asked.get("metadata")),
            "name": asked.get("name"),
            "percent_off": asked["percent_off"],
            "redeem_by": None,
            "times_redeemed": 0,
            "valid": True,
        },
        identifier=asked.get("id"),
    )
    account.tell("coupon.created", made)
    return made


def update_coupon(account: FakeAccount, asked: Json, coupon_id: str) -> Json:
    """Change a coupon's name; what it takes off never changes."""
    found = account.get("coupon", coupon_id)
    _change(account, found, asked, ("name",))
    return found


def delete_coupon(account: FakeAccount, _asked: Json, coupon_id: str) -> Json:
    """Remove a coupon; who has its discount keeps it."""
    for code in account.rows("promotion_code"):
        if code["promotion"]["coupon"] == coupon_id:
            code["active"] = False
    return account.remove("coupon", coupon_id)


def create_promotion_code(account: FakeAccount, asked: Json) -> Json:
    """Make a code that people type, for a coupon."""
    coupon_id = asked["promotion"].get("coupon")
    if coupon_id is None:
        raise missing("promotion[coupon]")
    coupon = account.get("coupon", coupon_id, "promotion[coupon]")
    code = asked.get("code")
    if code is None:
        raise not_done("promotion codes without a code of one's own")
    if any(
        one["code"].upper() == code.upper() for one in account.rows("promotion_code", active=True)
    ):
        raise bad(f"An active promotion code with `code: {code}` already exists.", "code")
    wanted = asked.get("restrictions", {})
    if wanted.keys() - {"first_time_transaction"}:
        raise not_done("promotion codes for amounts from some size on")
    made = account.make(
        "promotion_code",
        {
            "active": asked.get("active", True),
            "code": code,
            "customer": None,
            "expires_at": asked.get("expires_at"),
            "max_redemptions": asked.get("max_redemptions"),
            "metadata": metadata({}, asked.get("metadata")),
            "promotion": {"type": "coupon", "coupon": coupon["id"]},
            "restrictions": {
                "first_time_transaction": wanted.get("first_time_transaction", False),
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            "times_redeemed": 0,
        },
    )
    account.tell("promotion_code.created", made)
    return made


def update_promotion_code(account: FakeAccount, asked: Json, code_id: str) -> Json:
    """Switch a code on or off."""
    found = account.get("promotion_code", code_id)
    _change(account, found, asked, ("active",))
    return found


def amount_in(price: Json, currency: str, param: str = "currency") -> int:
    """Return what a price is in a currency."""
    option = price["currency_options"].get(currency)
    if option is None:
        only = ", ".join(f"`{name}`" for name in price["currency_options"])
        raise bad(
            f"The price specified only supports {only}. This doesn't match the expected currency: "
            f"`{currency}`.",
            param,
        )
    return int(option["unit_amount"])


def fits(coupon: Json, products: Iterable[str]) -> bool:
    """Whether a coupon takes something off one of these products."""
    only = (coupon["applies_to"] or {}).get("products")
    return only is None or any(one in only for one in products)


def usable_code(account: FakeAccount, typed: str) -> Json | None:
    """Return the code that somebody typed, None where it does not work (any more)."""
    for code in account.rows("promotion_code", active=True):
        if code["code"].upper() == typed.strip().upper():
            return code if _redeemable(account, code) else None
    return None


def redeemable_code(account: FakeAccount, code_id: str, param: str) -> Json:
    """Return a code by its identifier, or refuse it."""
    code = account.get("promotion_code", code_id, param)
    if not code["active"] or not _redeemable(account, code):
        raise bad("This promotion code is expired or inactive.", param)
    return code


def is_open_to(account: FakeAccount, code: Json, customer: str | None) -> bool:
    """Whether a code may be used by a customer: some are for who has paid nothing yet."""
    if not code["restrictions"]["first_time_transaction"] or customer is None:
        return True
    return not account.rows("charge", customer=customer, status="succeeded") and not any(
        one["amount_paid"] > 0 for one in account.rows("invoice", customer=customer, status="paid")
    )


def redeem(account: FakeAccount, code: Json) -> None:
    """Count one use of a code and of its coupon."""
    code["times_redeemed"] += 1
    coupon = account.get("coupon", code["promotion"]["coupon"])
    coupon["times_redeemed"] += 1


def _redeemable(account: FakeAccount, code: Json) -> bool:
    coupon = account.find("coupon", code["promotion"]["coupon"])
    if coupon is None or (code["expires_at"] or account.now() + 1) <= account.now():
        return False
    return not any(
        one["max_redemptions"] is not None and one["times_redeemed"] >= one["max_redemptions"]
        for one in (code, coupon)
    )


def _change(account: FakeAccount, found: Json, asked: Json, names: tuple[str, ...]) -> None:
    for name in names:
        if name in asked:
            found[name] = None if asked[name] == "" else asked[name]
    if "metadata" in asked:
        found["metadata"] = metadata(found["metadata"], asked["metadata"])
    if "updated" in found:
        found["updated"] = account.now()
    account.tell(f"{found['object']}.updated", found)


def _currency(name: str, param: str) -> str:
    if name.lower() not in CURRENCIES:
        raise bad(f"Invalid currency: {name}. The fake Stripe knows {sorted(CURRENCIES)}", param)
    return name.lower()


def _amount(amount: int, param: str) -> int:
    if not 0 <= amount <= 99_999_999:
        raise bad("Invalid non-negative integer", param, "parameter_invalid_integer")
    return amount


def _option(asked: Json) -> Json:
    amount = _amount(asked["unit_amount"], "currency_options")
    return {
        "custom_unit_amount": None,
        "tax_behavior": asked.get("tax_behavior", "unspecified"),
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def _recurring(asked: Json | None) -> Json | None:
    if asked is None:
        return None
    return {
        "interval": asked["interval"],
        "interval_count": asked.get("interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _lookup_key(account: FakeAccount, asked: Json, mine: Json | None = None) -> str | None:
    key = asked.get("lookup_key") or None
    for other in account.rows("price", lookup_key=key) if key else ():
        if other is mine:
            continue
        if not asked.get("transfer_lookup_key"):
            raise bad(
                f"A price (`{other['id']}`) already uses that lookup key.",
                "lookup_key",
                "resource_already_exists",
            )
        other["lookup_key"] = None
    return key


def one_discount(asked: list[Json] | None) -> Json | None:
    """Return the one discount of a request; more are for another day."""
    if not asked:
        return None
    if len(asked) > 1:
        raise not_done("several discounts at once")
    if ("coupon" in asked[0]) == ("promotion_code" in asked[0]):
        raise only_one_of("discounts[0][coupon]", "discounts[0][promotion_code]")
    return asked[0]
