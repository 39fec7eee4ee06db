"""Bodies of the routes of jobs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from stemhouse.domains.separations.purse import Unit
from stemhouse.domains.separations.states import JobState
from stemhouse.engine.options import Quality
from stemhouse.http.schemas import Answer, Request, UtcTime

_JOB = "job_01k9zv5w3h8m2n4p6r7s9t0vwx"
SongName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_UPLOAD = "upl_01k9zv5w3h8m2n4p6r7s9t0vwx"


class JobRequest(Request):
    """A song to separate."""

    upload_id: str = Field(description="A ready upload of yours.", examples=[_UPLOAD])
    output: str | None = Field(
        None,
        max_length=64,
        description="One of the site's outputs (GET /v1/site); by default the first that has the "
        "model and stems asked for.",
        examples=["two"],
    )
    model: str | None = Field(
        None,
        description="One of GET /v1/models; the output's by default.",
        examples=["spleeter-2stems"],
    )
    stems: list[Annotated[str, Field(max_length=64)]] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="Only these of the output's stems; all by default.",
        examples=[["vocals"]],
    )
    residual: bool = Field(
        False, description="Also give the rest of the song, as one more stem named residual."
    )
    quality: Quality | None = Field(
        None,
        description="fast, standard or best (about 5 times slower); by default the first of your "
        "plan (GET /v1/site).",
        examples=["standard"],
    )
    expected_price: int | None = Field(
        None,
        ge=0,
        description="price.amount as dry_run told it: any other price is refused with 409 "
        "(price_changed).",
        examples=[187],
    )
    max_price: int | None = Field(
        None,
        ge=0,
        description="A higher price is refused with 409 (price_changed).",
        examples=[200],
    )


class CreditsAnswer(Answer):
    """An amount of credits."""

    amount: int = Field(description="How many, in the unit.", examples=[187])
    unit: Unit = Field(
        description="What credits of this site count: song is a whole song, second a second of "
        "audio.",
        examples=["second"],
    )


class JobChange(Request):
    """What to change of a job."""

    name: SongName = Field(
        description="What you call the song from now on. Downloads bear this name too, unless the "
        "song has a title of its own among its tags.",
        examples=["Clair de Lune, second take"],
    )


class QuoteAnswer(Answer):
    """What a job would cost. Nothing is held, nothing queued."""

    price: CreditsAnswer = Field(description="What would be held.")
    duration_s: float = Field(description="Length of the song.", examples=[186.3])
    model: str = Field(
        description="The model that would separate it.", examples=["spleeter-2stems"]
    )
    stems: list[str] = Field(
        description="The stems that would come out.", examples=[["vocals", "accompaniment"]]
    )
    quality: Quality = Field(description="As asked for.", examples=["standard"])
    finished: bool = Field(
        description="Whether the same recording with the same settings is finished already: then "
        "the job costs nothing and ends at once."
    )


class SongAnswer(Answer):
    """The song of a job."""

    upload_id: str = Field(description="The upload it came with.", examples=[_UPLOAD])
    name: str = Field(description="As you called it.", examples=["Clair de Lune"])
    duration_s: float = Field(description="Its length in seconds.", examples=[186.3])
    sha256: str = Field(
        description="Of the file that was uploaded.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class ProgressAnswer(Answer):
    """How far the present attempt is."""

    done_samples: int = Field(
        description="Samples per channel that are separated.", examples=[3_450_600]
    )
    total_samples: int | None = Field(
        description="null until the song has been looked into.", examples=[8_215_830]
    )
    fraction: float | None = Field(description="0 to 1.", examples=[0.42])
    remaining_s: float | None = Field(
        description="Seconds left at the speed so far.", examples=[1.8]
    )


class QueueAnswer(Answer):
    """Where a waiting job stands."""

    place: int = Field(description="1 is the next to run.", examples=[3])
    estimate_s: float | None = Field(
        description="Seconds until it is done, guessed from recent jobs; null while no worker runs "
        "that takes such jobs: it waits, and begins as soon as one does.",
        examples=[12.5],
    )


class FailureAnswer(Answer):
    """Why a job failed."""

    code: str = Field(description="Stable identifier.", examples=["corrupt_audio"])
    message: str = Field(
        description="For people; the wording may change.", examples=["the song is damaged"]
    )
    details: dict[str, Any] = Field(description="Facts for programs.", examples=[{}])


class StemAnswer(Answer):
    """One stem of a finished job."""

    id: str = Field(
        description="Identifier of the stem.", examples=["stem_01k9zv5w3h8m2n4p6r7s9t0vwx"]
    )
    name: str = Field(description="Its name, as the model calls it.", examples=["vocals"])
    silent: bool = Field(description="Whether the song has (almost) no such part.")
    peak: float = Field(description="Largest absolute sample; 1.0 is full scale.", examples=[0.83])
    length_samples: int = Field(
        description="Samples per channel: as many as the song has.", examples=[8_215_830]
    )
    size_bytes: int = Field(description="Of the stored segments.", examples=[15_702_963])
    sha256: str = Field(
        description="Of the SHA-256 of the segments, in order.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    download_url: str = Field(
        description="Add ?format=mp3, flac, wav24 …; needs your key.",
        examples=["/v1/jobs/job_01k9zv5w3h8m2n4p6r7s9t0vwx/stems/vocals"],
    )
    waveform_url: str = Field(
        description="Its overview, for drawing; see docs/results.md.",
        examples=["/v1/jobs/job_01k9zv5w3h8m2n4p6r7s9t0vwx/stems/vocals/waveform"],
    )


class ResultAnswer(Answer):
    """What came out of a song."""

    sample_rate: int = Field(description="In Hz: the song's own.", examples=[44_100])
    channels: int = Field(description="1 or 2.", examples=[2])
    length_samples: int = Field(description="Samples per channel.", examples=[8_215_830])
    size_bytes: int = Field(description="Of all stored stems.", examples=[31_405_926])
    model_sha256: str = Field(
        description="Of the weights that separated it.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    engine_version: str = Field(
        description="Version of the engine that separated it.", examples=["0.1.0"]
    )
    runtime: dict[str, Any] = Field(
        description="What computed the network.",
        examples=[{"provider": "openvino", "device": "cpu", "precision": "bfloat16"}],
    )
    timings: dict[str, Any] = Field(
        description="Seconds that the steps took.", examples=[{"wall_s": 3.1}]
    )
    notices: list[dict[str, Any]] = Field(
        description="What must be said about it but is no error.", examples=[[]]
    )
    stems: list[StemAnswer] = Field(description="In the model's order.")
    archive_url: str = Field(
        description="All stems as one ZIP; add ?format=….",
        examples=["/v1/jobs/job_01k9zv5w3h8m2n4p6r7s9t0vwx/archive"],
    )


class JobAnswer(Answer):
    """A job."""

    id: str = Field(description="Identifier of the job.", examples=[_JOB])
    status: JobState = Field(
        description="queued, processing, then succeeded, failed or canceled; succeeded becomes "
        "expired when its stems are removed.",
        examples=["succeeded"],
    )
    song: SongAnswer = Field(description="What is separated.")
    model: str = Field(description="The model that separates it.", examples=["spleeter-2stems"])
    stems: list[str] | None = Field(
        description="The stems that were asked for; null is all.", examples=[None]
    )
    residual: bool = Field(
        description="Whether the rest of the song was asked for as well.", examples=[False]
    )
    quality: Quality = Field(description="As asked for.", examples=["standard"])
    price: CreditsAnswer = Field(description="Held while it runs, charged when it succeeds.")
    created_at: UtcTime = Field(description="When it was queued.")
    started_at: UtcTime | None = Field(description="When the present attempt began; null before.")
    finished_at: UtcTime | None = Field(description="When it ended; null before.")
    expires_at: UtcTime | None = Field(description="When its stems are removed.")
    attempt: int = Field(description="1 for the first try; 0 while it waits for it.", examples=[1])
    queue: QueueAnswer | None = Field(description="null unless it waits.", examples=[None])
    progress: ProgressAnswer | None = Field(description="null unless it runs.", examples=[None])
    error: FailureAnswer | None = Field(description="null unless it failed.", examples=[None])
    result: ResultAnswer | None = Field(description="null unless it succeeded.")
    manifest_url: str = Field(
        description="Segments for a player, growing while the job runs; 404 until there are some.",
        examples=["/v1/jobs/job_01k9zv5w3h8m2n4p6r7s9t0vwx/manifest"],
    )
    events_url: str = Field(
        description="What happens to it, as it happens.",
        examples=["/v1/jobs/job_01k9zv5w3h8m2n4p6r7s9t0vwx/events"],
    )


class ModelAnswer(Answer):
    """A model that can be asked for."""

    name: str = Field(description="What jobs call it.", examples=["spleeter-2stems"])
    title: str = Field(description="What people call it.", examples=["Vocals and accompaniment"])
    stems: list[str] = Field(
        description="What it takes a song apart into.", examples=[["vocals", "accompaniment"]]
    )
    sample_rate: int = Field(
        description="Rate in Hz at which it works; stems have the song's own.", examples=[44_100]
    )
    licence: str = Field(description="Of its weights (SPDX).", examples=["MIT"])
    may_be_sold: bool = Field(description="Whether a paid service may offer it.", examples=[True])
    usual: bool = Field(description="Whether jobs that name no model get this one.")


class ModelList(Answer):
    """The models of this service."""

    data: list[ModelAnswer] = Field(description="All of them.")
