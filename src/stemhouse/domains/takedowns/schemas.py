"""Bodies of the routes of takedowns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import EmailStr, Field, StringConstraints

from stemhouse.domains.takedowns.states import TakedownKind, TakedownRole, TakedownState
from stemhouse.http.schemas import Answer, Request, UtcTime

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]

_EXAMPLE = "tkd_01k9zv5w3h8m2n4p6r7s9t0vwx"


class TakedownRequest(Request):
    """Somebody says that a recording is theirs."""

    name: Line = Field(description="Who asks.", examples=["Ada Example"])
    email: EmailStr = Field(description="Where to answer.", examples=["ada@example.org"])
    role: TakedownRole = Field(
        description="owner: the rights are theirs; agent: they act for the owner; performer: they "
        "are heard on it; other: they say in the statement.",
        examples=["owner"],
    )
    work: Paragraph = Field(
        description="The recording: artist, title, label, ISRC, or what else tells it from others.",
        examples=["Ada Example: First Light (2019)"],
    )
    place: Paragraph = Field(
        description="Where it was found: an address or a description.",
        examples=["https://studio.example.org/songs/job_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    statement: Paragraph = Field(
        description="Why it must go.", examples=["I wrote and recorded it and gave no licence."]
    )
    true_and_entitled: Literal[True] = Field(
        description="They declare that what they say is true and that they are entitled to ask."
    )


class TakedownReceived(Answer):
    """A request has been taken."""

    id: str = Field(description="Name it when you write to us about it.", examples=[_EXAMPLE])
    state: TakedownState = Field(description="Where it stands.", examples=["received"])
    created_at: UtcTime = Field(description="When it came.")


class TakedownEventAnswer(Answer):
    """One step of a request."""

    number: int = Field(description="1, 2, 3 … within the request.", examples=[1])
    kind: TakedownKind = Field(description="What happened.", examples=["received"])
    actor_id: str | None = Field(
        description="The operator who did it; null is the sender.", examples=[None]
    )
    note: str = Field(description="For the operators.", examples=[""])
    data: dict[str, Any] = Field(description="Facts for programs.", examples=[{}])
    at: UtcTime = Field(description="When.")


class TakedownAnswer(TakedownReceived):
    """A request with its history, for operators."""

    site: str = Field(description="The site that it concerns.", examples=["studio"])
    name: str = Field(description="Who asks.", examples=["Ada Example"])
    email: str = Field(description="Where to answer.", examples=["ada@example.org"])
    role: TakedownRole = Field(description="As whom they ask.", examples=["owner"])
    work: str = Field(description="The recording.", examples=["Ada Example: First Light (2019)"])
    place: str = Field(description="Where it was found.", examples=["on the first page"])
    statement: str = Field(description="Why it must go.", examples=["I gave no licence."])
    closed_at: UtcTime | None = Field(description="When it was decided; null before.")
    events: list[TakedownEventAnswer] = Field(description="Its history, oldest first.")
