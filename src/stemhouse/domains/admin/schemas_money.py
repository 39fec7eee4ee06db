"""Bodies of the operators' routes about money."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from stemhouse.domains.admin.schemas import OwnerAnswer
from stemhouse.domains.separations.purse import Unit
from stemhouse.http.schemas import Answer, UtcTime


class CreditsAnswer(Answer):
    """Credits of a site in one unit: what was granted is the sum of all the others."""

    site: str = Field(description="The site.", examples=["studio"])
    unit: Unit = Field(description="song or second.", examples=["second"])
    granted: int = Field(description="Given or sold.", examples=[36_000])
    spent: int = Field(description="For songs that were delivered.", examples=[12_000])
    expired: int = Field(description="Not spent in time.", examples=[600])
    taken_back: int = Field(description="After refunds and disputes.", examples=[0])
    outstanding: int = Field(description="Can still be spent, or is held.", examples=[23_400])
    dropped: int = Field(description="Gone with deleted accounts.", examples=[0])


class TakingsAnswer(Answer):
    """One month of one site in one currency, in the currency's smallest unit."""

    site: str = Field(description="The site.", examples=["studio"])
    month: str = Field(description="Year and month.", examples=["2026-11"])
    currency: str = Field(description="ISO 4217, lower case.", examples=["usd"])
    bills: int = Field(description="How many were paid.", examples=[12])
    buyers: int = Field(description="Accounts that paid.", examples=[9])
    total_cents: int = Field(description="Of the bills.", examples=[4_800])
    tax_cents: int = Field(description="Of that, taxes.", examples=[0])
    paid_cents: int = Field(description="What was paid.", examples=[4_800])
    refunded_cents: int = Field(description="What went back.", examples=[400])
    disputed_cents: int = Field(description="What banks took back.", examples=[0])
    net_cents: int = Field(
        description="Paid, less taxes, refunds and lost disputes; Stripe's fees are in it.",
        examples=[4_400],
    )


class SubscribersAnswer(Answer):
    """How many have a plan that is paid."""

    site: str = Field(description="The site.", examples=["studio"])
    plan: str = Field(description="The plan.", examples=["pro"])
    status: str = Field(description="As Stripe has it.", examples=["active"])
    accounts: int = Field(description="How many.", examples=[7])


class SiteCostsAnswer(Answer):
    """One month of one site: what its jobs took, and what is left of its takings."""

    site: str = Field(description="The site.", examples=["studio"])
    month: str = Field(description="Year and month.", examples=["2026-11"])
    jobs: int = Field(description="Jobs that took something.", examples=[420])
    processor_s: float = Field(description="Seconds of processor time.", examples=[4_032.0])
    device_s: float = Field(description="Seconds of GPUs.", examples=[0.0])
    stored_bytes: int = Field(description="Stems that were written.", examples=[13_190_488_920])
    stored_gb_months: float = Field(
        description="Gigabytes times months for which they are to be kept.", examples=[13.19]
    )
    currency: str | None = Field(
        description="Of the prices in the settings; null without them.", examples=["usd"]
    )
    cost_microcents: int | None = Field(
        description="All together, in millionths of the currency's smallest unit.",
        examples=[30_000_000],
    )
    cost_per_job_microcents: int | None = Field(
        description="Of one job, on average.", examples=[71_428]
    )
    net_cents: int = Field(
        description="Net takings in that currency; other currencies are not in it.",
        examples=[4_400],
    )
    margin_microcents: int | None = Field(
        description="Net takings less costs; Stripe's fees are in it.", examples=[4_370_000_000]
    )


class MoneyAnswer(Answer):
    """What sites earn and owe."""

    credits: list[CreditsAnswer] = Field(description="By site and unit.")
    costs: list[SiteCostsAnswer] = Field(
        description="What jobs took and what is left, by month and site; oldest first."
    )
    takings: list[TakingsAnswer] = Field(description="By month, site and currency; oldest first.")
    subscribers: list[SubscribersAnswer] = Field(description="By site, plan and state.")


class FlagAnswer(Answer):
    """Credits that were to be taken back and had been spent already."""

    id: str = Field(
        description="Identifier: that of the movement in the account's books.",
        examples=["led_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    site: str = Field(description="The site.", examples=["studio"])
    owner: OwnerAnswer = Field(description="Whose account it is.")
    short: int = Field(description="How many are missing, in `unit`.", examples=[7])
    unit: Unit = Field(description="song or second.", examples=["song"])
    note: str = Field(description="Why they were taken back.", examples=["paid back: ten"])
    created_at: UtcTime = Field(description="When.")
    cleared_at: UtcTime | None = Field(
        description="When an operator had decided, or the money came back; null before."
    )


class AlarmAnswer(Answer):
    """Something that an operator should look at."""

    id: str = Field(description="Identifier.", examples=["alm_01k9zv5w3h8m2n4p6r7s9t0vwx"])
    site: str = Field(description="Its site.", examples=["studio"])
    kind: str = Field(
        description="jobs_per_hour: an account makes many songs; accounts_per_address: many "
        "accounts are made from one network; plan_gone: an account pays for a plan that its site "
        "file does not have any more.",
        examples=["jobs_per_hour"],
    )
    subject: str = Field(
        description="The account, or a keyed hash of the network's address.",
        examples=["acct_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    data: dict[str, Any] = Field(description="Facts.", examples=[{"jobs": 240}])
    raised_at: UtcTime = Field(description="When it was raised.")
    seen_at: UtcTime | None = Field(description="When an operator saw it; null before.")
