"""Whether what a site sells has its prices, and whether what refers to it is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from babel.numbers import is_currency

from stemhouse.sites.findings import Finding
from stemhouse.sites.lines import Path as Keys
from stemhouse.sites.money import least_step
from stemhouse.sites.schema import Site

_NOBODY_PAYS = ("guest", "free")


def check_money(site: Site) -> Iterator[Finding]:
    """Yield what is wrong with plans, packs, coupons and multipliers."""
    yield from _who_pays(site)
    yield from _currencies(site)
    yield from _coupons(site)
    yield from _multipliers(site)


def _who_pays(site: Site) -> Iterator[Finding]:
    for name, plan in site.plans.items():
        if name in _NOBODY_PAYS and plan.prices is not None:
            yield Finding(
                key=("plans", name, "prices"),
                message=f"the plan {name} costs nothing by its meaning",
                mend="take the prices out, or give the plan another name",
            )
        if site.charges and name not in _NOBODY_PAYS and plan.prices is None:
            yield Finding(
                key=("plans", name),
                message="has no price, and the site charges",
                mend=f"add [plans.{name}.prices] with monthly = {{ usd = 400 }}",
            )
    sold = [name for name, plan in site.plans.items() if plan.prices is not None]
    if site.charges and not sold and not site.packs:
        yield Finding(
            key=("charges",),
            message="the site charges, but there is nothing to buy",
            mend="add a pack or a plan with prices, or write charges = false",
        )
    if not site.charges and (sold or site.packs):
        yield Finding(
            key=("packs",) if site.packs else ("plans", sold[0], "prices"),
            message="has a price, but the site does not charge",
            mend="write charges = true, or take the prices out",
        )


def _currencies(site: Site) -> Iterator[Finding]:
    lists: list[tuple[Keys, Mapping[str, int]]] = []
    for name, plan in site.plans.items():
        if plan.prices is not None:
            lists.append((("plans", name, "prices", "monthly"), plan.prices.monthly))
            if plan.prices.yearly:
                lists.append((("plans", name, "prices", "yearly"), plan.prices.yearly))
    lists += [(("packs", name, "prices"), pack.prices) for name, pack in site.packs.items()]
    for key, prices in lists:
        for currency, cents in prices.items():
            yield from _amount((*key, currency), currency, cents)
    everywhere = {currency for _, prices in lists for currency in prices}
    for key, prices in lists:
        missing = sorted(everywhere - prices.keys())
        if missing:
            yield Finding(
                key=key,
                message=f"has no price in {', '.join(missing)}, which others have",
                mend="give every price in the same currencies",
            )


def _amount(key: Keys, currency: str, cents: int) -> Iterator[Finding]:
    if not is_currency(currency.upper()):
        yield Finding(
            key=key,
            message=f"there is no currency {currency!r}",
            mend="write its three letters in lower case, such as usd or eur",
        )
    step = least_step(currency)
    if cents % step:
        yield Finding(
            key=key,
            message=f"Stripe takes amounts in {currency} that are multiples of {step} alone",
            mend=f"write {cents - cents % step or step}",
        )


def _coupons(site: Site) -> Iterator[Finding]:
    for name in site.packs.keys() & site.plans.keys():
        yield Finding(
            key=("packs", name),
            message=f"{name!r} is a plan as well",
            mend="give packs and plans different names: coupons and receipts name them",
        )
    for code, coupon in site.coupons.items():
        if code != code.upper() or not code.isascii() or not code.isalnum():
            yield Finding(
                key=("coupons", code),
                message="is no code",
                mend="write it in capital letters and digits",
            )
        for name in coupon.applies_to:
            if name not in site.packs and name not in site.plans:
                yield Finding(
                    key=("coupons", code, "applies_to"),
                    message=f"there is no pack and no plan {name!r}",
                    mend=f"there are: {', '.join([*site.packs, *site.plans])}",
                )


def _multipliers(site: Site) -> Iterator[Finding]:
    outputs = [output.name for output in site.outputs]
    tables = (
        ("output", site.multipliers.output, outputs),
        ("quality", site.multipliers.quality, list(site.qualities)),
    )
    for what, table, known in tables:
        for name in table:
            if name not in known:
                yield Finding(
                    key=("multipliers", what, name),
                    message=f"the site has no {what} {name!r}",
                    mend=f"it has: {', '.join(known)}",
                )
