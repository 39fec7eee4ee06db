"""The one place that talks to Stripe, by its own library.

The library takes a second to import, so it comes with the first call and not with the service.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from stemhouse.domains.payments import reading
from stemhouse.domains.payments.facts import (
    ChargeFacts,
    EventFacts,
    InvoiceFacts,
    PriceFacts,
    SessionFacts,
    SubscriptionFacts,
)
from stemhouse.errors import NotFound, PaymentsRefused, PaymentsUnavailable

logger = logging.getLogger(__name__)

Json = dict[str, Any]

TIMEOUT_S: Final = 20
RETRIES: Final = 2
_PAGE: Final = 100
_WENT_BACK: Final = frozenset({"charge_already_refunded", "charge_disputed"})


class StripeGateway:
    """One Stripe account.

    Parameters
    ----------
    secret_key : str
        Whose account it is.
    address : str
        Of another Stripe than Stripe's own; empty for the real one.
    """

    def __init__(self, secret_key: str, address: str = "") -> None:
        import stripe

        # It would write an identifier of this machine into the home folder and send it along.
        stripe.enable_telemetry = False
        self._line = stripe.RequestsClient(timeout=TIMEOUT_S)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": address.rstrip("/")} if address else None,
            http_client=self._line,
            max_network_retries=RETRIES,
        )

    @property
    def api(self) -> Any:
        """The library's own face, for what is only written and never read back."""
        return self._client.v1

    def close(self) -> None:
        """Give the connection back."""
        self._line.close()

    # --- the till

    def create_customer(self, fields: Json, key: str) -> str:
        """Make a customer, once per key, and return its identifier."""
        with asking():
            return str(self.api.customers.create(fields, {"idempotency_key": key}).id)

    def delete_customer(self, customer_id: str) -> None:
        """Remove a customer, and with it what it subscribes to."""
        try:
            with asking():
                self.api.customers.delete(customer_id)
        except NotFound:
            pass  # somebody was faster

    def price(self, lookup_key: str) -> PriceFacts | None:
        """Find the price that is sold under a name."""
        asked = {"lookup_keys": [lookup_key], "active": True, "expand": ["data.currency_options"]}
        with asking(), understanding():
            found = self.api.prices.list(asked).data
            return reading.price_of(plain(found[0])) if found else None

    def promotion_code(self, code: str) -> str | None:
        """Find a code that can be used."""
        with asking():
            found = self.api.promotion_codes.list({"code": code, "active": True}).data
        return str(found[0].id) if found else None

    def create_session(self, fields: Json, key: str) -> SessionFacts:
        """Make a Checkout session, once per key."""
        with asking(), understanding():
            made = self.api.checkout.sessions.create(fields, {"idempotency_key": key})
            return reading.session_of(plain(made))

    def expire_session(self, session_id: str) -> None:
        """Close a session that nobody is to pay any more.

        Raises
        ------
        PaymentsRefused
            It is not open: paid, or over.
        """
        with asking():
            self.api.checkout.sessions.expire(session_id)

    def expire_sessions(self, customer_id: str) -> None:
        """Close all pages on which a customer could still pay."""
        with asking():
            asked = {"customer": customer_id, "status": "open", "limit": _PAGE}
            rows = list(self.api.checkout.sessions.list(asked).auto_paging_iter())
        for row in rows:
            try:
                self.expire_session(str(row.id))
            except PaymentsRefused:
                pass  # it was paid at this moment, or its time is over

    def complete_sessions(self, customer_id: str) -> list[SessionFacts]:
        """Read the Checkout sessions that a customer went through to the end, paid or not yet."""
        asked = {
            "customer": customer_id,
            "status": "complete",
            "limit": _PAGE,
            "expand": ["data.payment_intent"],
        }
        with asking(), understanding():
            rows = self.api.checkout.sessions.list(asked).auto_paging_iter()
            return [reading.session_of(plain(row)) for row in rows]

    def cancel_subscription(self, subscription_id: str) -> None:
        """End a subscription now; nothing is given back by that."""
        try:
            with asking():
                self.api.subscriptions.cancel(subscription_id)
        except NotFound:
            pass  # it has ended

    def refund_invoice(self, invoice_id: str, key: str) -> None:
        """Give back all that was paid for an invoice, once per key, unless it went back already."""
        try:
            with asking():
                asked = {"expand": ["payments"]}
                found = plain(self.api.invoices.retrieve(invoice_id, asked))
                intent_id = reading.intent_of(found)
                if intent_id is None:
                    return  # nothing was paid
                self.api.refunds.create({"payment_intent": intent_id}, {"idempotency_key": key})
        except PaymentsRefused as error:
            if error.details.get("stripe_code") not in _WENT_BACK:
                raise

    def open_portal(self, fields: Json) -> str:
        """Return a link to the portal."""
        with asking():
            return str(self.api.billing_portal.sessions.create(fields).url)

    def portal_configuration(self, site: str) -> str | None:
        """Find the configuration of the portal that was made for a site."""
        with asking():
            listed = self.api.billing_portal.configurations.list({"active": True, "limit": _PAGE})
            rows = [plain(one) for one in listed.auto_paging_iter()]
        return next((one["id"] for one in rows if site_in(one) == site), None)

    # --- the truth

    def session(self, session_id: str) -> SessionFacts:
        """Read a Checkout session."""
        asked = {"expand": ["payment_intent"]}
        with asking(), understanding():
            return reading.session_of(plain(self.api.checkout.sessions.retrieve(session_id, asked)))

    def subscription(self, subscription_id: str) -> SubscriptionFacts:
        """Read a subscription."""
        with asking(), understanding():
            asked = {"expand": ["schedule.phases.items.price"]}
            found = self.api.subscriptions.retrieve(subscription_id, asked)
            return reading.subscription_of(plain(found))

    def invoice(self, invoice_id: str) -> InvoiceFacts:
        """Read an invoice and what became of its money."""
        with asking(), understanding():
            found = plain(self.api.invoices.retrieve(invoice_id, {"expand": ["payments"]}))
            intent_id = reading.intent_of(found)
            return reading.invoice_of(found, self._charge(intent_id) if intent_id else None)

    def invoice_of_payment(self, intent_id: str) -> str | None:
        """Find the invoice that a payment was for."""
        payment = {"type": "payment_intent", "payment_intent": intent_id}
        with asking():
            found = self.api.invoice_payments.list({"payment": payment}).data
        return reading.identifier(plain(found[0])["invoice"]) if found else None

    def events(self, since: datetime) -> list[EventFacts]:
        """Read all that happened since a moment, oldest first; Stripe keeps it for 30 days."""
        asked = {
            "created": {"gte": int(since.timestamp())},
            "types": list(reading.KINDS),
            "limit": _PAGE,
        }
        with asking():
            told = [plain(one) for one in self.api.events.list(asked).auto_paging_iter()]
        return [fact for one in reversed(told) if (fact := _event_of(one)) is not None]

    def _charge(self, intent_id: str) -> ChargeFacts | None:
        with asking():
            asked = {"expand": ["latest_charge"]}
            intent = plain(self.api.payment_intents.retrieve(intent_id, asked))
            charge = intent["latest_charge"]
            if charge is None:
                return None
            disputes: list[Mapping[str, Any]] = []
            if charge["disputed"]:
                listed = self.api.disputes.list({"payment_intent": intent_id})
                disputes = [plain(one) for one in listed.data]
        return reading.charge_of(charge, disputes)


