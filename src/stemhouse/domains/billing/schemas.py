"""Bodies of the routes of billing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stemhouse.http.schemas import Answer, UtcTime


class BalanceAnswer(Answer):
    """What an account may still have separated."""

    unit: Literal["second"] = Field(description="Credits are seconds of audio.")
    available_s: int = Field(description="Can be spent.", examples=[35_940])
    held_s: int = Field(description="Set aside for jobs that have not ended.", examples=[60])


class EntryAnswer(Answer):
    """One movement of credits."""

    id: str = Field(examples=["led_01k9zv5w3h8m2n4p6r7s9t0vwx"])
    kind: Literal["grant", "hold", "settle", "refund"]
    amount_s: int = Field(description="What it did to the credits that can be spent.")
    job_id: str | None
    note: str
    created_at: UtcTime
