"""What a site sells, as pages show it: plans, packs, and all limits side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from stemhouse.engine.options import Quality
from stemhouse.pages.scene import Scene
from stemhouse.pages.wording import both, clock, formats, length, money, size, usual_currency
from stemhouse.sites.money import Pack
from stemhouse.sites.plans import SitePlan

GUEST, FREE = "guest", "free"
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One card on the page of prices."""

    name: str
    title: str
    price: str = ""
    """Empty is free."""
    each: str = ""
    """What the price is for: a month."""
    more: str = ""
    currency: str = ""
    """That of the price, as Stripe writes it."""
    yearly: bool = False
    """Whether it can be paid by the year."""
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a plan allows, in words."""

    title: str
    length: str
    clock: str
    """The length as the working parts write it."""
    size: str
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """All that a site offers."""

    plans: list[Offer]
    packs: list[Offer]
    paid: bool
    """Whether a plan costs something."""
    all_plans: list[Limits]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison."""

    heading: str
    cells: list[str]


def offered(scene: Scene) -> Offered:
    """Return what the site offers."""
    plans = [(name, plan) for name, plan in _ordered(scene) if name != GUEST]
    return Offered(
        plans=[_plan(scene, name, plan) for name, plan in plans],
        packs=[_pack(scene, name, pack) for name, pack in scene.site.packs.items()],
        paid=any(plan.prices for _, plan in plans),
        all_plans=[limits(scene, plan) for _, plan in _ordered(scene)],
    )


def limits(scene: Scene, plan: SitePlan) -> Limits:
    """Return what a plan allows."""
    return Limits(
        title=scene.own(plan.title),
        length=length(plan.max_duration_s, scene.language),
        clock=clock(plan.max_duration_s),
        size=size(plan.max_upload_bytes, scene.language),
        kept=length(plan.retention_s, scene.language),
    )


def limits_now(scene: Scene) -> Limits:
    """Return the limits that hold for who looks, as far as pages know."""
    plans = scene.site.plans
    as_guest = scene.visitor.kind != "user" and GUEST in plans
    return limits(scene, plans[GUEST if as_guest else FREE])


def amount(scene: Scene, credits_count: int) -> str:
    """Return credits in the site's unit: 3 songs, 30 minutes."""
    if scene.site.unit == "song":
        return scene.say("prices.amount_song", count=credits_count)
    return length(credits_count, scene.language)


def facts(scene: Scene) -> list[str]:
    """Return what the first page says in short."""
    free, unit = scene.site.plans[FREE], "songs" if scene.site.unit == "song" else "audio"
    found: list[str] = []
    for credits_count, key in (
        (free.credits_at_sign_up, f"home.fact_free_{unit}"),
        (free.credits_per_month, f"home.fact_free_month_{unit}"),
    ):
        if credits_count:
            words = length(credits_count, scene.language)
            found.append(scene.say(key, count=credits_count, length=words))
    if GUEST in scene.site.plans:
        found.append(scene.say("home.fact_guest"))
    found.append(scene.say("home.fact_length", length=length(free.max_duration_s, scene.language)))
    found.append(scene.say("home.fact_private", length=length(free.retention_s, scene.language)))
    return found


def comparison(scene: Scene) -> list[Row]:
    """Return the limits of all plans, side by side; lines that nobody has are left out."""
    plans = [plan for _, plan in _ordered(scene)]
    say, language = scene.say, scene.language
    every = [limits(scene, plan) for plan in plans]

    def qualities(chosen: tuple[str, ...]) -> str:
        had: tuple[str, ...] = chosen or scene.site.qualities
        # From the quick one to the thorough one, whichever is the usual one.
        return both([say(f"quality.{one}") for one in get_args(Quality) if one in had], language)

    def credit(count: int) -> str:
        return amount(scene, count) if count else say("prices.none")

    rows = [
        Row(say("prices.row_length"), [one.length for one in every]),
        Row(say("prices.row_size"), [one.size for one in every]),
        Row(say("prices.row_credits_start"), [credit(one.credits_at_sign_up) for one in plans]),
        Row(say("prices.row_credits_month"), [credit(one.credits_per_month) for one in plans]),
        Row(say("prices.row_at_once"), [str(one.max_running_jobs) for one in plans]),
        Row(say("prices.row_kept"), [one.kept for one in every]),
        Row(
            say("prices.row_formats"),
            [formats(one.formats or scene.site.formats, language) for one in plans],
        ),
        Row(say("prices.row_qualities"), [qualities(one.qualities) for one in plans]),
    ]
    return [row for row in rows if set(row.cells) != {say("prices.none")}]


def pack_kept(scene: Scene) -> str:
    """Return how long the credits of packs wait, the shortest; empty without packs."""
    days = [pack.expires_days for pack in scene.site.packs.values()]
    return length(min(days) * _DAY_S, scene.language) if days else ""


def _ordered(scene: Scene) -> list[tuple[str, SitePlan]]:
    places = {GUEST: 0, FREE: 1}
    return sorted(scene.site.plans.items(), key=lambda pair: places.get(pair[0], 2))


def _plan(scene: Scene, name: str, plan: SitePlan) -> Offer:
    points = plan.points.get(scene.language) or _own_points(scene, plan)
    if plan.prices is None:
        return Offer(name=name, title=scene.own(plan.title), points=points)
    price, others = _prices(scene, plan.prices.monthly)
    more = []
    if plan.prices.yearly:
        yearly, _ = _prices(scene, plan.prices.yearly)
        more.append(scene.say("prices.a_year", price=yearly))
    return Offer(
        name=name,
        title=scene.own(plan.title),
        price=price,
        each=scene.say("prices.a_month"),
        more="; ".join([*more, *others]),
        currency=usual_currency(scene.language, plan.prices.monthly),
        yearly=bool(plan.prices.yearly),
        points=points,
    )


def _own_points(scene: Scene, plan: SitePlan) -> tuple[str, ...]:
    allowed = limits(scene, plan)
    points = [scene.say("home.fact_length", length=allowed.length)]
    for count in (plan.credits_at_sign_up, plan.credits_per_month):
        if count:
            points.insert(0, amount(scene, count))
    return tuple(points)


def _pack(scene: Scene, name: str, pack: Pack) -> Offer:
    price, others = _prices(scene, pack.prices)
    points = [amount(scene, pack.credits)]
    if scene.site.unit == "song":
        code = usual_currency(scene.language, pack.prices)
        one = money(round(pack.prices[code] / pack.credits), code, scene.language)
        points.append(scene.say("prices.per_song", price=one))
    kept = length(pack.expires_days * _DAY_S, scene.language)
    points.append(scene.say("prices.packs_lead", length=kept))
    return Offer(
        name=name,
        title=scene.own(pack.title),
        price=price,
        more="; ".join(others),
        currency=usual_currency(scene.language, pack.prices),
        points=tuple(points),
    )


def _prices(scene: Scene, prices: Mapping[str, int]) -> tuple[str, list[str]]:
    """Return the price in the currency of the language, and a sentence with the others."""
    usual = usual_currency(scene.language, prices)
    rest = [money(cents, code, scene.language) for code, cents in prices.items() if code != usual]
    also = [scene.say("prices.also", prices=both(rest, scene.language))] if rest else []
    return money(prices[usual], usual, scene.language), also
