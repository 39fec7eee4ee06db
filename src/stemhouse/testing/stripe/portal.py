"""The billing portal: what customers may do there, and links that open it."""

from __future__ import annotations

from typing import Final

from stemhouse.testing.stripe import schedules
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.catalogue import metadata
from stemhouse.testing.stripe.money import keep_card
from stemhouse.testing.stripe.refusals import Json, bad, missing, not_done
from stemhouse.testing.stripe.subscriptions import ENDED, cancel, set_end, update

MOST_PRODUCTS: Final = 10

FLOWS: Final = {
    "payment_method_update": None,
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}
"""Kinds of flows, and the feature that each needs."""


def create_configuration(account: FakeAccount, asked: Json) -> Json:
    """Make a configuration; the first one is the usual one."""
    made = account.make(
        "billing_portal.configuration",
        {
            "active": True,
            "application": None,
            "business_profile": {"headline": None, "privacy_policy_url": None}
            | asked.get("business_profile", {}),
            "default_return_url": asked.get("default_return_url"),
            "features": _features(account, asked["features"]),
            "is_default": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": metadata({}, asked.get("metadata")),
            "name": asked.get("name"),
            "updated": account.now(),
        },
    )
    account.tell("billing_portal.configuration.created", made)
    return made


def update_configuration(account: FakeAccount, asked: Json, configuration_id: str) -> Json:
    """Change a configuration."""
    found = account.get("billing_portal.configuration", configuration_id)
    if "features" in asked:
        found["features"] |= _features(account, asked["features"])
    for name in ("active", "default_return_url", "name"):
        if name in asked:
            found[name] = asked[name]
    if "business_profile" in asked:
        found["business_profile"] |= asked["business_profile"]
    if "metadata" in asked:
        found["metadata"] = metadata(found["metadata"], asked["metadata"])
    account.tell("billing_portal.configuration.updated", found)
    return found


def create_session(account: FakeAccount, asked: Json) -> Json:
    """Make a link that opens the portal for one customer."""
    if "customer" not in asked:
        raise missing("customer")
    account.get("customer", asked["customer"], "customer")
    if "configuration" not in asked:
        raise bad(
            "No configuration provided and your test mode default configuration has not been "
            "created. Provide a configuration or create your default by saving your customer "
            "portal settings in test mode at "
            "https://dashboard.stripe.com/test/settings/billing/portal."
        )
    configuration = account.get(
        "billing_portal.configuration", asked["configuration"], "configuration"
    )
    flow = asked.get("flow_data")
    if flow is not None:
        _check_flow(account, configuration, asked["customer"], flow)
    made = account.make(
        "billing_portal.session",
        {
            "configuration": configuration["id"],
            "customer": asked["customer"],
            "flow": flow,
            "locale": asked.get("locale"),
            "return_url": asked.get("return_url") or configuration["default_return_url"],
        },
    )
    made["url"] = f"{account.address}/p/session/{made['id']}"
    return made


def subscription_in(account: FakeAccount, found: Json) -> Json | None:
    """Return the subscription that a session is about: the customer's one that lives."""
    rows = account.rows("subscription", customer=found["customer"])
    return next((one for one in rows if one["status"] not in ENDED), None)


def choices_in(account: FakeAccount, found: Json) -> list[Json]:
    """Return the prices that a session lets people change to."""
    configuration = account.get("billing_portal.configuration", found["configuration"])
    feature = configuration["features"]["subscription_update"]
    if not feature["enabled"]:
        return []
    ids = [price for product in feature["products"] for price in product["prices"]]
    return [account.get("price", one) for one in ids]


