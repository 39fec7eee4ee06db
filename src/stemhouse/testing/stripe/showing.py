"""What is answered of an object: nothing kept aside, more where it was asked for."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Final

from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.refusals import Json, bad

INCLUDABLE: Final = {
    "price": {"currency_options"},
    "coupon": {"applies_to"},
    "checkout.session": {"line_items"},
    "invoice": {"payments"},
}
"""Fields that are answered only when they are expanded."""

MOST_LEVELS: Final = 4


def shown(account: FakeAccount, found: Json, expand: Iterable[str] = ()) -> Json:
    """Return a copy to be answered.

    Parameters
    ----------
    account : FakeAccount
        Where expanded objects come from.
    found : dict
        The object, or a list of some.
    expand : iterable of str
        Paths such as ``latest_invoice`` and ``data.line_items``.
    """
    paths = [path.split(".") for path in expand]
    for path in paths:
        if len(path) > MOST_LEVELS:
            raise bad("You cannot expand more than 4 levels of a property", "expand[0]")
    answer: Json = _shown(account, found, paths)
    return answer


def _shown(account: FakeAccount, value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_shown(account, one, paths) for one in value]
    if not isinstance(value, dict):
        return copy.deepcopy(value)
    wanted: dict[str, list[list[str]]] = {}
    for first, *rest in paths:
        if first not in value:
            raise bad(f"This property cannot be expanded ({first}).", "expand[0]")
        wanted.setdefault(first, []).extend([rest] if rest else [])
    kind = value.get("object")  # in an event's data it is an object itself
    hidden = INCLUDABLE.get(kind, set()) if isinstance(kind, str) else set()
    answer = {}
    for name, below in value.items():
        if name.startswith("_") or (name in hidden and name not in wanted):
            continue
        if name in wanted and isinstance(below, str):
            below = _expanded(account, name, below)
        answer[name] = _shown(account, below, wanted.get(name, []))
    return answer


def _expanded(account: FakeAccount, name: str, identifier: str) -> Json:
    found = account.of_any_kind(identifier)
    if found is None:
        raise bad(f"This property cannot be expanded ({name}).", "expand[0]")
    return found
