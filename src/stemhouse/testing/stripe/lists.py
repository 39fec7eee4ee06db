"""Lists as Stripe has them: newest first, with filters, in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.refusals import Json, bad, no_such

USUAL_LIMIT: Final = 10
MOST: Final = 100
MOST_TYPES: Final = 20
MOST_KEYS: Final = 10

_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


def list_rows(kind: str, filters: Iterable[str], account: FakeAccount, asked: Json) -> Json:
    """Return one page of the objects of a kind."""
    limit = asked.get("limit", USUAL_LIMIT)
    if limit > MOST:
        message = f"This value must be less than or equal to {MOST} (it currently is `{limit}`)."
        raise bad(message, "limit", "parameter_invalid_integer")
    if limit < 1:
        message = "This value must be greater than or equal to 1."
        raise bad(message, "limit", "parameter_invalid_integer")
    if len(asked.get("types", ())) > MOST_TYPES:
        raise bad(f"You may only specify up to {MOST_TYPES} event types.", "types")
    if len(asked.get("lookup_keys", ())) > MOST_KEYS:
        raise bad(f"You may only specify up to {MOST_KEYS} lookup keys.", "lookup_keys")
    wanted = {name: asked[name] for name in filters if name in asked}
    if kind == "subscription":
        # Ended ones are listed only when they are asked for.
        wanted.setdefault("status", "")
    rows = [one for one in account.rows(kind) if all(_fits(one, *item) for item in wanted.items())]
    page, more = _page(kind, rows, asked, limit)
    return {"object": "list", "data": page, "has_more": more, "url": f"/v1/{kind}s"}


def _page(kind: str, rows: list[Json], asked: Json, limit: int) -> tuple[list[Json], bool]:
    if "starting_after" in asked and "ending_before" in asked:
        raise bad("You may only specify one of starting_after and ending_before.")
    if "starting_after" in asked:
        rows = rows[_place(kind, rows, asked["starting_after"], "starting_after") + 1 :]
    if "ending_before" in asked:
        rows = rows[: _place(kind, rows, asked["ending_before"], "ending_before")]
        return rows[-limit:], len(rows) > limit
    return rows[:limit], len(rows) > limit


def _place(kind: str, rows: list[Json], identifier: str, param: str) -> int:
    for place, one in enumerate(rows):
        if one["id"] == identifier:
            return place
    raise no_such(kind, identifier, param)


def _fits(one: Json, name: str, value: Any) -> bool:
    if name == "created" and isinstance(value, dict):
        return all(_COMPARE[way](one["created"], bound) for way, bound in value.items())
    if name == "ids":
        return one["id"] in value
    if name == "types":
        return one["type"] in value
    if name == "lookup_keys":
        return one["lookup_key"] in value
    if name == "price":
        return any(item["price"]["id"] == value for item in one["items"]["data"])
    if name == "payment":
        return bool(one["payment"].get("payment_intent") == value.get("payment_intent"))
    if name == "subscription" and one["object"] == "invoice":
        details = (one["parent"] or {}).get("subscription_details", {})
        return bool(details.get("subscription") == value)
    if name == "status" and one["object"] == "subscription":
        if value == "all":
            return True
        if value == "ended":
            return one["status"] in {"canceled", "incomplete_expired"}
        return bool(one["status"] == value if value else one["status"] != "canceled")
    return bool(one.get(name) == value)
