"""The books between which credits move, and the movements of each kind of transaction."""

from __future__ import annotations

from typing import Final, Literal

Book = Literal["granted", "available", "held", "spent", "expired", "taken_back"]
"""`available` and `held` are the customer's; the others are the site's: where credits come from,
and where they go for good."""

Kind = Literal["grant", "hold", "settle", "refund", "expire", "take_back"]

Way = tuple[Book, Book]

GRANT: Final[Way] = ("granted", "available")
HOLD: Final[Way] = ("available", "held")
SPEND: Final[Way] = ("held", "spent")
GIVE_BACK: Final[Way] = ("held", "available")
EXPIRE: Final[Way] = ("available", "expired")
TAKE_BACK: Final[Way] = ("available", "taken_back")

WAYS: Final[dict[Kind, frozenset[Way]]] = {
    "grant": frozenset({GRANT}),
    "hold": frozenset({HOLD}),
    "settle": frozenset({SPEND, GIVE_BACK}),
    "refund": frozenset({GIVE_BACK}),
    "expire": frozenset({EXPIRE}),
    "take_back": frozenset({TAKE_BACK}),
}
"""What each kind may move; `stemhouse ledger check` holds it."""
