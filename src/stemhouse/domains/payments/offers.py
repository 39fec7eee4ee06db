"""What a site file sells: each pack, and each plan by the month and by the year, is an offer."""

from __future__ import annotations

from dataclasses import dataclass

from stemhouse.domains.payments.schemas import Interval
from stemhouse.errors import InvalidOption, NotFound
from stemhouse.sites.schema import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that has a price."""

    site: str
    kind: str
    item: str
    interval: Interval
    title: str
    amounts: dict[str, int]
    """Cents per currency, the usual one first."""
    credits: int
    expires_days: int

    @property
    def product_id(self) -> str:
        """What its product is called at Stripe."""
        return f"stemhouse_{self.site}_{self.kind}_{self.item}"

    @property
    def lookup_key(self) -> str:
        """What its price is found by at Stripe."""
        return f"{self.product_id}_{self.interval}"

    def price_in(self, currency: str | None) -> tuple[str, int]:
        """Return a currency and the price in it.

        Raises
        ------
        InvalidOption
            There is no price in that currency.
        """
        wanted = currency or next(iter(self.amounts))
        if wanted not in self.amounts:
            raise InvalidOption(
                f"there is no price in {wanted}; there is one in: {', '.join(self.amounts)}",
                currencies=list(self.amounts),
            )
        return wanted, self.amounts[wanted]


def offers_of(site: Site) -> list[Offer]:
    """Return all that a site sells, in the order of its file."""
    language = site.languages[0]
    packs = [
        Offer(
            site=site.name,
            kind="pack",
            item=name,
            interval="once",
            title=_said(pack.title, language),
            amounts=dict(pack.prices),
            credits=pack.credits,
            expires_days=pack.expires_days,
        )
        for name, pack in site.packs.items()
    ]
    rhythms: tuple[tuple[Interval, str], ...] = (("month", "monthly"), ("year", "yearly"))
    plans = [
        Offer(
            site=site.name,
            kind="plan",
            item=name,
            interval=interval,
            title=_said(plan.title, language),
            amounts=dict(getattr(plan.prices, field)),
            credits=0,
            expires_days=0,
        )
        for name, plan in site.plans.items()
        for interval, field in rhythms
        if plan.prices is not None and getattr(plan.prices, field)
    ]
    return [*packs, *plans]


def offer_named(site: Site, kind: str, item: str, interval: str) -> Offer:
    """Return one of a site's offers.

    Raises
    ------
    NotFound
        The site does not sell that.
    """
    for offer in offers_of(site):
        if (offer.kind, offer.item, offer.interval) == (kind, item, interval):
            return offer
    raise NotFound(f"this site does not sell the {kind} {item} ({interval})")


def currencies_of(site: Site) -> list[str]:
    """Return the currencies that a site has prices in."""
    return list(dict.fromkeys(name for offer in offers_of(site) for name in offer.amounts))


def _said(title: dict[str, str], language: str) -> str:
    return title.get(language) or next(iter(title.values()))
