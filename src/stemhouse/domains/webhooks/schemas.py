"""Bodies of the routes of webhooks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from stemhouse.domains.webhooks.events import EVENTS, JobEventName
from stemhouse.http.schemas import Answer, Request, UtcTime

DeliveryState = Literal["pending", "delivered", "failed"]
PauseReason = Literal["by_hand", "failing", "gone"]

_ENDPOINT = "whe_01k9zv5w3h8m2n4p6r7s9t0vwx"
_DELIVERY = "whd_01k9zv5w3h8m2n4p6r7s9t0vwx"
_URL = "https://example.org/stemhouse"
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="An http or https address on the public Internet; redirects are not followed.",
        examples=[_URL],
    ),
]
Events = Annotated[
    list[JobEventName],
    Field(min_length=1, max_length=16, description="What to tell of.", examples=[list(EVENTS)]),
]
Description = Annotated[
    str, Field(max_length=200, description="For you; nobody else sees it.", examples=["Mixer"])
]


class EndpointRequest(Request):
    """An address that wants to be told."""

    url: Url
    events: Events = Field(default_factory=lambda: list(EVENTS))
    description: Description = ""


class EndpointChange(Request):
    """What to change of an endpoint; what is left out stays."""

    url: Url | None = Field(None, description="Another address.")
    events: Events | None = Field(None, description="What to tell of from now on.")
    description: Description | None = Field(None, description="Another description.")
    paused: bool | None = Field(
        None,
        description="true sends nothing until false; what happens meanwhile is sent then, as far "
        "as it is not older than deliveries are kept.",
    )


class RotateRequest(Request):
    """How long the secret that was in use still signs."""

    overlap_s: int = Field(
        default=86_400,
        ge=0,
        le=604_800,
        description="Seconds during which deliveries carry a signature of both secrets.",
    )


class PauseAnswer(Answer):
    """Why nothing is sent."""

    at: UtcTime = Field(description="Since when.")
    because: PauseReason = Field(
        description="by_hand; failing: a delivery was given up after a day and nothing arrived "
        "meanwhile; gone: the endpoint answered 410."
    )


class EndpointAnswer(Answer):
    """An endpoint."""

    id: str = Field(description="Identifier of the endpoint.", examples=[_ENDPOINT])
    url: str = Field(description="Where events are sent.", examples=[_URL])
    events: list[JobEventName] = Field(
        description="What it is told of.", examples=[["job.succeeded", "job.failed"]]
    )
    description: str = Field(description="As you described it.", examples=["Mixer"])
    created_at: UtcTime = Field(description="When it was made.")
    last_success_at: UtcTime | None = Field(description="When a delivery arrived last.")
    paused: PauseAnswer | None = Field(description="null while events are sent.", examples=[None])
    secrets_live: int = Field(description="2 while an old secret still signs, else 1.")


class NewSecretAnswer(EndpointAnswer):
    """An endpoint with its new secret."""

    secret: str = Field(description="Shown this once.", examples=[_SECRET])


class AttemptAnswer(Answer):
    """One try."""

    number: int = Field(description="1 for the first.", examples=[1])
    at: UtcTime = Field(description="When it began.")
    wall_ms: int = Field(description="Milliseconds that it took.", examples=[84])
    status: int | None = Field(description="What was answered; null where nothing was.")
    error: str | None = Field(
        description="Code of what went wrong where nothing was answered.",
        examples=["source_unreachable"],
    )
    message: str | None = Field(description="What went wrong, for people.", examples=[None])
    answer: str = Field(description="The beginning of the answer's body.", examples=["ok"])


class DeliveryAnswer(Answer):
    """An event on its way to an endpoint."""

    id: str = Field(description="The webhook-id of every try.", examples=[_DELIVERY])
    endpoint_id: str = Field(description="Where it goes.", examples=[_ENDPOINT])
    event: str = Field(description="What it tells of.", examples=["job.succeeded"])
    job_id: str | None = Field(
        description="The job behind it; null for a test.",
        examples=["job_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    state: DeliveryState = Field(
        description="pending until it has arrived or was given up.", examples=["delivered"]
    )
    attempts: int = Field(description="Tries so far.", examples=[1])
    created_at: UtcTime = Field(description="When it happened.")
    finished_at: UtcTime | None = Field(description="When it arrived or was given up.")
    next_attempt_at: UtcTime | None = Field(
        description="null unless it is pending.", examples=[None]
    )


class DeliveryDetails(DeliveryAnswer):
    """A delivery with what was sent and what came of each try."""

    payload: dict[str, Any] = Field(description="The body that is sent.")
    log: list[AttemptAnswer] = Field(description="Each try, in order.")
