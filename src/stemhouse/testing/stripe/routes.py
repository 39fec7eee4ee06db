"""Which address does what: shapes of the official library, parameters that are done, functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from stemhouse.testing.stripe import (
    catalogue,
    checkout,
    customers,
    money,
    portal,
    subscriptions,
    webhooks,
)
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.lists import list_rows
from stemhouse.testing.stripe.refusals import Json

Do = Callable[..., Json]


@dataclass(frozen=True)
class Route:
    """One address."""

    method: str
    path: re.Pattern[str]
    shape: str
    done: frozenset[str]
    """Parameters that are done; others that the real one has are refused as not done."""
    do: Do


def _route(address: str, shape: str, done: str, do: Do) -> Route:
    method, path = address.split()
    pattern = re.compile(re.sub(r"\{id\}", r"([^/]+)", path))
    return Route(method, pattern, shape, frozenset(done.split()) | {"expand"}, do)


def _get(kind: str) -> Do:
    def do(account: FakeAccount, _asked: Json, identifier: str) -> Json:
        return account.get(kind, identifier)

    return do


def _items(account: FakeAccount, asked: Json, session_id: str) -> Json:
    found = account.get("checkout.session", session_id)
    return {**found["line_items"], "data": found["line_items"]["data"][: asked.get("limit", 10)]}


_PAGE = "limit starting_after ending_before "
_PRODUCT = "active description metadata name tax_code unit_label "
_COUPON = "duration duration_in_months id max_redemptions metadata name percent_off applies_to"
_CUSTOMER = "name email description phone address preferred_locales metadata "
_SESSION = """mode line_items success_url cancel_url client_reference_id currency customer
customer_email customer_update allow_promotion_codes discounts automatic_tax expires_at
invoice_creation locale metadata payment_intent_data subscription_data tax_id_collection
billing_address_collection"""
_PORTAL = "active business_profile default_return_url features metadata name "


def _listed(path: str, kind: str, shape: str, filters: str = "") -> Route:
    do = partial(list_rows, kind, filters.split())
    return _route(f"GET {path}", shape, _PAGE + filters, do)


def _catalogue() -> list[Route]:
    return [
        _route("POST products", "ProductCreateParams", _PRODUCT + "id", catalogue.create_product),
        _listed("products", "product", "ProductListParams", "active ids created"),
        _route("GET products/{id}", "ProductRetrieveParams", "", _get("product")),
        _route("POST products/{id}", "ProductUpdateParams", _PRODUCT, catalogue.update_product),
        _route("DELETE products/{id}", "ProductDeleteParams", "", catalogue.delete_product),
        _route(
            "POST prices",
            "PriceCreateParams",
            "active currency currency_options lookup_key metadata nickname product recurring "
            "tax_behavior transfer_lookup_key unit_amount",
            catalogue.create_price,
        ),
        _listed("prices", "price", "PriceListParams", "active lookup_keys product type currency"),
        _route("GET prices/{id}", "PriceRetrieveParams", "", _get("price")),
        _route(
            "POST prices/{id}",
            "PriceUpdateParams",
            "active lookup_key metadata nickname transfer_lookup_key",
            catalogue.update_price,
        ),
        _route("POST coupons", "CouponCreateParams", _COUPON, catalogue.create_coupon),
        _listed("coupons", "coupon", "CouponListParams"),
        _route("GET coupons/{id}", "CouponRetrieveParams", "", _get("coupon")),
        _route("POST coupons/{id}", "CouponUpdateParams", "name metadata", catalogue.update_coupon),
        _route("DELETE coupons/{id}", "CouponDeleteParams", "", catalogue.delete_coupon),
        _route(
            "POST promotion_codes",
            "PromotionCodeCreateParams",
            "active code expires_at max_redemptions metadata promotion restrictions",
            catalogue.create_promotion_code,
        ),
        _listed("promotion_codes", "promotion_code", "PromotionCodeListParams", "active code"),
        _route(
            "GET promotion_codes/{id}",
            "PromotionCodeRetrieveParams",
            "",
            _get("promotion_code"),
        ),
        _route(
            "POST promotion_codes/{id}",
            "PromotionCodeUpdateParams",
            "active metadata",
            catalogue.update_promotion_code,
        ),
    ]


def _people() -> list[Route]:
    clocks = "test_helpers/test_clocks"
    return [
        _route(
            "POST customers", "CustomerCreateParams", _CUSTOMER + "test_clock", customers.create
        ),
        _listed("customers", "customer", "CustomerListParams", "email test_clock created"),
        _route("GET customers/{id}", "CustomerRetrieveParams", "", customers.retrieve),
        _route(
            "POST customers/{id}",
            "CustomerUpdateParams",
            _CUSTOMER + "invoice_settings",
            customers.update,
        ),
        _route("DELETE customers/{id}", "CustomerDeleteParams", "", customers.delete),
        _route(
            f"POST {clocks}",
            "test_helpers.TestClockCreateParams",
            "frozen_time name",
            customers.create_clock,
        ),
        _listed(clocks, "test_helpers.test_clock", "test_helpers.TestClockListParams"),
        _route(
            f"GET {clocks}/{{id}}",
            "test_helpers.TestClockRetrieveParams",
            "",
            _get("test_helpers.test_clock"),
        ),
        _route(
            f"POST {clocks}/{{id}}/advance",
            "test_helpers.TestClockAdvanceParams",
            "frozen_time",
            customers.advance_clock,
        ),
        _route(
            f"DELETE {clocks}/{{id}}",
            "test_helpers.TestClockDeleteParams",
            "",
            customers.delete_clock,
        ),
    ]


def _selling() -> list[Route]:
    sessions = "checkout/sessions"
    return [
        _route(f"POST {sessions}", "checkout.SessionCreateParams", _SESSION, checkout.create),
        _listed(
            sessions,
            "checkout.session",
            "checkout.SessionListParams",
            "customer payment_intent status subscription created",
        ),
        _route(
            f"GET {sessions}/{{id}}",
            "checkout.SessionRetrieveParams",
            "",
            _get("checkout.session"),
        ),
        _route(
            f"GET {sessions}/{{id}}/line_items",
            "checkout.SessionLineItemListParams",
            "limit",
            _items,
        ),
        _route(
            f"POST {sessions}/{{id}}/expire",
            "checkout.SessionExpireParams",
            "",
            checkout.expire,
        ),
    ]


def _portal() -> list[Route]:
    configurations = "billing_portal/configurations"
    kept = "billing_portal.configuration"
    return [
        _route(
            f"POST {configurations}",
            "billing_portal.ConfigurationCreateParams",
            _PORTAL,
            portal.create_configuration,
        ),
        _listed(
            configurations, kept, "billing_portal.ConfigurationListParams", "active is_default"
        ),
        _route(
            f"GET {configurations}/{{id}}",
            "billing_portal.ConfigurationRetrieveParams",
            "",
            _get(kept),
        ),
        _route(
            f"POST {configurations}/{{id}}",
            "billing_portal.ConfigurationUpdateParams",
            _PORTAL,
            portal.update_configuration,
        ),
        _route(
            "POST billing_portal/sessions",
            "billing_portal.SessionCreateParams",
            "configuration customer flow_data locale return_url",
            portal.create_session,
        ),
    ]


def _billing() -> list[Route]:
    return [
        _listed(
            "subscriptions",
            "subscription",
            "SubscriptionListParams",
            "customer status created price",
        ),
        _route("GET subscriptions/{id}", "SubscriptionRetrieveParams", "", _get("subscription")),
        _route(
            "POST subscriptions/{id}",
            "SubscriptionUpdateParams",
            "billing_cycle_anchor cancel_at_period_end items metadata payment_behavior "
            "proration_behavior",
            subscriptions.update,
        ),
        _route(
            "DELETE subscriptions/{id}",
            "SubscriptionCancelParams",
            "invoice_now prorate",
            subscriptions.cancel,
        ),
        _listed("invoices", "invoice", "InvoiceListParams", "customer status subscription created"),
        _route("GET invoices/{id}", "InvoiceRetrieveParams", "", _get("invoice")),
        _route("POST invoices/{id}/pay", "InvoicePayParams", "", subscriptions.pay_invoice),
        _listed(
            "invoice_payments",
            "invoice_payment",
            "InvoicePaymentListParams",
            "invoice payment status created",
        ),
        _route(
            "GET invoice_payments/{id}",
            "InvoicePaymentRetrieveParams",
            "",
            _get("invoice_payment"),
        ),
    ]


def _paying() -> list[Route]:
    return [
        _listed("payment_intents", "payment_intent", "PaymentIntentListParams", "customer created"),
        _route(
            "GET payment_intents/{id}",
            "PaymentIntentRetrieveParams",
            "",
            _get("payment_intent"),
        ),
        _listed("charges", "charge", "ChargeListParams", "customer payment_intent created"),
        _route("GET charges/{id}", "ChargeRetrieveParams", "", _get("charge")),
        _route(
            "POST refunds",
            "RefundCreateParams",
            "amount charge metadata payment_intent reason",
            money.create_refund,
        ),
        _listed("refunds", "refund", "RefundListParams", "charge payment_intent created"),
        _route("GET refunds/{id}", "RefundRetrieveParams", "", _get("refund")),
        _listed("disputes", "dispute", "DisputeListParams", "charge payment_intent created"),
        _route("GET disputes/{id}", "DisputeRetrieveParams", "", _get("dispute")),
        _route(
            "POST disputes/{id}", "DisputeUpdateParams", "evidence submit", money.update_dispute
        ),
        _route("POST disputes/{id}/close", "DisputeCloseParams", "", money.close_dispute),
        _listed("events", "event", "EventListParams", "created type types"),
        _route("GET events/{id}", "EventRetrieveParams", "", _get("event")),
        _route(
            "POST webhook_endpoints",
            "WebhookEndpointCreateParams",
            "api_version description enabled_events metadata url",
            webhooks.create_endpoint,
        ),
        _listed("webhook_endpoints", "webhook_endpoint", "WebhookEndpointListParams"),
        _route(
            "GET webhook_endpoints/{id}",
            "WebhookEndpointRetrieveParams",
            "",
            _get("webhook_endpoint"),
        ),
        _route(
            "POST webhook_endpoints/{id}",
            "WebhookEndpointUpdateParams",
            "enabled_events url description disabled",
            webhooks.update_endpoint,
        ),
        _route(
            "DELETE webhook_endpoints/{id}",
            "WebhookEndpointDeleteParams",
            "",
            webhooks.delete_endpoint,
        ),
    ]


ROUTES = (*_catalogue(), *_people(), *_selling(), *_portal(), *_billing(), *_paying())
