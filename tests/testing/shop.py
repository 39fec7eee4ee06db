# A fake Stripe, the official library that talks to it, and people who type cards into its pages.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
import stripe

from stemhouse.testing.clock import ManualClock
from stemhouse.testing.stripe import FakeStripe, Seller
from tests.trust import trusted

PAYS, DECLINED, NO_MONEY = "4242424242424242", "4000000000000002", "4000000000009995"
FAILS_LATER, DISPUTED = "4000000000000341", "4000000000000259"
HOUR_S, DAY_S = 3_600.0, 86_400.0


@dataclass
class Shop:
    fake: FakeStripe
    clock: ManualClock
    seller: Seller
    key: str

    def __post_init__(self) -> None:
        stripe.enable_telemetry = False
        self._line = stripe.RequestsClient()
        self.client = stripe.StripeClient(
            self.key, base_addresses={"api": self.fake.address}, http_client=self._line
        )
        self.api = self.client.v1
        self.browser = httpx2.Client(verify=trusted())

    def close(self) -> None:
        self._line.close()
        self.browser.close()

    def price(self, cents: int = 400, *, every: str | None = None, **more: Any) -> Any:
        product = self.api.products.create({"name": f"Thing for {cents}"})
        params = {"product": product.id, "currency": "usd", "unit_amount": cents, **more}
        if every:
            params["recurring"] = {"interval": every}
        return self.api.prices.create(params)

    def customer(self, **more: Any) -> Any:
        return self.api.customers.create({"email": "ada@example.org", **more})

    def session(self, price: Any, customer: Any, **more: Any) -> Any:
        return self.api.checkout.sessions.create(
            {
                "mode": "subscription" if price.recurring else "payment",
                "line_items": [{"price": price.id, "quantity": 1}],
                "customer": customer.id,
                "success_url": "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
                **more,
            }
        )

    def pay(self, session: Any, card: str = PAYS) -> httpx2.Response:
        # What the browser does with the session's page.
        return self.browser.post(session.url, data={"do": "pay", "card": card})

    def bought(self, session: Any) -> Any:
        self.pay(session)
        return self.api.checkout.sessions.retrieve(session.id)

    def subscribed(self, price: Any, customer: Any, **more: Any) -> Any:
        done = self.bought(self.session(price, customer, **more))
        return self.api.subscriptions.retrieve(done.subscription)

    def keep_card(self, customer: Any, card: str) -> None:
        configuration = self.api.billing_portal.configurations.create(
            {"features": {"payment_method_update": {"enabled": True}}}
        )
        opened = self.api.billing_portal.sessions.create(
            {"customer": customer.id, "configuration": configuration.id}
        )
        self.browser.post(opened.url, data={"do": "card", "value": card})

    def move(self, days: float) -> None:
        self.clock.advance(days * DAY_S)
        self.seller.catch_up()

    def kinds(self) -> list[str]:
        # Of all events, oldest first.
        events = self.api.events.list({"limit": 100}).auto_paging_iter()
        return [event.type for event in events][::-1]