def act(account: FakeAccount, session_id: str, what: str, value: str) -> None:
    """Do what a button of the page says: change, cancel, go_on, card."""
    found = account.get("billing_portal.session", session_id)
    features = account.get("billing_portal.configuration", found["configuration"])["features"]
    if what == "card":
        customer = account.get("customer", found["customer"])
        kept = keep_card(account, value, customer["id"])
        customer["invoice_settings"]["default_payment_method"] = kept["id"]
        account.tell("payment_method.attached", kept)
        account.tell("customer.updated", customer)
        return
    mine = subscription_in(account, found)
    if mine is None:
        raise bad("There is no subscription.")
    if what == "change":
        if value not in {price["id"] for price in choices_in(account, found)}:
            raise bad("This plan is not offered.")
        changes = features["subscription_update"]
        schedules.refuse_planned(mine)
        price = account.get("price", value)
        if schedules.waits(mine, price, changes["schedule_at_period_end"]["conditions"]):
            schedules.plan(account, mine, price)
            return
        item = {"id": mine["items"]["data"][0]["id"], "price": value}
        asked = {"items": [item], "proration_behavior": changes["proration_behavior"]}
        asked["billing_cycle_anchor"] = changes["billing_cycle_anchor"]
        update(account, {**asked, "payment_behavior": "error_if_incomplete"}, mine["id"])
    elif what == "cancel":
        if not features["subscription_cancel"]["enabled"]:
            raise bad("Subscriptions cannot be cancelled here.")
        if features["subscription_cancel"]["mode"] == "immediately":
            cancel(account, {}, mine["id"])
        else:
            set_end(account, mine, at_end=True)
            account.tell("customer.subscription.updated", mine)
    else:
        set_end(account, mine, at_end=False)
        account.tell("customer.subscription.updated", mine)


def _check_flow(account: FakeAccount, configuration: Json, customer_id: str, flow: Json) -> None:
    feature = FLOWS[flow["type"]]
    if feature is not None and not configuration["features"][feature]["enabled"]:
        raise bad(
            f"This {flow['type']} flow cannot be used because the feature {feature} is disabled "
            "in the portal configuration."
        )
    if flow["type"] == "payment_method_update":
        return
    part = flow.get(flow["type"])
    if part is None:
        raise missing(f"flow_data[{flow['type']}]")
    mine = account.get("subscription", part["subscription"], "flow_data[subscription]")
    if mine["customer"] != customer_id:
        raise bad(f"No such subscription: '{mine['id']}'", code="resource_missing")
    if "items" in part:
        schedules.refuse_planned(mine)
    for item in part.get("items", ()):
        products = configuration["features"]["subscription_update"]["products"]
        offered = {price for product in products for price in product["prices"]}
        if item.get("price") not in offered:
            raise bad("The price is not among those of the portal configuration.")
        price = account.get("price", item["price"])
        if mine["currency"] not in price["currency_options"]:
            raise bad("The price does not have the currency of the subscription.")


def _features(account: FakeAccount, asked: Json) -> Json:
    known = {"customer_update", "invoice_history", "payment_method_update"}
    known |= {"subscription_cancel", "subscription_update"}
    for name in asked:
        if name not in known:
            raise not_done(f"the feature {name} of the portal")
    off: Json = {"enabled": False}
    changes = off | {"proration_behavior": "none", "products": [], "default_allowed_updates": []}
    changes |= {"billing_cycle_anchor": "unchanged", "schedule_at_period_end": {"conditions": []}}
    changes |= asked.get("subscription_update", {})
    if len(changes["products"] or ()) > MOST_PRODUCTS:
        raise bad(f"The portal takes up to {MOST_PRODUCTS} products.", "features")
    if changes["enabled"] and not changes["products"]:
        raise missing("features[subscription_update][products]")
    for product in changes["products"] or ():
        _check_product(account, product)
    return {
        "customer_update": off | asked.get("customer_update", {}),
        "invoice_history": off | asked.get("invoice_history", {}),
        "payment_method_update": off | asked.get("payment_method_update", {}),
        "subscription_cancel": off
        | {"mode": "at_period_end", "proration_behavior": "none"}
        | asked.get("subscription_cancel", {}),
        "subscription_update": changes,
    }


def _check_product(account: FakeAccount, asked: Json) -> None:
    rhythms = []
    for price_id in asked["prices"]:
        price = account.get("price", price_id, "features[subscription_update][products]")
        if price["product"] != asked["product"] or price["recurring"] is None:
            raise bad("The prices of the portal must be recurring ones of their product.")
        rhythms.append((price["recurring"]["interval"], price["recurring"]["interval_count"]))
    if len(set(rhythms)) != len(rhythms):
        raise bad("Each price of a product in the portal must have a rhythm of its own.")
