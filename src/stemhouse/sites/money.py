"""Prices in a site file: integers in the smallest unit of their currency."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from stemhouse.sites.strict import Count, Name, Table

Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
"""ISO 4217 in lower case, as Stripe writes it: usd, eur."""
Cents = Annotated[
    int,
    Field(gt=0, le=99_999_999, description="In the currency's smallest unit: 400 is $4."),
]
Amounts = dict[Currency, Cents]

MOST_CREDITS: Final = 1_000_000_000
"""More than anybody buys, and far below what a database counts to."""

_WHOLE: Final = frozenset(
    {
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
        *("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"),
    }
)
_THOUSANDTHS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_STEPS: Final = {"isk": 100, "ugx": 100} | dict.fromkeys(_THOUSANDTHS, 10)


def decimals(currency: str) -> int:
    """Return how many decimals an amount has, as Stripe counts them: 2 for usd, 0 for jpy.

    Tables of locales say otherwise for some: they print isk without decimals, and Stripe takes
    hundredths of it.
    """
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def least_step(currency: str) -> int:
    """Return what amounts must be multiples of: Stripe takes no others."""
    return _STEPS.get(currency, 1)


def plain_amount(cents: int, currency: str) -> str:
    """Write an amount for logs and terminals: 4.00 USD, 500 JPY."""
    digits = decimals(currency)
    return f"{cents / 10**digits:.{digits}f} {currency.upper()}"


class PlanPrices(Table):
    """What a subscription costs."""

    monthly: Amounts = Field(
        description="Price of a month, per currency, in its smallest unit: "
        "`{ usd = 400, eur = 400 }` is $4 or €4."
    )
    yearly: Amounts = Field(default={}, description="Price of a year, in the same way.")


class Pack(Table):
    """Credits that are bought once."""

    title: dict[str, str] = Field(description="What people read, per language.")
    credits: Annotated[int, Field(gt=0, le=MOST_CREDITS)] = Field(description="In the site's unit.")
    prices: Amounts = Field(
        min_length=1,
        description="Price per currency, in its smallest unit: "
        "`{ usd = 500, eur = 500 }` is $5 or €5.",
    )
    expires_days: Annotated[int, Field(gt=0, le=36_500)] = Field(
        default=365, description="Days after which what is left of it is gone."
    )


class Coupon(Table):
    """A code that makes a purchase cheaper."""

    percent_off: Annotated[int, Field(gt=0, le=100)] = Field(description="Off the price.")
    applies_to: tuple[Name, ...] = Field(
        default=(), description="Names of packs and plans; empty is all of them."
    )
    months: Count = Field(
        default=1, description="Months of a subscription that it lasts; 0 is for ever."
    )
    max_redemptions: Count = Field(default=0, description="How often in all; 0 is without limit.")
    first_purchase: bool = Field(
        default=False,
        description="Whether it is for who has paid nothing yet; otherwise a customer may use it "
        "again.",
    )


class Multipliers(Table):
    """How many times the usual price a song costs; factors multiply, and the sum is rounded up."""

    output: dict[Name, Annotated[float, Field(gt=0)]] = Field(default={}, description="Per output.")
    quality: dict[Literal["fast", "standard", "best"], Annotated[float, Field(gt=0)]] = Field(
        default={}, description="Per quality."
    )
