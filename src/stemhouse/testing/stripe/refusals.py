"""How the fake Stripe refuses: the bodies that the official library turns into its exceptions."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, message: str, *, kind: str = "invalid_request_error", **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        facts = {name: value for name, value in more.items() if value is not None}
        self.body: Json = {"error": {"type": kind, "message": message, **facts}}


def bad(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """Refuse a request for what it asks."""
    return Refusal(400, message, param=param, code=code)


def unknown(param: str) -> Refusal:
    """Refuse a parameter that the API does not have."""
    return bad(f"Received unknown parameter: {param}", param, "parameter_unknown")


def missing(param: str) -> Refusal:
    """Refuse a request without a parameter that it needs."""
    return bad(f"Missing required param: {param}.", param, "parameter_missing")


def no_such(kind: str, identifier: str, param: str = "id") -> Refusal:
    """Say that an object is not there; objects of other accounts are not either.

    One in the address is 404, one that a parameter names 400.
    """
    status = 404 if param == "id" else 400
    words = {"checkout.session": "checkout.session", "payment_method": "PaymentMethod"}
    name = words.get(kind, kind)
    return Refusal(status, f"No such {name}: '{identifier}'", param=param, code="resource_missing")


def only_one_of(*params: str) -> Refusal:
    """Refuse parameters that exclude each other."""
    return bad(f"You may only specify one of these parameters: {', '.join(params)}.", params[0])


def not_done(what: str) -> Refusal:
    """Say that the real one can do it and this one cannot: nothing is ignored in silence."""
    return Refusal(501, f"The fake Stripe does not do this: {what}", kind="api_error")


def declined(message: str, code: str, reason: str | None, payment: Json | None = None) -> Refusal:
    """Refuse a card."""
    return Refusal(
        402, message, kind="card_error", code=code, decline_code=reason, payment_intent=payment
    )
