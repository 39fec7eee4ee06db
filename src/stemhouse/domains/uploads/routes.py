"""The addresses of uploads."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, BackgroundTasks, Depends, Request
from starlette.concurrency import run_in_threadpool

from stemhouse.domains.accounts.access import limit_writes, needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.uploads import queries, service
from stemhouse.domains.uploads.form import FIELD, OVERHEAD_BYTES, read_form
from stemhouse.domains.uploads.intake import Intake
from stemhouse.domains.uploads.receiver import too_large
from stemhouse.domains.uploads.schemas import FromAddress, UploadAnswer
from stemhouse.domains.uploads.service import Announcement
from stemhouse.domains.uploads.tables import Upload
from stemhouse.http.bodies import reads_blocks
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

Sender = Annotated[Principal, Depends(needs("uploads"))]


async def intake_of(request: Request) -> Intake:
    """Return what takes uploads in."""
    intake: Intake = request.app.state.intake
    return intake


async def examiners_of(request: Request) -> CapacityLimiter:
    """Return the limit of examinations at once: each may take a gigabyte."""
    limiter: CapacityLimiter = request.app.state.examiners
    return limiter


async def fetchers_of(request: Request) -> CapacityLimiter:
    """Return the limit of fetches at once: slow hosts must not use up the threads of others."""
    limiter: CapacityLimiter = request.app.state.fetchers
    return limiter


TakesIn = Annotated[Intake, Depends(intake_of)]
Examiners = Annotated[CapacityLimiter, Depends(examiners_of)]
Fetchers = Annotated[CapacityLimiter, Depends(fetchers_of)]

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "string",
                            "format": "binary",
                            "description": "The song: any audio file, or a video with sound.",
                        }
                    },
                }
            }
        },
    }
}


@router.post("", status_code=201, openapi_extra=_FORM, dependencies=[Depends(limit_writes)])
@reads_blocks
async def send_upload(
    request: Request, principal: Sender, intake: TakesIn, examiners: Examiners
) -> UploadAnswer:
    """Send a song in one request. It is examined before the answer: 201 means ready for jobs.

    For large files and shaky connections use the resumable way below.
    """
    announced = request.headers.get("content-length", "")
    limit = principal.plan.max_upload_bytes
    if announced.isdecimal() and int(announced) > limit + OVERHEAD_BYTES:
        raise too_large(limit)
    names: list[str] = []
    upload = await run_in_threadpool(
        intake.begin,
        principal,
        Announcement(way="form", name="song", size_bytes=None, ttl_s=intake.settings.upload_ttl_s),
    )
    try:
        receiver = await run_in_threadpool(intake.receiver, principal)
        with receiver:
            await read_form(request, receiver, names.append)
            await run_in_threadpool(intake.rename, upload.id, names[0])
            return await anyio.to_thread.run_sync(
                partial(intake.accept, principal, upload.id, receiver), limiter=examiners
            )
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(intake.give_up, upload.id)
        raise


@router.post("/from-url", status_code=201, dependencies=[Depends(limit_writes)])
async def fetch_upload(
    body: FromAddress, principal: Sender, intake: TakesIn, fetchers: Fetchers
) -> UploadAnswer:
    """Have a song fetched from an address. Answers when it is fetched and examined.

    Only http and https, only hosts on the public Internet; redirects are followed a few times.
    """
    return await anyio.to_thread.run_sync(
        partial(intake.fetch, principal, body.url, body.name), limiter=fetchers
    )


@router.get("")
def list_uploads(
    principal: Sender, session: RequestSession, page: WantedPage
) -> Page[UploadAnswer]:
    """List the uploads of the account, newest first."""
    statement = queries.uploads_of(principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, statement, Upload.id, page)
    return Page(data=[service.shown(row) for row in rows], next_cursor=cursor)


@router.get("/{upload_id}")
def show_upload(upload_id: str, principal: Sender, session: RequestSession) -> UploadAnswer:
    """Show one upload."""
    return service.shown(service.find(session, principal, upload_id))


@router.delete("/{upload_id}", status_code=204)
def delete_upload(
    *,
    upload_id: str,
    principal: Sender,
    session: RequestSession,
    intake: TakesIn,
    after: BackgroundTasks,
) -> None:
    """Delete an upload. Jobs that still wait for it will fail, and are refunded."""
    service.remove(session, principal, upload_id)
    # After the answer, hence after the commit: files without a row are found by the sweeper,
    # a row without its files would be a lie.
    after.add_task(intake.remove_files, upload_id)
