"""Brings the products, prices, codes and the portal of a Stripe account to what a site file says.

First a plan is made, from what the file wants and what is there; then, when somebody said yes, each
step is taken. A plan that is made again after that is empty. Amounts of a price never change at
Stripe: a changed one is a new price, and who subscribed at the old one keeps it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from stemhouse.domains.payments.gateway import StripeGateway, asking, plain, site_in
from stemhouse.domains.payments.offers import Offer, offers_of
from stemhouse.domains.payments.reading import INTERVAL, ITEM, SITE
from stemhouse.errors import InvalidOption
from stemhouse.sites.money import Coupon, plain_amount
from stemhouse.sites.schema import Site

Json = dict[str, Any]

FINGERPRINT: Final = "fingerprint"
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is to be done at Stripe."""

    says: str
    do: Callable[[], object]


@dataclass
class Found:
    """What the Stripe account has of a site."""

    products: dict[str, Json]
    prices: list[Json]
    coupons: dict[str, Json]
    codes: list[Json]


class Catalogue:
    """The catalogue of one site in its Stripe account."""

    def __init__(self, gateway: StripeGateway, site: Site) -> None:
        self._gateway = gateway
        self._site = site
        self._offers = offers_of(site)

    def plan(self) -> list[Step]:
        """Return the steps that are left: none where all is as the file says.

        Raises
        ------
        InvalidOption
            A code of the site is somebody else's in the same Stripe account.
        ExternalError
            Stripe did not answer, or refused.
        """
        found = self._look()
        return [
            *self._products(found),
            *self._prices(found),
            *self._coupons(found),
        ]

    def _look(self) -> Found:
        api = self._gateway.api
        with asking():
            return Found(
                products={
                    one["id"]: one for one in self._mine(api.products.list({"limit": _PAGE}))
                },
                prices=self._mine(
                    api.prices.list(
                        {"active": True, "limit": _PAGE, "expand": ["data.currency_options"]}
                    )
                ),
                coupons={one["id"]: one for one in self._mine(api.coupons.list({"limit": _PAGE}))},
                codes=self._codes(api.promotion_codes.list({"active": True, "limit": _PAGE})),
            )

    def _codes(self, listed: Any) -> list[Json]:
        """Return the site's codes; Stripe lets an account have each code once."""
        rows = [plain(one) for one in listed.auto_paging_iter()]
        mine = [one for one in rows if site_in(one) == self._site.name]
        taken = {one["code"].upper() for one in rows if one not in mine}
        both = sorted(taken & {code.upper() for code in self._site.coupons})
        if both:
            raise InvalidOption(
                f"the code {both[0]} is there already in this Stripe account, and not of this "
                "site: call it otherwise, or give the site a Stripe account of its own",
                codes=both,
            )
        return mine

    def _mine(self, listed: Any) -> list[Json]:
        rows = [plain(one) for one in listed.auto_paging_iter()]
        return [one for one in rows if site_in(one) == self._site.name]

    # --- products

    def _products(self, found: Found) -> list[Step]:
        steps = []
        wanted = {offer.product_id: offer for offer in self._offers}
        for product_id, offer in wanted.items():
            name = f"{self._site.title}: {offer.title}"
            there = found.products.get(product_id)
            if there is None:
                fields = {"id": product_id, "name": name, "metadata": self._noted(offer)}
                steps.append(Step(f"make the product {name}", self._create("products", fields)))
            elif (there["name"], there["active"]) != (name, True):
                change = {"name": name, "active": True}
                steps.append(
                    Step(f"change the product {name}", self._update("products", product_id, change))
                )
        for product_id, there in found.products.items():
            if product_id not in wanted and there["active"]:
                says = f"archive the product {there['name']}, which the file does not sell"
                steps.append(Step(says, self._update("products", product_id, {"active": False})))
        return steps

    # --- prices

    def _prices(self, found: Found) -> list[Step]:
        steps = []
        kept: set[str] = set()
        for offer in self._offers:
            there = next(
                (one for one in found.prices if one["lookup_key"] == offer.lookup_key), None
            )
            if there is not None and self._is_price_of(there, offer):
                kept.add(there["id"])
                continue
            says = f"make the price {offer.item} ({offer.interval}): {_said(offer.amounts)}"
            steps.append(Step(says, self._create("prices", self._price_fields(offer))))
        for one in found.prices:
            if one["id"] not in kept:
                says = f"archive the price {one['id']} of {one['product']}"
                steps.append(Step(says, self._update("prices", one["id"], {"active": False})))
        return steps

    def _price_fields(self, offer: Offer) -> Json:
        (currency, cents), *others = offer.amounts.items()
        fields: Json = {
            "product": offer.product_id,
            "currency": currency,
            "unit_amount": cents,
            "lookup_key": offer.lookup_key,
            "transfer_lookup_key": True,
            "metadata": self._noted(offer) | {INTERVAL: offer.interval},
        }
        taxed = {"tax_behavior": "exclusive"} if self._site.tax else {}
        if others:
            # Each currency says by itself whether taxes come on top.
            fields["currency_options"] = {
                name: {"unit_amount": amount, **taxed} for name, amount in others
            }
        if offer.kind == "plan":
            fields["recurring"] = {"interval": offer.interval}
        return fields | taxed

    def _is_price_of(self, there: Json, offer: Offer) -> bool:
        options = there["currency_options"]
        rhythm = (there["recurring"] or {}).get("interval", "once")
        return (
            {name: one["unit_amount"] for name, one in options.items()} == offer.amounts
            and there["currency"] == next(iter(offer.amounts))
            and rhythm == offer.interval
            and there["product"] == offer.product_id
            # Without it Stripe Tax does not know what to do with a price.
            and not (
                self._site.tax
                and any(one["tax_behavior"] == "unspecified" for one in options.values())
            )
        )

    # --- codes

    def _coupons(self, found: Found) -> list[Step]:
        steps = []
        active = {one["code"].upper(): one for one in found.codes}
        for code, coupon in self._site.coupons.items():
            terms = self._terms(coupon)
            coupon_id = f"stemhouse_{self._site.name}_{code}_{digest(terms)}"
            if coupon_id not in found.coupons:
                fields = {
                    "id": coupon_id,
                    "name": code[:40],
                    "metadata": {SITE: self._site.name},
                    **terms,
                }
                says = f"make the coupon {code}: {coupon.percent_off} % off"
                steps.append(Step(says, self._create("coupons", fields)))
            there = active.get(code.upper())
            if there is not None and _is_code(there, coupon_id, coupon):
                continue
            if there is not None:
                steps.append(
                    Step(
                        f"switch the old code {code} off",
                        self._update("promotion_codes", there["id"], {"active": False}),
                    )
                )
            steps.append(Step(f"make the code {code}", self._new_code(code, coupon_id, coupon)))
        for code, there in active.items():
            if code not in {name.upper() for name in self._site.coupons}:
                says = f"switch the code {code} off, which the file does not have"
                steps.append(
                    Step(says, self._update("promotion_codes", there["id"], {"active": False}))
                )
        return steps

    def _terms(self, coupon: Coupon) -> Json:
        terms: Json = {"percent_off": coupon.percent_off}
        terms["duration"] = {0: "forever", 1: "once"}.get(coupon.months, "repeating")
        if terms["duration"] == "repeating":
            terms["duration_in_months"] = coupon.months
        if coupon.max_redemptions:
            terms["max_redemptions"] = coupon.max_redemptions
        # Always by name: a code without products would be taken by all sites of a Stripe account.
        wanted = coupon.applies_to or [offer.item for offer in self._offers]
        products = [offer.product_id for offer in self._offers if offer.item in wanted]
        terms["applies_to"] = {"products": list(dict.fromkeys(products))}
        return terms

    def _new_code(self, code: str, coupon_id: str, coupon: Coupon) -> Callable[[], object]:
        return self._create(
            "promotion_codes",
            {
                "code": code,
                "promotion": {"type": "coupon", "coupon": coupon_id},
                "restrictions": {"first_time_transaction": coupon.first_purchase},
                "metadata": {SITE: self._site.name},
            },
        )

    # --- steps

    def _noted(self, offer: Offer) -> Json:
        return {SITE: self._site.name, "kind": offer.kind, ITEM: offer.item}

    def _create(self, what: str, fields: Json) -> Callable[[], object]:
        return lambda: getattr(self._gateway.api, what).create(fields)

    def _update(self, what: str, identifier: str, fields: Json) -> Callable[[], object]:
        return lambda: getattr(self._gateway.api, what).update(identifier, fields)


def _is_code(there: Json, coupon_id: str, coupon: Coupon) -> bool:
    first: bool = there["restrictions"]["first_time_transaction"]
    return there["promotion"]["coupon"] == coupon_id and first == coupon.first_purchase


def take(step: Step) -> None:
    """Take a step.

    Raises
    ------
    ExternalError
        Stripe did not answer, or refused.
    """
    with asking():
        step.do()


def _said(amounts: dict[str, int]) -> str:
    return ", ".join(plain_amount(cents, name) for name, cents in amounts.items())


def digest(terms: Json) -> str:
    """Return a short name for terms: others have another."""
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()[:10]
