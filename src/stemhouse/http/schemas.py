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


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time must say its zone, such as 2026-01-31T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # such as the last hour of the year 9999 west of Greenwich
        raise ValueError("in UTC a time must be between the years 1 and 9999") from None


UtcTime = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(iso_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in an answer: ISO 8601, UTC, with a Z."""


def storable(text: str) -> str:
    """Return a text that databases take; each refuses others: PostgreSQL NUL, none surrogates.

    Raises
    ------
    ValueError
        It holds what no text of ours does.
    """
    if "\0" in text:
        raise ValueError("texts hold no NUL character")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("texts are Unicode: half of a surrogate pair is no character")
    return text


Storable = AfterValidator(storable)
"""For texts of forms; in the bodies of the API all of them are looked at."""


class Request(BaseModel):
    """Base of bodies that come in: unknown fields are refused, a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        for text in _texts(data):
            storable(text)
        return data


def _texts(data: Any) -> Iterator[str]:
    # Not one call for each level: a body may be nested deeper than Python calls.
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one


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
