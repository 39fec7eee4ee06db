"""One Stripe account of the fake: its objects, its events, its time."""

from __future__ import annotations

import copy
import secrets
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from stemhouse.testing.stripe.refusals import Json, no_such

API_VERSION: Final = "2026-10-28.endive"
"""What the official library that we use speaks; no other is known."""

_LETTERS: Final = string.ascii_letters + string.digits
_PREFIXES: Final = {
    "product": "prod",
    "price": "price",
    "coupon": "",
    "promotion_code": "promo",
    "customer": "cus",
    "payment_method": "pm",
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "dispute": "du",
    "subscription": "sub",
    "subscription_item": "si",
    "subscription_schedule": "sub_sched",
    "invoice": "in",
    "line_item": "il",
    "invoice_payment": "inpay",
    "discount": "di",
    "checkout.session": "cs_test",
    "billing_portal.session": "bps",
    "billing_portal.configuration": "bpc",
    "webhook_endpoint": "we",
    "event": "evt",
    "test_helpers.test_clock": "clock",
}


class FakeAccount:
    """What one secret key opens; other accounts' objects are not there.

    Parameters
    ----------
    key : str
        The secret key, ``sk_test_…``.
    name : str
        What pages and invoices call the seller.
    clock : callable
        Tells the time of everything that is on no test clock.
    address : str
        Where the fake's pages are.
    """

    def __init__(self, key: str, name: str, clock: Callable[[], datetime], address: str) -> None:
        self.key = key
        self.name = name
        self.address = address
        self.lock = threading.RLock()
        self.on_event: list[Callable[[Json], None]] = []
        self.answers: dict[str, tuple[str, int, Json]] = {}
        """Answers by idempotency key, with the fingerprint of the request."""
        self.cards: dict[str, str] = {}
        """Numbers of payment methods: never shown."""
        self.invoices = 0
        self._clock = clock
        self._at: int | None = None
        self._objects: dict[str, dict[str, Json]] = {}

    def now(self, customer_id: str | None = None) -> int:
        """Return the time, that of the customer's test clock where there is one."""
        if self._at is not None:
            return self._at
        clock = self._objects.get("customer", {}).get(customer_id or "", {}).get("test_clock")
        if clock:
            return int(self._objects["test_helpers.test_clock"][clock]["frozen_time"])
        return int(self._clock().timestamp())

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Let something happen at its own time while the clock has moved on already."""
        before, self._at = self._at, moment
        try:
            yield
        finally:
            self._at = before

    def make(self, kind: str, fields: Json, *, identifier: str | None = None) -> Json:
        """Make an object with what all of them have."""
        prefix = _PREFIXES[kind]
        letters = "".join(secrets.choice(_LETTERS) for _ in range(24 if prefix else 8))
        made: Json = {
            "id": identifier or f"{prefix}_{letters}".lstrip("_"),
            "object": kind,
            "created": self.now(fields.get("customer")),
            "livemode": False,
            **fields,
        }
        self._objects.setdefault(kind, {})[made["id"]] = made
        return made

    def get(self, kind: str, identifier: str, param: str = "id") -> Json:
        """Return an object, or say as Stripe does that it is not there."""
        found = self.find(kind, identifier)
        if found is None or found.get("deleted"):
            raise no_such(kind, identifier, param)
        return found

    def find(self, kind: str, identifier: str) -> Json | None:
        """Return an object, None where there is none."""
        return self._objects.get(kind, {}).get(identifier)

    def of_any_kind(self, identifier: str) -> Json | None:
        """Return the object with an identifier, for expanding it."""
        found = (rows.get(identifier) for rows in self._objects.values())
        return next((one for one in found if one is not None), None)

    def rows(self, kind: str, **where: object) -> list[Json]:
        """List objects, newest first, with these values; None means any."""
        wanted = {name: value for name, value in where.items() if value is not None}
        listed = reversed(self._objects.get(kind, {}).values())
        return [one for one in listed if all(one.get(k) == v for k, v in wanted.items())]

    def remove(self, kind: str, identifier: str) -> Json:
        """Remove an object; return what is answered."""
        self.get(kind, identifier)
        del self._objects[kind][identifier]
        return {"id": identifier, "object": kind, "deleted": True}

    def stock(self, other: FakeAccount) -> None:
        """Take over all objects of another account, such as a catalogue that took long to make."""
        self._objects = copy.deepcopy(other._objects)

    def tell(self, kind: str, about: Json) -> Json:
        """Make an event of something that happened, with the object as it is at this moment."""
        customer = about["id"] if about["object"] == "customer" else about.get("customer")
        with self.at(self.now(customer)):
            event = self.make(
                "event",
                {
                    "api_version": API_VERSION,
                    "data": {"object": _without_asides(about)},
                    "pending_webhooks": 0,
                    "request": {"id": None, "idempotency_key": None},
                    "type": kind,
                },
            )
        for listener in self.on_event:
            listener(event)
        return event


def _without_asides(about: Json) -> Json:
    return copy.deepcopy({name: one for name, one in about.items() if not name.startswith("_")})
