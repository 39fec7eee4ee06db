"""Bodies of the routes of billing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stemhouse.domains.billing.books import Kind
from stemhouse.domains.separations.purse import Unit
from stemhouse.http.schemas import Answer, UtcTime

_UNIT = "What credits of this site count: song is a whole song, second a second of audio."
_JOB = "job_01k9zv5w3h8m2n4p6r7s9t0vwx"


class LotAnswer(Answer):
    """Credits that came together and expire together."""

    available: int = Field(description="What is left of them.", examples=[35_940])
    expires_at: UtcTime | None = Field(description="When they are gone; null is never.")
    note: str = Field(description="Where they come from.", examples=["credits of November 2026"])


class WithheldAnswer(Answer):
    """Free credits that the account does not get, or not yet."""

    amount: int = Field(description="How many.", examples=[2])
    reason: Literal["unconfirmed", "given_before"] = Field(
        description="unconfirmed: confirm the e-mail address; given_before: this address had them.",
        examples=["unconfirmed"],
    )
    message: str = Field(description="For people.", examples=["confirm your e-mail address"])


class BalanceAnswer(Answer):
    """What an account may still have separated."""

    unit: Unit = Field(description=_UNIT, examples=["second"])
    available: int = Field(description="Can be spent.", examples=[35_940])
    held: int = Field(description="Set aside for jobs that have not ended.", examples=[60])
    lots: list[LotAnswer] = Field(
        description="What can be spent, the soonest to expire first: they are spent in this order."
    )
    withheld: WithheldAnswer | None = Field(
        description="Free credits that wait for something; null where there are none.",
        examples=[None],
    )


class EntryAnswer(Answer):
    """One movement of credits."""

    id: str = Field(
        description="Identifier of the entry.", examples=["led_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    kind: Kind = Field(
        description="grant: credits came; hold: set aside for a job; settle: the job was charged, "
        "and what was held beyond came back; refund: all that was held came back; expire: their "
        "time was over; take_back: taken back after a refund or dispute.",
        examples=["hold"],
    )
    amount: int = Field(
        description="What it did to the credits that can be spent.", examples=[-187]
    )
    charged: int = Field(description="What was spent for good with it.", examples=[0])
    unit: Unit = Field(description=_UNIT, examples=["second"])
    available_after: int = Field(description="What could be spent after it.", examples=[35_813])
    held_after: int = Field(description="What was set aside after it.", examples=[187])
    job_id: str | None = Field(description="The job behind it, if there is one.", examples=[_JOB])
    note: str = Field(description="For people.", examples=["held for a song"])
    created_at: UtcTime = Field(description="When it was written.")


class ReceiptAnswer(Answer):
    """What became of a job's price."""

    job_id: str = Field(description="The job.", examples=[_JOB])
    status: str | None = Field(
        description="As the job's; null when it has been deleted.", examples=["succeeded"]
    )
    song: str | None = Field(description="As you called it; null with it.", examples=["Clair"])
    duration_s: float | None = Field(description="Its length.", examples=[186.3])
    model: str | None = Field(description="What separated it.", examples=["spleeter-2stems"])
    quality: str | None = Field(description="How well.", examples=["standard"])
    unit: Unit = Field(description=_UNIT, examples=["second"])
    price: int = Field(description="What was agreed.", examples=[187])
    held: int = Field(description="What is still set aside.", examples=[0])
    charged: int = Field(description="What was spent for good.", examples=[187])
    given_back: int = Field(description="What came back of what was held.", examples=[0])
    entries: list[EntryAnswer] = Field(description="The movements, in their order.")
