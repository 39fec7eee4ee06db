"""The addresses of jobs."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from stemhouse.db.session import reading
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations import queries, service, views
from stemhouse.domains.separations.access import Reader, TheChange, TheDesk, TheWatch, Writer
from stemhouse.domains.separations.offers import offers_of
from stemhouse.domains.separations.prices import Terms
from stemhouse.domains.separations.schemas import (
    JobAnswer,
    JobChange,
    JobRequest,
    ModelList,
    QuoteAnswer,
)
from stemhouse.domains.separations.states import FINISHED, JobState
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.separations.watch import JobWatch, Standing
from stemhouse.domains.separations.wishes import Wish
from stemhouse.http.idempotency import Idempotent
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import services_of
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace, place_of

router = APIRouter(prefix="/v1", tags=["jobs"])

_log = logging.getLogger(__name__)

LONGEST_WAIT_S = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")


@router.post(
    "/jobs",
    status_code=201,
    response_model=JobAnswer,
    responses={200: {"model": QuoteAnswer, "description": "The price, with dry_run."}},
)
def create_job(
    *,
    asked: JobRequest,
    request: Request,
    principal: Writer,
    change: TheChange,
    desk: TheDesk,
    watch: TheWatch,
    once: Idempotent,
    place: ThePlace,
    dry_run: Annotated[bool, Query(description="Only say what it would cost.")] = False,
    prefer: Annotated[
        str | None,
        Header(description="wait=60 answers when the job has ended, or after so many seconds."),
    ] = None,
) -> Response:
    """Have a song separated: its price is held and it is queued."""
    wish = _wish(asked)
    if dry_run:
        order = service.quote(change.session, principal, wish, desk)
        return JSONResponse(views.show_quote(order).model_dump(mode="json"))

    def make() -> JobAnswer:
        terms = Terms(expected_price=asked.expected_price, max_price=asked.max_price)
        job = service.submit(change, principal, wish, desk, terms=terms)
        # The one line that has both: which request made which job.
        _log.info("job made", extra={"job_id": job.id})
        return views.show_job(change.session, job, place.root_path)

    answer = once.run(principal, asked, make)
    wait_s = _wait_s(prefer)
    if wait_s is None:
        return answer
    return _AnswerWhenDone(request, principal, answer, watch=watch, wait_s=wait_s)


@router.get("/jobs")
def list_jobs(
    principal: Reader,
    session: RequestSession,
    page: WantedPage,
    place: ThePlace,
    *,
    status: Annotated[JobState | None, Query(description="Only those in this state.")] = None,
    q: Annotated[
        str | None,
        Query(description="Only those whose song has these words in its name.", max_length=200),
    ] = None,
) -> Page[JobAnswer]:
    """List jobs, newest first."""
    statement = queries.jobs_of(principal.site_id, principal.account_id)
    if q is not None:
        statement = queries.named_like(statement, q)
    if status is not None:
        statement = statement.where(Job.state == status)
    jobs, cursor = fetch_page(session, statement, Job.id, page)
    return Page(data=views.show_jobs(session, jobs, place.root_path), next_cursor=cursor)


def _own_job(job_id: str, principal: Writer, session: RequestSession) -> Job:
    # Before the body is looked at: what is somebody else's is not there, whatever was sent.
    return service.find(session, principal, job_id)


@router.patch("/jobs/{job_id}")
def rename_job(
    job: Annotated[Job, Depends(_own_job)],
    asked: JobChange,
    session: RequestSession,
    place: ThePlace,
) -> JobAnswer:
    """Call a job's song by another name."""
    return views.show_job(session, service.rename(session, job, asked.name), place.root_path)


@router.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: str, principal: Writer, change: TheChange, place: ThePlace) -> JobAnswer:
    """Stop a job and get its price back: at once if it waits, within a second if it runs."""
    job = service.cancel(change, principal, job_id)
    return views.show_job(change.session, job, place.root_path)


@router.delete("/jobs/{job_id}", status_code=204)
def delete_job(job_id: str, principal: Writer, change: TheChange) -> None:
    """Remove an ended job and its stems."""
    service.delete(change, principal, job_id)


@router.get("/models", tags=["models"])
def list_models(_principal: Reader, desk: TheDesk) -> ModelList:
    """List the models that can be asked for."""
    return views.show_models(offers_of(desk.site, desk.shelf))


def _wish(asked: JobRequest) -> Wish:
    return Wish(
        upload_id=asked.upload_id,
        output=asked.output,
        model=asked.model,
        stems=None if asked.stems is None else tuple(asked.stems),
        residual=asked.residual,
        quality=asked.quality,
    )


def _wait_s(prefer: str | None) -> int | None:
    found = _WAIT.search(prefer or "")
    return None if found is None else min(LONGEST_WAIT_S, int(found.group(1)))


class _AnswerWhenDone(Response):
    """Sends the job as it is when it has ended.

    The waiting is done while the answer is being sent: the request's transaction is over by then,
    so that a worker can see the job and no connection is kept.
    """

    def __init__(
        self,
        request: Request,
        principal: Principal,
        answer: Response,
        *,
        watch: JobWatch,
        wait_s: int,
    ) -> None:
        super().__init__(status_code=answer.status_code)
        self._request, self._principal = request, principal
        self._answer, self._watch, self._wait_s = answer, watch, wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        job_id = JobAnswer.model_validate_json(bytes(self._answer.body)).id
        try:
            async with asyncio.timeout(self._wait_s):
                await self._ended(job_id)
        except TimeoutError:
            # The answer then says where the job stands.
            pass
        body = await run_in_threadpool(self._body, job_id)
        headers = {
            name: value
            for name, value in self._answer.headers.items()
            if name not in {"content-length", "content-type"}
        }
        headers["preference-applied"] = f"wait={self._wait_s}"
        answer = JSONResponse(body, status_code=self._answer.status_code, headers=headers)
        await answer(scope, receive, send)

    async def _ended(self, job_id: str) -> None:
        with self._watch.watching(job_id) as watcher:
            async for news in watcher.news():
                if isinstance(news, Standing) and news.state in FINISHED:
                    return

    def _body(self, job_id: str) -> object:
        with reading(services_of(self._request).sessions) as session:
            job = service.find(session, self._principal, job_id)
            root_path = place_of(self._request).root_path
            return views.show_job(session, job, root_path).model_dump(mode="json")
