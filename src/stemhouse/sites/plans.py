"""Plans in a site file: what an account may do, and what it gets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stemhouse.sites.money import PlanPrices
from stemhouse.sites.strict import Bytes, Count, Seconds, Table

_DAY_S = 86_400


class SitePlan(Table):
    """Limits and credits of the accounts on one plan; `guest` and `free` have a meaning of their
    own: people without an account, and accounts that pay nothing.
    """

    title: dict[str, str] = Field(description="What people read, per language.")
    max_duration_s: Seconds = Field(description="Longest song in seconds.")
    max_upload_bytes: Bytes = Field(default=500_000_000, description="Largest upload.")
    max_running_jobs: Annotated[int, Field(gt=0)] = Field(
        default=2, description="Songs of one account that run at once."
    )
    max_files_at_once: Annotated[int, Field(gt=0)] = Field(
        default=50, description="Songs of one account that wait or run."
    )
    retention_s: Seconds = Field(
        default=7 * _DAY_S, description="Seconds that songs and stems are kept."
    )
    priority: Annotated[int, Field(ge=1, le=99)] = Field(
        default=10, description="Place in the queue: lower runs first."
    )
    max_songs: Count | None = Field(
        default=None, description="Songs in the account's whole life; absent is without limit."
    )
    credits_at_sign_up: Count = Field(
        default=0, description="Credits of a new account, once, in the site's unit."
    )
    credits_per_month: Count = Field(
        default=0,
        description="Credits that come each month and go at its end: with the calendar or, where "
        "the plan has prices, from the day on which it was paid.",
    )
    formats: tuple[str, ...] = Field(
        default=(), description="Download formats of this plan; empty is all that the site has."
    )
    qualities: tuple[str, ...] = Field(
        default=(), description="Qualities of this plan; empty is all that the site has."
    )
    prices: PlanPrices | None = Field(
        default=None, description="What it costs; absent for plans that cost nothing."
    )
    points: dict[str, tuple[str, ...]] = Field(
        default={}, description="What the page of prices says of it, per language."
    )
