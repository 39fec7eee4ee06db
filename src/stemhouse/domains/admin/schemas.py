"""Bodies of the routes of operators."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from stemhouse.domains.separations.schemas import JobAnswer
from stemhouse.http.schemas import Answer, Request, UtcTime
from stemhouse.jobs.queue import Lane

Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]

_ACCOUNT = "acct_01k9zv5w3h8m2n4p6r7s9t0vwx"
_JOB = "job_01k9zv5w3h8m2n4p6r7s9t0vwx"


class Why(Request):
    """What an operator says about what they do."""

    reason: Reason = Field(
        default="", description="For the record of actions.", examples=["asked for by its owner"]
    )


class DecisionRequest(Why):
    """What becomes of a request for a takedown."""

    state: Literal["reviewing", "upheld", "rejected"] = Field(
        description="reviewing also opens a decided request again.", examples=["upheld"]
    )


class RemovalRequest(Why):
    """Which song goes because of a takedown."""

    job_id: str = Field(description="A job of the site with that recording.", examples=[_JOB])
    block: bool = Field(
        default=True,
        description="Also remove the recording from all other accounts of the site, and refuse it "
        "from now on.",
    )


class OwnerAnswer(Answer):
    """Whose something is."""

    id: str = Field(description="Identifier of the account.", examples=[_ACCOUNT])
    kind: Literal["user", "guest"] = Field(description="A guest has no address.", examples=["user"])
    email: str | None = Field(description="null for guests.", examples=["ada@example.org"])
    blocked: bool = Field(description="Whether it is kept out.", examples=[False])


class CostAnswer(Answer):
    """What a job took of the machines, with all its attempts."""

    attempts: int = Field(description="Attempts that took something.", examples=[1])
    processor_s: float = Field(
        description="Seconds of processor time, of all threads.", examples=[9.6]
    )
    device_s: float = Field(
        description="Seconds in which the network ran on a GPU.", examples=[0.0]
    )
    stored_bytes: int = Field(description="Size of its stems.", examples=[31_405_926])
    currency: str | None = Field(
        description="Of the prices in the settings; null without them.", examples=["usd"]
    )
    cost_microcents: int | None = Field(
        description="What it cost, in millionths of the currency's smallest unit: processor, GPU, "
        "and the stems for as long as they are to be kept.",
        examples=[11_200],
    )


class JobForOperators(Answer):
    """A job, with whose it is."""

    site: str = Field(description="Its site.", examples=["studio"])
    owner: OwnerAnswer = Field(description="Whose it is.")
    job: JobAnswer = Field(description="The job as its owner sees it.")
    cost: CostAnswer | None = Field(description="What it took; null for one that took nothing.")


class StepAnswer(Answer):
    """One event of a job."""

    number: int = Field(description="1, 2, 3 … within the job.", examples=[1])
    kind: str = Field(description="What happened.", examples=["queued"])
    at: UtcTime = Field(description="When.")
    data: dict[str, Any] = Field(description="Facts.", examples=[{"attempt": 1}])


class JobInDepth(JobForOperators):
    """A job with everything that happened to it."""

    recording_sha256: str = Field(description="Of the song's file.", examples=["9f86d081884c7d65"])
    steps: list[StepAnswer] = Field(description="Oldest first.")


class AccountForOperators(OwnerAnswer):
    """An account."""

    site: str = Field(description="Its site.", examples=["studio"])
    plan: str = Field(description="Its plan.", examples=["free"])
    operates: Literal["site", "all"] | None = Field(
        description="Whether it is an operator's: of its site, or of all.", examples=[None]
    )
    verified: bool = Field(description="Whether its address is confirmed.", examples=[True])
    created_at: UtcTime = Field(description="Since when it is there.")
    jobs: int = Field(description="Jobs that it has.", examples=[12])
    stored_bytes: int = Field(description="Of its stems.", examples=[31_405_926])


class StoredAnswer(Answer):
    """How many things, and how large."""

    number: int = Field(description="How many.", examples=[40])
    size_bytes: int = Field(description="All together.", examples=[1_256_237_040])


class SiteNumbers(Answer):
    """A site at a glance."""

    site: str = Field(description="Its name.", examples=["studio"])
    title: str = Field(description="Its brand.", examples=["Stem Studio"])
    address: str = Field(description="Where it is.", examples=["http://studio.localhost:8000"])
    jobs: dict[str, int] = Field(
        description="Jobs of the last day by their state.", examples=[{"succeeded": 31}]
    )
    audio_s: float = Field(description="Seconds of audio of those jobs.", examples=[5_800.0])
    users: int = Field(description="Accounts.", examples=[17])
    guests: int = Field(description="People who try without one.", examples=[4])
    uploads: StoredAnswer = Field(description="Songs.")
    results: StoredAnswer = Field(description="Stems, by song.")
    open_takedowns: int = Field(description="Requests that nobody has decided.", examples=[0])


class WorkerAnswer(Answer):
    """A worker that shows signs of life."""

    id: str = Field(description="Its name.", examples=["exec_01k9zv5w3h8m2n4p6r7s9t0vwx"])
    host: str = Field(description="Its machine.", examples=["worker-1"])
    process_id: int = Field(description="Its process there.", examples=[4711])
    queue: Lane = Field(
        description="Which songs it takes: cpu, or gpu, those of gpu_qualities.", examples=["cpu"]
    )
    songs_at_once: int = Field(description="Songs side by side.", examples=[1])
    silent_s: float = Field(description="Seconds since its last sign of life.", examples=[1.2])


class Overview(Answer):
    """The installation at a glance."""

    sites: list[SiteNumbers] = Field(description="The operator's sites.")
    problems: list[str] = Field(
        description="What somebody must see to: site files that cannot be used, whose last good "
        "versions are in use, and songs that wait for workers of which none runs.",
        examples=[[]],
    )
    waiting: int = Field(description="Jobs that wait, of all sites.", examples=[3])
    running: int = Field(description="Jobs that run, of all sites.", examples=[2])
    oldest_wait_s: float | None = Field(
        description="Seconds that the oldest waiting job has waited; null when none waits.",
        examples=[0.4],
    )
    workers: list[WorkerAnswer] = Field(description="Those that are alive.")


class FailuresAnswer(Answer):
    """Failed jobs of one kind."""

    site: str = Field(description="Their site.", examples=["studio"])
    code: str = Field(description="What went wrong.", examples=["corrupt_audio"])
    number: int = Field(description="How many.", examples=[2])
    last_at: UtcTime = Field(description="When it happened last.")
    last_job_id: str = Field(description="To which job.", examples=[_JOB])


class FailureList(Answer):
    """Failed jobs by what went wrong."""

    data: list[FailuresAnswer] = Field(description="Most frequent first.")


class LargeAccount(Answer):
    """An account that takes much room."""

    site: str = Field(description="Its site.", examples=["studio"])
    owner: OwnerAnswer = Field(description="Whose it is.")
    size_bytes: int = Field(description="Of its stems.", examples=[31_405_926])


class LargeAccounts(Answer):
    """Who takes most room."""

    data: list[LargeAccount] = Field(description="Largest first.")


class ActionAnswer(Answer):
    """One thing that an operator did."""

    id: str = Field(description="Identifier.", examples=["act_01k9zv5w3h8m2n4p6r7s9t0vwx"])
    site: str = Field(description="The site of what it was done to.", examples=["studio"])
    actor_id: str = Field(description="The operator's account.", examples=[_ACCOUNT])
    kind: str = Field(description="What was done.", examples=["account_blocked"])
    target_id: str = Field(description="To what.", examples=[_ACCOUNT])
    reason: str = Field(description="Why, in the operator's words.", examples=["spam"])
    data: dict[str, Any] = Field(description="Facts.", examples=[{}])
    at: UtcTime = Field(description="When.")
