"""Test cards: the numbers that Stripe's own test mode knows, as far as this one does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stemhouse.testing.stripe.refusals import Json, Refusal, declined


@dataclass(frozen=True, slots=True)
class Card:
    """What a number does when money is asked of it."""

    brand: str
    code: str | None = None
    """Absent for cards that pay."""
    reason: str | None = None
    message: str = ""
    keeps: bool = True
    """Whether it can be kept for later, even when it then does not pay."""
    disputed: str | None = None
    """The reason of the dispute that follows at once."""


_NO = "Your card was declined."
_KINDS: Final = {
    "4242424242424242": Card("visa"),
    "5555555555554444": Card("mastercard"),
    "378282246310005": Card("amex"),
    "4000000000000002": Card("visa", "card_declined", "generic_decline", _NO, keeps=False),
    "4000000000009995": Card(
        "visa",
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
        keeps=False,
    ),
    "4000000000000069": Card("visa", "expired_card", None, "Your card has expired.", keeps=False),
    "4000000000000127": Card(
        "visa", "incorrect_cvc", None, "Your card's security code is incorrect.", keeps=False
    ),
    "4000000000000341": Card("visa", "card_declined", "generic_decline", _NO),
    "4000000000000259": Card("visa", disputed="fraudulent"),
    "4000000000002685": Card("visa", disputed="product_not_received"),
}
KNOWN: Final = tuple(_KINDS)


def card(number: str) -> Card:
    """Return what a number does; a real card's number is refused, as in test mode."""
    found = _KINDS.get(number.replace(" ", ""))
    if found is None:
        raise declined(
            "Your card was declined. Your request was in test mode, but used a non test card. "
            "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
            "card_declined",
            "test_mode_live_card",
        )
    return found


def refuse(kind: Card, payment: Json | None = None) -> Refusal:
    """Return how a card that does not pay is refused."""
    assert kind.code is not None, "this card pays"
    return declined(kind.message, kind.code, kind.reason, payment)
