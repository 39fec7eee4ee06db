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

    id: str = Field(
        description="Identifier of the entry.", examples=["led_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    kind: Literal["grant", "hold", "settle", "refund"] = Field(
        description="grant: credits came; hold: set aside for a job; settle: the job was charged; "
        "refund: what was held came back.",
        examples=["hold"],
    )
    amount_s: int = Field(
        description="What it did to the credits that can be spent.", examples=[-187]
    )
    job_id: str | None = Field(
        description="The job behind it, if there is one.",
        examples=["job_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    note: str = Field(description="For people.", examples=[""])
    created_at: UtcTime = Field(description="When it was written.")
