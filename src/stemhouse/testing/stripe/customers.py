"""Customers, and the clocks that they may live on."""

from __future__ import annotations

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.catalogue import metadata
from stemhouse.testing.stripe.refusals import Json, bad
from stemhouse.testing.stripe.subscriptions import end_all, run_customer

_FIELDS = ("name", "email", "description", "phone", "address", "preferred_locales")


def create(account: FakeAccount, asked: Json) -> Json:
    """Make a customer."""
    if "email" in asked and "@" not in asked["email"]:
        raise bad(f"Invalid email address: {asked['email']}", "email", "email_invalid")
    if "test_clock" in asked:
        account.get("test_helpers.test_clock", asked["test_clock"], "test_clock")
    made = account.make(
        "customer",
        {
            "balance": 0,
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "discount": None,
            "invoice_prefix": None,
            "invoice_settings": {"custom_fields": None, "default_payment_method": None},
            "metadata": metadata({}, asked.get("metadata")),
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": asked.get("test_clock"),
            **{name: asked.get(name) for name in _FIELDS},
        },
    )
    made["invoice_prefix"] = made["id"][-8:].upper()
    account.tell("customer.created", made)
    return made


def retrieve(account: FakeAccount, _asked: Json, customer_id: str) -> Json:
    """Return a customer, or what is left of one that was removed."""
    return account.find("customer", customer_id) or account.get("customer", customer_id)


def update(account: FakeAccount, asked: Json, customer_id: str) -> Json:
    """Change a customer."""
    found = account.get("customer", customer_id)
    for name in _FIELDS:
        if name in asked:
            found[name] = None if asked[name] == "" else asked[name]
    method = asked.get("invoice_settings", {}).get("default_payment_method")
    if method is not None:
        account.get("payment_method", method, "invoice_settings[default_payment_method]")
        found["invoice_settings"]["default_payment_method"] = method
    if "metadata" in asked:
        found["metadata"] = metadata(found["metadata"], asked["metadata"])
    account.tell("customer.updated", found)
    return found


def delete(account: FakeAccount, _asked: Json, customer_id: str) -> Json:
    """Remove a customer and end what it subscribes to; its invoices stay."""
    found = account.get("customer", customer_id)
    end_all(account, customer_id)
    account.tell("customer.deleted", found)
    # What is left of it can be asked for still.
    kept = {name: found[name] for name in ("id", "object")} | {"deleted": True}
    found.clear()
    found |= kept
    return found


def create_clock(account: FakeAccount, asked: Json) -> Json:
    """Make a clock that stands still."""
    return account.make(
        "test_helpers.test_clock",
        {
            "deletes_after": account.now() + 30 * 86_400,
            "frozen_time": asked["frozen_time"],
            "name": asked.get("name"),
            "status": "ready",
            "status_details": {},
        },
    )


def advance_clock(account: FakeAccount, asked: Json, clock_id: str) -> Json:
    """Move a clock on, and let happen what was due in between."""
    clock = account.get("test_helpers.test_clock", clock_id)
    if asked["frozen_time"] <= clock["frozen_time"]:
        raise bad("Test clocks can only be advanced to a later time.", "frozen_time")
    clock["frozen_time"] = asked["frozen_time"]
    for customer in account.rows("customer", test_clock=clock_id):
        run_customer(account, customer["id"])
    account.tell("test_helpers.test_clock.ready", clock)
    return clock


def delete_clock(account: FakeAccount, _asked: Json, clock_id: str) -> Json:
    """Remove a clock and the customers on it."""
    for customer in account.rows("customer", test_clock=clock_id):
        delete(account, {}, customer["id"])
    return account.remove("test_helpers.test_clock", clock_id)
