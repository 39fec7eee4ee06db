"""Shapes that every route's requests and answers are built from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)


def iso_utc(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC, to the millisecond: 2026-01-31T12:00:00.000Z."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time must say its zone, such as 2026-01-31T12:00:00Z")
    return moment


UtcTime = Annotated[
    datetime,
    AfterValidator(_with_zone),
    PlainSerializer(iso_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in an answer: ISO 8601, UTC, with a Z."""


class Request(BaseModel):
    """Base of bodies that come in: unknown fields are refused, a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        for text in _texts(data):
            if "\0" in text:
                raise ValueError("texts hold no NUL character")
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise ValueError("texts are Unicode: half of a surrogate pair is no character")
        return data


def _texts(data: Any) -> Iterator[str]:
    # Databases take neither, each in its own way: PostgreSQL no NUL, none of them surrogates.
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(name)
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


class Answer(BaseModel):
    """Base of bodies that go out: no field has a default, so that generated types are honest."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ErrorFacts(Answer):
    """What went wrong."""

    code: str = Field(description="Stable identifier of the kind of error.", examples=["not_found"])
    message: str = Field(
        description="What happened and what to do, for people; the wording may change.",
        examples=["There is no such job."],
    )
    details: dict[str, Any] = Field(description="Facts for programs.", examples=[{}])
    request_id: str = Field(
        description="Names this request in the log of the service.",
        examples=["req_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )


class ErrorBody(Answer):
    """The one body of every error, from 400 to 500."""

    error: ErrorFacts = Field(description="What went wrong, and what to do.")
