"""Bodies of the routes of billing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stemhouse.domains.separations.purse import Unit
from stemhouse.http.schemas import Answer, UtcTime

EntryKind = Literal["grant", "hold", "settle", "refund"]


class BalanceAnswer(Answer):
    """What an account may still have separated."""

    unit: Unit = Field(
        description="What credits of this site count: song is a whole song, second a second of "
        "audio.",
        examples=["second"],
    )
    available: int = Field(description="Can be spent.", examples=[35_940])
    held: int = Field(description="Set aside for jobs that have not ended.", examples=[60])


class EntryAnswer(Answer):
    """One movement of credits."""

    id: str = Field(
        description="Identifier of the entry.", examples=["led_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    kind: EntryKind = Field(
        description="grant: credits came; hold: set aside for a job; settle: the job was charged; "
        "refund: what was held came back.",
        examples=["hold"],
    )
    amount: int = Field(
        description="What it did to the credits that can be spent.", examples=[-187]
    )
    unit: Unit = Field(description="What the amount counts.", examples=["second"])
    job_id: str | None = Field(
        description="The job behind it, if there is one.",
        examples=["job_01k9zv5w3h8m2n4p6r7s9t0vwx"],
    )
    note: str = Field(description="For people.", examples=[""])
    created_at: UtcTime = Field(description="When it was written.")
