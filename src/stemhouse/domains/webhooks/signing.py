"""Signatures of deliveries, by the rules of Standard Webhooks."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

SECRET_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32  # the rules ask for 24 to 64


def new_secret() -> str:
    """Return a new secret, in the form that every library of Standard Webhooks reads."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    delivery_id: str, at: datetime, body: str, live_secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers that name and sign a delivery.

    Parameters
    ----------
    delivery_id : str
        The same for every try, so that receivers can tell repeats.
    at : datetime
        The moment of this try: receivers refuse old ones, so that nobody can replay them.
    body : str
        What is sent.
    live_secrets : sequence of str
        Each gives a signature; one that the receiver knows is enough.
    """
    moment = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(delivery_id, moment, body) for secret in live_secrets]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
