"""Jobs as people see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy.orm import Session

from stemhouse.domains.separations import queries, service
from stemhouse.domains.separations.offers import Offer
from stemhouse.domains.separations.purse import Unit
from stemhouse.domains.separations.schemas import (
    CreditsAnswer,
    FailureAnswer,
    JobAnswer,
    ModelAnswer,
    ModelList,
    ProgressAnswer,
    QueueAnswer,
    QuoteAnswer,
    ResultAnswer,
    SongAnswer,
    StemAnswer,
)
from stemhouse.domains.separations.service import Order
from stemhouse.domains.separations.states import JobState
from stemhouse.domains.separations.tables import Job, Result, ResultStem
from stemhouse.engine.options import Quality
from stemhouse.jobs.heartbeat import attended

_SPEED = 20.0
"""Times real time, until there are jobs to learn from."""

_RECENT = 20


def show_job(session: Session, job: Job, root_path: str = "") -> JobAnswer:
    """Return a job; addresses in it begin with the site's root path, or with its whole address."""
    return show_jobs(session, [job], root_path)[0]


def show_jobs(session: Session, jobs: Sequence[Job], root_path: str = "") -> list[JobAnswer]:
    """Return jobs, with one look at their results."""
    stems = service.stems_of(session, jobs)
    lanes = {job.lane for job in jobs if job.state == "queued"}
    speeds = {lane: _speed(session, lane) for lane in lanes & attended(session)} if lanes else {}
    return [
        _shown(
            job,
            _address(job, root_path),
            queue=_queue(session, job, speeds.get(job.lane)),
            result=_result(session, job, stems, _address(job, root_path)),
        )
        for job in jobs
    ]


def show_row(job: Job, root_path: str) -> JobAnswer | None:
    """Return a job whose row says all there is to say; None where more must be read."""
    if job.state == "queued" or job.result_id is not None:
        return None
    return _shown(job, _address(job, root_path), queue=None, result=None)


def _address(job: Job, root_path: str) -> str:
    return f"{root_path}/v1/jobs/{job.id}"


def show_quote(order: Order) -> QuoteAnswer:
    """Return a price."""
    recipe = order.recipe
    return QuoteAnswer(
        price=CreditsAnswer(amount=order.price, unit=order.unit),
        duration_s=order.song.duration_s,
        model=recipe.model.card.name,
        stems=list(recipe.stems or recipe.model.card.stems),
        quality=recipe.quality,
        finished=order.finished is not None,
    )


def show_models(offers: Sequence[Offer]) -> ModelList:
    """Return the models that make what a site sells."""
    models = {offer.model.card.name: offer.model for offer in offers}
    return ModelList(
        data=[
            ModelAnswer(
                name=model.card.name,
                title=model.card.title,
                stems=list(model.card.stems),
                sample_rate=model.card.sample_rate,
                licence=model.card.licence,
                may_be_sold=model.card.may_be_sold,
                usual=number == 0,
            )
            for number, model in enumerate(models.values())
        ]
    )


def _shown(
    job: Job, address: str, *, queue: QueueAnswer | None, result: ResultAnswer | None
) -> JobAnswer:
    return JobAnswer(
        id=job.id,
        status=cast(JobState, job.state),
        song=SongAnswer(
            upload_id=job.upload_id,
            name=job.name,
            duration_s=job.duration_s,
            sha256=job.song_sha256,
        ),
        model=job.model,
        stems=job.stems,
        residual=job.residual,
        quality=cast(Quality, job.quality),
        price=CreditsAnswer(amount=job.price, unit=cast(Unit, job.unit)),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires_at,
        attempt=job.attempt,
        queue=queue,
        progress=_progress(job),
        error=_failure(job),
        result=result,
        manifest_url=f"{address}/manifest",
        events_url=f"{address}/events",
    )


def _queue(session: Session, job: Job, speed: float | None) -> QueueAnswer | None:
    if job.state != "queued":
        return None
    ahead, ahead_s = session.execute(queries.ahead_of(job)).one()
    if speed is None:
        # Nobody takes such jobs now: a time would be a promise that nobody keeps.
        return QueueAnswer(place=ahead + 1, estimate_s=None)
    _running, running_s = session.execute(queries.running_total(job.lane)).one()
    # Those that run are half done, taken together.
    work_s = ahead_s + running_s / 2 + job.duration_s
    return QueueAnswer(place=ahead + 1, estimate_s=round(work_s / speed, 1))


def _speed(session: Session, lane: str) -> float:
    """Return seconds of audio for a second of waiting, as of late."""
    audio_s, wall_s = 0.0, 0.0
    for duration_s, started, finished in session.execute(queries.recent_speeds(lane, _RECENT)):
        if started is not None and finished is not None:
            audio_s += duration_s
            wall_s += (finished - started) / timedelta(seconds=1)
    return audio_s / wall_s if wall_s > 0 else _SPEED


def _progress(job: Job) -> ProgressAnswer | None:
    if job.state != "processing":
        return None
    return ProgressAnswer(
        done_samples=job.done_samples,
        total_samples=job.total_samples,
        fraction=fraction(job.done_samples, job.total_samples),
        remaining_s=job.remaining_s,
    )


def fraction(done_samples: int, total_samples: int | None) -> float | None:
    """Return the share that is done."""
    if not total_samples:
        return None
    return round(min(1.0, done_samples / total_samples), 4)


def _failure(job: Job) -> FailureAnswer | None:
    if job.error_code is None:
        return None
    return FailureAnswer(
        code=job.error_code, message=job.error_message or "", details=job.error_details or {}
    )


def _result(
    session: Session, job: Job, stems: Mapping[str, list[ResultStem]], address: str
) -> ResultAnswer | None:
    if job.result_id is None:
        return None
    result = session.get_one(Result, job.result_id)
    return ResultAnswer(
        sample_rate=result.sample_rate,
        channels=result.channels,
        length_samples=result.length_samples,
        size_bytes=result.size_bytes,
        model_sha256=result.model_sha256,
        engine_version=result.engine_version,
        runtime=result.runtime,
        timings=result.timings,
        notices=result.notices,
        stems=[
            StemAnswer(
                id=stem.id,
                name=stem.name,
                silent=stem.silent,
                peak=stem.peak,
                length_samples=result.length_samples,
                size_bytes=stem.size_bytes,
                sha256=stem.sha256,
                download_url=f"{address}/stems/{stem.name}",
                waveform_url=f"{address}/stems/{stem.name}/waveform",
            )
            for stem in stems[job.result_id]
        ],
        archive_url=f"{address}/archive",
    )


def link_ends(job: Job, asked: datetime) -> datetime:
    """Return when a link to a job's stems ends: when it was asked to, or before that with them."""
    return asked if job.expires_at is None else min(asked, job.expires_at)
