"""Bodies of the routes of links."""

from __future__ import annotations

from pydantic import Field

from stemhouse.http.schemas import Answer, Request, UtcTime

_WEEK_S = 7 * 86_400
_YEAR_S = 365 * 86_400
_SHARE = "shr_01k9zv5w3h8m2n4p6r7s9t0vwx"


class ShareRequest(Request):
    """A link to make."""

    expires_in_s: int = Field(
        default=_WEEK_S,
        ge=60,
        le=_YEAR_S,
        description="How long it is good, in seconds; never longer than the stems are kept.",
        examples=[_WEEK_S],
    )


class ShareAnswer(Answer):
    """A link that plays a job's stems without an account."""

    id: str = Field(description="Identifier of the link.", examples=[_SHARE])
    manifest_url: str = Field(
        description="For `<stem-player src=…>`, on any page. Segments and events are beside it.",
        examples=[f"https://stems.example/v1/shared/{_SHARE}.mSvxN1Tq0/manifest"],
    )
    created_at: UtcTime = Field(description="When it was made.")
    expires_at: UtcTime = Field(description="When it ends.")


class ShareList(Answer):
    """The links of a job."""

    data: list[ShareAnswer] = Field(description="Newest first.")
