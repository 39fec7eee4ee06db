"""Bodies of the routes of links that download a file."""

from __future__ import annotations

from pydantic import Field

from stemhouse.http.schemas import Answer, Request, UtcTime

_HOUR_S = 3600
_WEEK_S = 7 * 86_400


class MixRequest(Request):
    """A mix, as the addresses of mixes write it."""

    stems: list[str] | None = Field(
        default=None,
        max_length=16,
        description="What is in it, each as name,gain_db,pan; without any, all are as they are.",
        examples=[["vocals,-6", "accompaniment,0,0.25"]],
    )
    gain_db: float = Field(
        default=0.0, ge=-60, le=24, description="Gain of the whole mix in dB, to leave headroom."
    )


class LinkRequest(Request):
    """A link to make."""

    stem: str | None = Field(
        default=None,
        max_length=128,
        description="The stem; without one it is a ZIP of all of them, or the mix.",
        examples=["vocals"],
    )
    mix: MixRequest | None = Field(
        default=None, description="The stems mixed together, instead of a stem."
    )
    format: str | None = Field(
        default=None,
        max_length=16,
        description="As `?format=` of a download: one of your plan, by default the first.",
        examples=["mp3"],
    )
    expires_in_s: int = Field(
        default=_HOUR_S,
        ge=60,
        le=_WEEK_S,
        description="How long it is good, in seconds; never longer than the stems are kept.",
        examples=[_HOUR_S],
    )


class LinkAnswer(Answer):
    """A link that downloads a file without a key or a cookie."""

    url: str = Field(
        description="Its address, for a browser, curl or a player. Whoever has it has the file.",
        examples=["https://stems.example/v1/downloads/WyJhY2N0XzAxazl6.mSvxN1Tq0"],
    )
    expires_at: UtcTime = Field(description="When it ends.")
