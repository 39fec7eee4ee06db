"""What happens to a job, as it happens (server-sent events)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from stemhouse.db.session import reading
from stemhouse.domains.separations import service
from stemhouse.domains.separations.access import Reader, TheWatch
from stemhouse.domains.separations.views import fraction
from stemhouse.domains.separations.watch import Happening, News, Standing
from stemhouse.http.schemas import iso_utc
from stemhouse.http.services import services_of

_NUMBER = re.compile(r"[0-9]{1,9}")

router = APIRouter(prefix="/v1", tags=["jobs"])


def _own_job(job_id: str, request: Request, principal: Reader) -> str:
    # Not the request's transaction: the stream would keep its connection.
    with reading(services_of(request).sessions) as session:
        return service.find(session, principal, job_id).id


def _last_seen(
    last_event_id: Annotated[
        str | None,
        Header(description="The last event that was seen; the stream goes on after it."),
    ] = None,
) -> int:
    # What is no number of ours stands for none: then everything is told.
    seen = _NUMBER.fullmatch(last_event_id or "")
    return 0 if seen is None else int(seen[0])


LastSeen = Annotated[int, Depends(_last_seen)]
"""The number of the event that a client saw last."""


@router.get("/jobs/{job_id}/events", response_class=EventSourceResponse)
async def follow_job(
    job_id: Annotated[str, Depends(_own_job)],
    watch: TheWatch,
    after: LastSeen,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: its events, which have numbers, and between them its progress.

    The events are job.queued, job.started, job.retrying, job.succeeded,
    job.failed, job.canceled and job.expired; progress has no number and is not repeated. The
    stream ends with the job.
    """
    with watch.watching(job_id) as watcher:
        async for news in watcher.news(after):
            yield show_news(job_id, news)


def show_news(job_id: str, news: News) -> ServerSentEvent:
    """Return news as they are sent."""
    if isinstance(news, Standing):
        return ServerSentEvent(event="progress", data=_progress(job_id, news))
    return ServerSentEvent(
        event=f"job.{news.kind}", id=str(news.number), data=_happening(job_id, news)
    )


def _happening(job_id: str, news: Happening) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "number": news.number,
        "status": news.state,
        "at": iso_utc(news.at),
        "data": news.data,
    }


def _progress(job_id: str, news: Standing) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "status": news.state,
        "place": news.place,
        "done_samples": news.done_samples,
        "total_samples": news.total_samples,
        "fraction": fraction(news.done_samples, news.total_samples),
        "remaining_s": news.remaining_s,
    }
