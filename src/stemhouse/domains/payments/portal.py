"""The portal's configuration of a site: which plans people may change to, and how they end."""

from __future__ import annotations

from typing import Any

from stemhouse.domains.payments.catalogue import FINGERPRINT, Step, digest
from stemhouse.domains.payments.gateway import StripeGateway, asking, plain, site_in
from stemhouse.domains.payments.offers import Offer, offers_of
from stemhouse.domains.payments.reading import SITE
from stemhouse.sites.schema import Site

Json = dict[str, Any]


def plan_portal(gateway: StripeGateway, site: Site) -> list[Step]:
    """Return what is left to be done for the portal, when the prices are there."""
    wanted = _features(gateway, [one for one in offers_of(site) if one.kind == "plan"])
    noted = {SITE: site.name, FINGERPRINT: digest(wanted)}
    fields: Json = {"features": wanted, "metadata": noted}
    configurations = gateway.api.billing_portal.configurations
    with asking():
        listed = configurations.list({"active": True, "limit": 100})
        rows = [plain(one) for one in listed.auto_paging_iter()]
    there = next((one for one in rows if site_in(one) == site.name), None)
    if there is None:
        return [Step("make the portal", lambda: configurations.create(fields))]
    if there["metadata"].get(FINGERPRINT) == noted[FINGERPRINT]:
        return []
    return [Step("change the portal", lambda: configurations.update(there["id"], fields))]


def _features(gateway: StripeGateway, plans: list[Offer]) -> Json:
    products: dict[str, list[str]] = {}
    for offer in plans:
        price = gateway.price(offer.lookup_key)
        if price is not None:
            products.setdefault(offer.product_id, []).append(price.id)
    features: Json = {
        "customer_update": {"enabled": True, "allowed_updates": ["email", "address", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
    }
    if products:
        features["subscription_cancel"] = {"enabled": True, "mode": "at_period_end"}
        features["subscription_update"] = {
            "enabled": True,
            "default_allowed_updates": ["price"],
            # A plan brings its credits in whole: so a dearer one begins a period of its own and is
            # paid in whole, less what is left of the old one, and a cheaper one waits until the
            # present period ends. Otherwise a dear plan of one hour would bring its credits for
            # the price of an hour.
            "proration_behavior": "always_invoice",
            "billing_cycle_anchor": "now",
            "schedule_at_period_end": {
                "conditions": [
                    {"type": "decreasing_item_amount"},
                    {"type": "shortening_interval"},
                ]
            },
            "products": [
                {"product": product, "prices": prices} for product, prices in products.items()
            ],
        }
    return features
