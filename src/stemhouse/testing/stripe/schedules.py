"""Changes of plans that wait for the end of the period: the real one keeps a schedule for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.catalogue import amount_in
from stemhouse.testing.stripe.periods import end_of_period
from stemhouse.testing.stripe.refusals import Json, bad

CONDITIONS: Final = ("decreasing_item_amount", "shortening_interval")
_DAYS: Final = {"day": 1, "week": 7, "month": 30, "year": 365}


def waits(found: Json, price: Json, conditions: Iterable[Json]) -> bool:
    """Whether a change of a subscription to a price waits, by the portal's conditions."""
    old = found["items"]["data"][0]["price"]
    currency = found["currency"]
    held = {
        "decreasing_item_amount": amount_in(price, currency) < amount_in(old, currency),
        "shortening_interval": _days(price) < _days(old),
    }
    return any(held[one["type"]] for one in conditions)


def plan(account: FakeAccount, found: Json, price: Json) -> None:
    """Let a subscription change to a price when its period ends."""
    refuse_planned(found)
    item = found["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    made = account.make(
        "subscription_schedule",
        {
            "canceled_at": None,
            "completed_at": None,
            "current_phase": {"start_date": start, "end_date": end},
            "customer": found["customer"],
            "end_behavior": "release",
            "metadata": {},
            "phases": [
                _phase(item["price"], start, end),
                _phase(price, end, end_of_period(end, end, price["recurring"])),
            ],
            "released_at": None,
            "released_subscription": None,
            "status": "active",
            "subscription": found["id"],
        },
    )
    found["schedule"] = made["id"]
    account.tell("subscription_schedule.created", made)
    account.tell("customer.subscription.updated", found)


def refuse_planned(found: Json) -> None:
    """Refuse to change what is to change already: the customer takes that back first."""
    if found["schedule"] is not None:
        raise bad(
            "This subscription cannot be updated, because an update is scheduled for the end of "
            "its period."
        )


def release(account: FakeAccount, found: Json) -> None:
    """Let a subscription go on as it is after all."""
    _end(account, found, "released")


def due(account: FakeAccount, found: Json) -> Json | None:
    """Return the price that begins with the next period, where one waited; it waits no more."""
    if found["schedule"] is None:
        return None
    made = account.get("subscription_schedule", found["schedule"])
    _end(account, found, "released")
    return account.get("price", made["phases"][1]["items"][0]["price"])


def _end(account: FakeAccount, found: Json, status: str) -> None:
    if found["schedule"] is None:
        return
    made = account.get("subscription_schedule", found["schedule"])
    made |= {"status": status, "released_at": account.now(found["customer"])}
    made |= {"released_subscription": found["id"], "current_phase": None}
    found["schedule"] = None
    account.tell("subscription_schedule.released", made)


def _phase(price: Json, start: int, end: int) -> Json:
    item = {"metadata": {}, "price": price["id"], "quantity": 1}
    return {"start_date": start, "end_date": end, "items": [item], "metadata": {}}


def _days(price: Json) -> int:
    recurring = price["recurring"]
    return int(_DAYS[recurring["interval"]] * recurring["interval_count"])
