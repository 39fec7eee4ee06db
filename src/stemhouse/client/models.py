"""What the server answers, typed. Fields that a newer server adds are left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from stemhouse.client.errors import error_from_code
from stemhouse.errors import Cancelled, Conflict

FINISHED: Final = frozenset({"succeeded", "failed", "canceled", "expired"})


class _Answered(BaseModel):
    # "model" is a field of jobs, not a name of pydantic's.
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


class Failure(_Answered):
    """Why an upload was rejected or a job failed."""

    code: str
    message: str
    details: dict[str, Any] = {}


class Upload(_Answered):
    """A song on the server."""

    id: str
    state: str
    name: str
    size_bytes: int | None
    received_bytes: int
    sha256: str | None
    duration_s: float | None
    sample_rate: int | None
    channels: int | None
    tags: dict[str, str]
    error: Failure | None
    created_at: datetime
    expires_at: datetime


class Credits(_Answered):
    """An amount of credits; unit is what they count: song or second."""

    amount: int
    unit: str


class Song(_Answered):
    """The song of a job."""

    upload_id: str
    name: str
    duration_s: float
    sha256: str


class Progress(_Answered):
    """How far a job is."""

    done_samples: int
    total_samples: int | None
    fraction: float | None
    remaining_s: float | None


class Queue(_Answered):
    """Where a waiting job stands; 1 is the next to run.

    The estimate is None while no worker runs that takes such jobs.
    """

    place: int
    estimate_s: float | None


class Stem(_Answered):
    """A stem of a finished job."""

    id: str
    name: str
    silent: bool
    peak: float
    length_samples: int
    size_bytes: int
    sha256: str


class Result(_Answered):
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
    stems: list[Stem]


class Job(_Answered):
    """A song that is, was or will be separated."""

    id: str
    status: str
    song: Song
    model: str
    stems: list[str] | None
    residual: bool
    quality: str
    price: Credits
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    attempt: int
    queue: Queue | None
    progress: Progress | None
    error: Failure | None
    result: Result | None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen, except that it expires."""
        return self.status in FINISHED

    def stems_or_raise(self) -> list[Stem]:
        """Return the stems of a job that has succeeded.

        Raises
        ------
        StemhouseError
            The one that the job failed with.
        Cancelled, Conflict
            It was cancelled; it has not ended, or its stems are removed.
        """
        if self.error is not None:
            details = {**self.error.details, "job_id": self.id}
            raise error_from_code(self.error.code, self.error.message, details)
        if self.status == "canceled":
            raise Cancelled("the job was cancelled")
        if self.result is None:
            raise Conflict(f"the job has no stems: it is {self.status}", job_id=self.id)
        return self.result.stems


class JobEvent(_Answered):
    """Something that happened to a job, or how far it is.

    Attributes
    ----------
    kind : str
        ``progress`` or the event's name, such as ``job.started``.
    number : int or None
        Of an event, None of progress; the stream can go on after it.
    data : dict
        What the server tells.
    """

    kind: str
    number: int | None
    status: str
    data: dict[str, Any]

    @property
    def last(self) -> bool:
        """Whether the job has ended with it."""
        return self.kind != "progress" and self.status in FINISHED


class Link(_Answered):
    """An address that downloads a file without a key."""

    url: str
    expires_at: datetime


class Share(_Answered):
    """A link that plays a job's stems without an account."""

    id: str
    manifest_url: str
    created_at: datetime
    expires_at: datetime


class Quote(_Answered):
    """What a job would cost."""

    price: Credits
    duration_s: float
    model: str
    stems: list[str]
    quality: str
    finished: bool


class Model(_Answered):
    """A model that the server runs."""

    name: str
    title: str
    stems: list[str]
    sample_rate: int
    licence: str
    may_be_sold: bool
    usual: bool


class Balance(_Answered):
    """What may still be separated, in the site's unit: songs, or seconds of audio."""

    unit: str
    available: int
    held: int


class Endpoint(_Answered):
    """An address that is told of events."""

    id: str
    url: str
    events: list[str]
    description: str
    created_at: datetime
    last_success_at: datetime | None
    paused: dict[str, Any] | None
    secrets_live: int


class NewEndpoint(Endpoint):
    """An endpoint with its secret, which is told this once."""

    secret: str


class Attempt(_Answered):
    """One try to deliver."""

    number: int
    at: datetime
    wall_ms: int
    status: int | None
    error: str | None
    message: str | None
    answer: str


class Delivery(_Answered):
    """An event on its way to an endpoint."""

    id: str
    endpoint_id: str
    event: str
    job_id: str | None
    state: str
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None


class DeliveryDetails(Delivery):
    """A delivery, what is sent, and each try."""

    payload: dict[str, Any]
    log: list[Attempt]
