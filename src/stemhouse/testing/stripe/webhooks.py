"""Webhooks: endpoints, signed deliveries, and the mischief that happens to them on the way."""

from __future__ import annotations

import json
import logging
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from stemhouse.testing.stripe.account import API_VERSION, FakeAccount
from stemhouse.testing.stripe.catalogue import metadata
from stemhouse.testing.stripe.refusals import Json, bad
from stemhouse.testing.stripe.showing import shown

logger = logging.getLogger(__name__)

Send = Callable[[str, dict[str, str], bytes], int]
"""Posts a body to an address and returns the status; 0 where nobody answered."""

TIMEOUT_S: Final = 20.0


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint."""

    endpoint_id: str
    event_id: str
    kind: str


class Post:
    """Events on their way; nothing moves until somebody delivers."""

    def __init__(self, account: FakeAccount, send: Send | None = None) -> None:
        self._account = account
        self._send = send or _post
        self.waiting: list[Delivery] = []
        self.held = False
        """Whether what delivers by itself leaves these alone."""
        account.on_event.append(self._put_down)

    def deliver(self, *, times: int = 1, shuffled: random.Random | None = None) -> list[int]:
        """Send all that waits, each so many times, in order or not; return the statuses.

        What was not taken (any status but 2xx) waits on.
        """
        with self._account.lock:
            sent, self.waiting = self.waiting, []
        sent = [one for one in sent for _ in range(times)]
        if shuffled is not None:
            shuffled.shuffle(sent)
        statuses = [self.send(one) for one in sent]
        failed = {
            one for one, status in zip(sent, statuses, strict=True) if not 200 <= status < 300
        }
        with self._account.lock:
            self.waiting = [*dict.fromkeys(one for one in sent if one in failed), *self.waiting]
        return statuses

    def lose(self, kind: str = "") -> int:
        """Forget what waits, of one kind or all of it; return how many."""
        with self._account.lock:
            before = len(self.waiting)
            self.waiting = [one for one in self.waiting if kind not in {"", one.kind}]
            return before - len(self.waiting)

    def send(self, delivery: Delivery, *, age_s: int = 0, secret: str | None = None) -> int:
        """Send one delivery; with an age or another secret it is what a forger would send."""
        with self._account.lock:
            endpoint = self._account.find("webhook_endpoint", delivery.endpoint_id)
            event = self._account.find("event", delivery.event_id)
            if endpoint is None or event is None:
                return 410
            body = json.dumps(shown(self._account, event), indent=2).encode()
            now = self._account.now() - age_s
            headers = signed(body, secret or endpoint["_secret"], now)
        return self._send(endpoint["url"], headers, body)

    def again(self, kind: str = "") -> list[int]:
        """Send all events that ever were once more, as somebody does from the dashboard."""
        for event in reversed(self._account.rows("event")):
            if kind in {"", event["type"]}:
                self._put_down(event)
        return self.deliver()

    def _put_down(self, event: Json) -> None:
        for endpoint in self._endpoints(event["type"]):
            self.waiting.append(Delivery(endpoint["id"], event["id"], event["type"]))

    def _endpoints(self, kind: str) -> Iterator[Json]:
        for endpoint in self._account.rows("webhook_endpoint", status="enabled"):
            if {"*", kind} & set(endpoint["enabled_events"]):
                yield endpoint


def signed(body: bytes, secret: str, moment: int) -> dict[str, str]:
    """Return the headers of a delivery, signed by the official library's own function."""
    from stripe import WebhookSignature

    signature = WebhookSignature.generate_signature_header(body.decode(), secret, moment)
    return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}


def create_endpoint(account: FakeAccount, asked: Json) -> Json:
    """Make an endpoint; only this answer tells its secret."""
    if not asked["url"].startswith(("http://", "https://")):
        raise bad("Invalid URL: An explicit scheme (such as https) must be provided.", "url")
    secret = f"whsec_{secrets.token_hex(16)}"
    fields = {
        "_secret": secret,
        "api_version": asked.get("api_version", API_VERSION),
        "application": None,
        "description": asked.get("description"),
        "enabled_events": asked["enabled_events"],
        "metadata": metadata({}, asked.get("metadata")),
        "status": "enabled",
        "url": asked["url"],
    }
    made = account.make("webhook_endpoint", fields)
    return {**made, "secret": secret}


def update_endpoint(account: FakeAccount, asked: Json, endpoint_id: str) -> Json:
    """Change an endpoint."""
    found = account.get("webhook_endpoint", endpoint_id)
    for name in ("enabled_events", "url", "description"):
        if name in asked:
            found[name] = asked[name]
    if "disabled" in asked:
        found["status"] = "disabled" if asked["disabled"] else "enabled"
    return found


def delete_endpoint(account: FakeAccount, _asked: Json, endpoint_id: str) -> Json:
    """Remove an endpoint."""
    return account.remove("webhook_endpoint", endpoint_id)


def _post(url: str, headers: dict[str, str], body: bytes) -> int:
    try:
        with urlopen(Request(url, body, headers), timeout=TIMEOUT_S) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError) as error:
        logger.warning("a webhook found nobody", extra={"reason": type(error).__name__})
        return 0
