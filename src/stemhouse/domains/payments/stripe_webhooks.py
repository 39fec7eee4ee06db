"""Webhooks that Stripe sends: proved, stored, answered; what they ask for is done afterwards."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Final

from stemhouse.domains.payments.facts import EventFacts
from stemhouse.domains.payments.reading import event_of
from stemhouse.domains.payments.tables import STRIPE_ID_LENGTH
from stemhouse.errors import InvalidOption

TOLERANCE_S: Final = 300
"""How old a signature may be: an older one may be a replay, and Stripe signs each try anew."""

_ID: Final = re.compile(rf"[!-~]{{1,{STRIPE_ID_LENGTH}}}")
_UNREADABLE: Final = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, RecursionError),  # a time beyond all years, brackets without an end
)


def prove(secret: str, body: bytes, signature: str, now: datetime) -> None:
    """Make sure that Stripe signed a body, and when.

    Raises
    ------
    InvalidOption
        It did not, or too long ago, or for a time to come.
    """
    import stripe

    if not signature.isascii():
        raise InvalidOption("this is not signed by Stripe for this site")
    try:
        # No tolerance here: the library would ask the machine's clock, and we ask ours.
        stripe.WebhookSignature.verify_header(body, signature, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise InvalidOption("this is not signed by Stripe for this site") from error
    # The first one is what the library proved: one that was put after it proves nothing.
    signed = next(part for part in signature.split(",") if part.startswith("t="))
    age_s = now.timestamp() - int(signed.removeprefix("t="))
    if abs(age_s) > TOLERANCE_S:
        raise InvalidOption(
            f"this was signed {age_s:.0f} s ago and {TOLERANCE_S} s are allowed: send it anew"
        )


def read_event(body: bytes) -> EventFacts | None:
    """Return what an event makes us read; None where it is none of ours.

    Raises
    ------
    InvalidOption
        It is not an event.
    """
    try:
        facts = event_of(json.loads(body))
    except _UNREADABLE as error:
        raise InvalidOption("this is not an event of Stripe") from error
    if facts is not None and not (_is_id(facts.id) and _is_id(facts.object_id)):
        raise InvalidOption("this is not an event of Stripe")
    return facts


def _is_id(text: object) -> bool:
    return isinstance(text, str) and _ID.fullmatch(text) is not None
