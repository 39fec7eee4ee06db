"""What a site tells of itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stemhouse.engine.options import Quality
from stemhouse.http.schemas import Answer
from stemhouse.sites.schema import Format, Unit

Titles = dict[str, str]


class OutputAnswer(Answer):
    """A choice: what a song is taken apart into."""

    name: str = Field(description="For `output` of a job.", examples=["two"])
    title: Titles = Field(
        description="For people, by language.", examples=[{"en": "Vocals and accompaniment"}]
    )
    model: str = Field(description="What separates.", examples=["spleeter-2stems"])
    stems: list[str] = Field(
        description="What is delivered.", examples=[["vocals", "accompaniment"]]
    )
    residual: bool = Field(description="Whether the rest is delivered as well.", examples=[False])


class LimitsAnswer(Answer):
    """What a plan allows."""

    name: str = Field(description="guest, free, or a name of the site's own.", examples=["free"])
    title: Titles = Field(description="For people, by language.", examples=[{"en": "Free"}])
    max_duration_s: int = Field(description="Longest song in seconds.", examples=[300])
    max_upload_bytes: int = Field(description="Largest upload.", examples=[500_000_000])
    max_running_jobs: int = Field(description="Songs that run at once.", examples=[2])
    max_files_at_once: int = Field(description="Songs that wait or run.", examples=[50])
    retention_s: int = Field(
        description="Seconds that songs and stems are kept.", examples=[604_800]
    )
    max_songs: int | None = Field(
        description="Songs in the account's whole life; null is without limit.", examples=[None]
    )
    credits_at_sign_up: int = Field(description="Once, in the site's unit.", examples=[2])
    credits_per_month: int = Field(description="Each month, in the site's unit.", examples=[0])
    formats: list[Format] = Field(description="Download formats, usual one first.")
    qualities: list[Quality] = Field(description="Qualities, usual one first.")
    monthly: dict[str, int] = Field(
        description="Price of a month by currency, in its smallest unit; empty costs nothing.",
        examples=[{"usd": 400}],
    )
    yearly: dict[str, int] = Field(
        description="Price of a year, likewise.", examples=[{"usd": 4000}]
    )


class PackAnswer(Answer):
    """Credits to buy once."""

    name: str = Field(description="What programs call it.", examples=["ten"])
    title: Titles = Field(description="For people, by language.", examples=[{"en": "10 songs"}])
    credits: int = Field(description="In the site's unit.", examples=[10])
    prices: dict[str, int] = Field(
        description="By currency, in its smallest unit.", examples=[{"usd": 500}]
    )
    expires_days: int = Field(description="Days after which what is left is gone.", examples=[365])


class SiteAnswer(Answer):
    """What a site is called, sells and allows."""

    name: str = Field(description="What programs call it.", examples=["splitter"])
    title: str = Field(description="The brand.", examples=["Songsplitter"])
    languages: list[str] = Field(description="The first is the usual one.", examples=[["en"]])
    screen: Literal["mixer", "single"] = Field(
        description="mixer: several stems side by side; single: one.", examples=["mixer"]
    )
    unit: Unit = Field(description="What credits count.", examples=["song"])
    charges: bool = Field(description="Whether it takes money.", examples=[True])
    guests: bool = Field(description="Whether one may try without an account.", examples=[True])
    sign_up: Literal["open", "verify", "closed"] = Field(
        description="open: at once; verify: after the address is confirmed; closed: not.",
        examples=["open"],
    )
    openid: bool = Field(
        description="Whether one may sign in with an OpenID provider.", examples=[False]
    )
    outputs: list[OutputAnswer] = Field(
        description="What can be asked for now, usual one first; without what is not installed."
    )
    plan: LimitsAnswer = Field(
        description="Of whoever asks; for nobody, what they would have without signing up."
    )
    plans: list[LimitsAnswer] = Field(description="All plans.")
    packs: list[PackAnswer] = Field(description="Credits to buy once.")
