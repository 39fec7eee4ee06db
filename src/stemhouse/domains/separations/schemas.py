"""Bodies of the routes of jobs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from stemhouse.domains.separations.states import JobState
from stemhouse.engine.options import Quality
from stemhouse.http.schemas import Answer, Request, UtcTime

_JOB = "job_01k9zv5w3h8m2n4p6r7s9t0vwx"
_UPLOAD = "upl_01k9zv5w3h8m2n4p6r7s9t0vwx"


class JobRequest(Request):
    """A song to separate."""

    upload_id: str = Field(description="A ready upload of yours.", examples=[_UPLOAD])
    model: str | None = Field(
        None, description="One of GET /v1/models; the service's usual one by default."
    )
    stems: list[Annotated[str, Field(max_length=64)]] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="Which of the model's stems; all by default.",
        examples=[["vocals"]],
    )
    residual: bool = Field(
        False, description="Also give the rest of the song, as one more stem named residual."
    )
    quality: Quality = Field(
        "standard", description="fast, standard or best (about 5 times slower)."
    )
    max_price_s: int | None = Field(
        None, ge=0, description="Refuse with 409 if the price is higher than this: what was shown."
    )


class QuoteAnswer(Answer):
    """What a job would cost. Nothing is held, nothing queued."""

    price_s: int = Field(description="Seconds of credit.", examples=[187])
    duration_s: float = Field(description="Length of the song.", examples=[186.3])
    model: str
    stems: list[str]
    quality: Quality
    finished: bool = Field(
        description="Whether the same recording with the same settings is finished already: then "
        "the job costs nothing and ends at once."
    )


class SongAnswer(Answer):
    """The song of a job."""

    upload_id: str = Field(examples=[_UPLOAD])
    name: str = Field(description="As you called it.", examples=["Clair de Lune"])
    duration_s: float
    sha256: str


class ProgressAnswer(Answer):
    """How far the present attempt is."""

    done_samples: int
    total_samples: int | None = Field(description="null until the song has been looked into.")
    fraction: float | None = Field(description="0 to 1.", examples=[0.42])
    remaining_s: float | None = Field(description="Seconds left at the speed so far.")


class QueueAnswer(Answer):
    """Where a waiting job stands."""

    place: int = Field(description="1 is the next to run.", examples=[3])
    estimate_s: float = Field(
        description="Seconds until it is done, guessed from recent jobs.", examples=[12.5]
    )


class FailureAnswer(Answer):
    """Why a job failed."""

    code: str = Field(examples=["corrupt_audio"])
    message: str
    details: dict[str, Any]


class StemAnswer(Answer):
    """One stem of a finished job."""

    id: str = Field(examples=["stem_01k9zv5w3h8m2n4p6r7s9t0vwx"])
    name: str = Field(examples=["vocals"])
    silent: bool = Field(description="Whether the song has (almost) no such part.")
    peak: float = Field(description="Largest absolute sample; 1.0 is full scale.")
    length_samples: int
    size_bytes: int = Field(description="Of the stored segments.")
    sha256: str = Field(description="Of the SHA-256 of the segments, in order.")
    download_url: str = Field(description="Add ?format=mp3, flac, wav24 …; needs your key.")
    waveform_url: str


class ResultAnswer(Answer):
    """What came out of a song."""

    sample_rate: int
    channels: int
    length_samples: int
    size_bytes: int
    model_sha256: str
    engine_version: str
    runtime: dict[str, Any]
    timings: dict[str, Any]
    notices: list[dict[str, Any]]
    stems: list[StemAnswer]
    archive_url: str


class JobAnswer(Answer):
    """A job."""

    id: str = Field(examples=[_JOB])
    status: JobState
    song: SongAnswer
    model: str
    stems: list[str] | None = Field(description="The stems that were asked for; null is all.")
    residual: bool
    quality: Quality
    price_s: int = Field(description="Held while it runs, charged when it succeeds.")
    created_at: UtcTime
    started_at: UtcTime | None
    finished_at: UtcTime | None
    expires_at: UtcTime | None = Field(description="When its stems are removed.")
    cancel_requested: bool
    attempt: int
    queue: QueueAnswer | None = Field(description="null unless it waits.")
    progress: ProgressAnswer | None = Field(description="null unless it runs.")
    error: FailureAnswer | None = Field(description="null unless it failed.")
    result: ResultAnswer | None = Field(description="null unless it succeeded.")
    manifest_url: str = Field(
        description="Segments for a player, growing while the job runs; 404 until there are some."
    )
    events_url: str


class ModelAnswer(Answer):
    """A model that can be asked for."""

    name: str = Field(examples=["spleeter-2stems"])
    title: str
    stems: list[str] = Field(examples=[["vocals", "accompaniment"]])
    sample_rate: int
    licence: str
    may_be_sold: bool
    usual: bool = Field(description="Whether jobs that name no model get this one.")


class ModelList(Answer):
    """The models of this service."""

    data: list[ModelAnswer]
