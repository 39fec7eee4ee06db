"""One site: the whole of its file.

The loader (`stemhouse.sites.loading`) turns a TOML file into this and says what is wrong with it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stemhouse.sites.money import Coupon, Multipliers, Pack
from stemhouse.sites.plans import SitePlan
from stemhouse.sites.strict import Colour, Count, Language, Name, Table

Unit = Literal["song", "second"]
Quality = Literal["fast", "standard", "best"]
Format = Literal["wav", "flac", "mp3", "m4a", "ogg", "opus"]


class Palette(Table):
    """Colours of one mode, light or dark."""

    accent: Colour = Field(description="Buttons, links, what is playing.")
    on_accent: Colour = Field(description="Text on the accent; 4.5 : 1 or more against it.")
    background: Colour = Field(description="Behind everything.")
    surface: Colour = Field(description="Cards.")
    text: Colour = Field(description="7 : 1 or more against the background is good.")


class Theme(Table):
    """How a site looks; everything else comes from the design system."""

    light: Palette = Field(description="Colours by day.")
    dark: Palette = Field(description="Colours by night.")
    logo: str = Field(description="SVG file beside the site file: the mark alone.")
    stems: tuple[Colour, ...] = Field(
        min_length=1,
        description="Colours of waveforms, in the order of the stems; they repeat. "
        "The first is the backdrop's too.",
    )
    radius_px: Annotated[int, Field(ge=0, le=32)] = Field(
        default=12, description="How round corners are."
    )
    heading_font: Literal["sans", "serif", "mono", "rounded"] = Field(
        default="sans", description="Type of headings; all of them come with the pages."
    )
    backdrop: Literal["plain", "strips", "rings", "rays", "grid"] = Field(
        default="plain", description="What is drawn behind the first page's heading."
    )


class Output(Table):
    """One choice that the site sells: what a song is taken apart into."""

    name: Name = Field(description="What programs call it.")
    title: dict[Language, str] = Field(description="What people read, per language.")
    model: str = Field(description="Name of a model in the catalogue.")
    stems: tuple[str, ...] = Field(
        default=(), description="Stems of the model that are delivered; empty is all of them."
    )
    residual: bool = Field(
        default=False,
        description="Whether the rest is delivered as well. A single screen shows it to nobody: "
        "it is what lets people compare with the whole song.",
    )


class Texts(Table):
    """What a site says of itself in one language; the rest are texts of the house."""

    tagline: str = Field(description="Heading of the first page.")
    lead: str = Field(description="One or two sentences below it.")
    description: str = Field(description="For search engines and shared links, 50 to 160 letters.")
    button: str = Field(description="What the button of the uploader says.")
    points: tuple[tuple[str, str], ...] = Field(
        default=(),
        description='Each advantage on the first page: `[["Heading", "Sentence."], …]`.',
    )
    questions: tuple[tuple[str, str], ...] = Field(
        default=(),
        description="Questions and answers of the help page, before the house's own: "
        '`[["Question?", "Answer."], …]`.',
    )


class Operator(Table):
    """Who runs the site: legal pages name them."""

    name: str = Field(description="Person or company.")
    address: str = Field(description="Postal address, in one line.")
    email: str = Field(description="Where people write to.")
    country: str = Field(description="Whose law applies, as it is to be read.")


class Guard(Table):
    """What keeps free credits from being taken by the same hands again and again."""

    guests_per_address_per_day: Count = Field(
        default=5, description="Guests that one network address may become in a day; 0 is none."
    )
    accounts_per_address_per_day: Count = Field(
        default=10, description="Accounts that one network address may make in a day; 0 is any."
    )
    free_needs_verified_email: bool = Field(
        default=True, description="Free credits come when the address is confirmed."
    )
    refuse_disposable_mail: bool = Field(
        default=True, description="Refuse addresses of throw-away mail services."
    )
    disposable_domains: tuple[str, ...] = Field(
        default=(), description="Further domains that count as throw-away."
    )
    max_held: Count = Field(
        default=0, description="Credits that may be held at once, in the site's unit; 0 is any."
    )
    alarm_jobs_per_hour: Count = Field(
        default=0, description="Jobs of one account in an hour that alarm the operator; 0 is none."
    )
    alarm_accounts_per_address: Count = Field(
        default=20, description="Accounts of one address in a day that alarm the operator."
    )


class Site(Table):
    """A branded service, described by one file."""

    name: Name = Field(description="What programs call it: in addresses, cookies, the database.")
    title: str = Field(min_length=1, max_length=40, description="The brand.")
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that it answers to, without port; `*` is every host that no other "
        "site names, and one site at most has it. /s/NAME/ works always.",
    )
    languages: tuple[Language, ...] = Field(
        default=("en",), min_length=1, description="The first is the usual one."
    )
    operator: Operator = Field(description="Who runs it.")
    theme: Theme = Field(description="How it looks.")
    screen: Literal["mixer", "single"] = Field(
        default="mixer", description="mixer: all stems side by side; single: one stem, one button."
    )
    unit: Unit = Field(description="What credits count: whole songs, or seconds of audio.")
    charges: bool = Field(
        default=False,
        description="Whether it takes money; weights that may not be sold are refused.",
    )
    outputs: tuple[Output, ...] = Field(min_length=1, description="What it sells, usual one first.")
    formats: tuple[Format, ...] = Field(
        default=("wav", "flac", "mp3", "m4a", "ogg", "opus"),
        min_length=1,
        description="Download formats, usual one first.",
    )
    qualities: tuple[Quality, ...] = Field(
        default=("standard",), min_length=1, description="Qualities, usual one first."
    )
    plans: dict[Name, SitePlan] = Field(
        description="`free` must be there; `guest` lets people try without an account."
    )
    packs: dict[Name, Pack] = Field(default={}, description="Credits to buy once.")
    coupons: dict[str, Coupon] = Field(default={}, description="Codes, in capital letters.")
    multipliers: Multipliers = Field(
        default_factory=Multipliers, description="What costs more than once the usual price."
    )
    tax: bool = Field(default=False, description="Leave tax to Stripe Tax.")
    guard: Guard = Field(default_factory=Guard, description="Limits against abuse.")
    texts: dict[Language, Texts] = Field(description="One for each language.")