def _event_of(event: Json) -> EventFacts | None:
    try:
        with understanding():
            return reading.event_of(event)
    except PaymentsUnavailable as error:
        facts = {"event": event.get("id"), "reason": error.details["reason"]}
        logger.error("an event of Stripe cannot be read", extra=facts)
        return None


def site_in(row: Mapping[str, Any]) -> str | None:
    """Return the site that an object was made for."""
    site: str | None = (row.get("metadata") or {}).get(reading.SITE)
    return site


def plain(found: Any) -> Json:
    """Return one of the library's objects as dictionaries."""
    answer: Json = found.to_dict()
    return answer


@contextmanager
def understanding() -> Iterator[None]:
    """Turn what we cannot read into an error of ours: one object that Stripe shapes otherwise must
    not keep all others waiting.

    Raises
    ------
    PaymentsUnavailable
        Something is missing, or is of another kind.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise PaymentsUnavailable(
            "Stripe answers otherwise than this service understands",
            reason=f"{type(error).__name__}: {error}"[:200],
        ) from error


@contextmanager
def asking() -> Iterator[None]:
    """Turn the library's errors into ours.

    Raises
    ------
    NotFound
        There is no such thing at Stripe.
    PaymentsRefused
        It refuses the key or the request: waiting does not help.
    PaymentsUnavailable
        It does not answer, is too busy or broken.
    """
    import stripe

    try:
        yield
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise PaymentsRefused("Stripe does not accept the secret key of this site") from error
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing" and error.http_status == 404:
            raise NotFound("there is no such thing at Stripe") from error
        raise PaymentsRefused(
            f"Stripe refuses what we ask for: {error.user_message or 'it does not say why'}",
            stripe_code=error.code,
        ) from error
    except stripe.StripeError as error:
        raise PaymentsUnavailable(
            "Stripe does not answer as it should: try again in a moment",
            reason=type(error).__name__,
        ) from error
