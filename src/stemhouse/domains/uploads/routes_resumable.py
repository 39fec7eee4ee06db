"""Resumable uploads: the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload).

Core, creation (also with the first bytes), termination and expiration. Why not a package:
docs/decisions, "Resumable uploads are our own".
"""

from __future__ import annotations

import base64
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

import anyio
import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, BackgroundTasks, Depends, Header, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from stemhouse.domains.accounts.access import limit_writes
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.uploads import service
from stemhouse.domains.uploads.intake import Intake
from stemhouse.domains.uploads.routes import Examiners, Sender, TakesIn
from stemhouse.domains.uploads.schemas import UploadAnswer
from stemhouse.domains.uploads.service import Announcement
from stemhouse.errors import InvalidOption, UploadTooLarge
from stemhouse.http.bodies import reads_blocks
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace, TheSite

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration"
BODY_TYPE = "application/offset+octet-stream"

PART_BYTES = 8 * 1024 * 1024
"""Bytes that are stored and counted at once: what is lost at most when everything breaks."""

_MAX_METADATA_CHARACTERS = 8_192
_COMMON = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}


def _same_version(tus_resumable: Annotated[str | None, Header()] = None) -> None:
    if tus_resumable != VERSION:
        raise HTTPException(
            HTTPStatus.PRECONDITION_FAILED,
            f"send the header Tus-Resumable: {VERSION}",
            headers={"Tus-Version": VERSION},
        )


router = APIRouter(prefix="/v1/uploads/resumable", tags=["resumable uploads"])
_versioned = [Depends(_same_version)]


@router.options("", status_code=204)
def tell_abilities(site: TheSite) -> Response:
    """Tell what this server can do."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(max(plan.max_upload_bytes for plan in site.plans.values())),
    }
    return Response(status_code=204, headers=_COMMON | headers)


@router.post("", status_code=201, dependencies=[*_versioned, Depends(limit_writes)])
@reads_blocks
async def create_resumable(
    *,
    request: Request,
    place: ThePlace,
    principal: Sender,
    intake: TakesIn,
    examiners: Examiners,
    upload_length: Annotated[int | None, Header(ge=1)] = None,
    upload_metadata: Annotated[str, Header(max_length=_MAX_METADATA_CHARACTERS)] = "",
) -> Response:
    """Begin an upload; the answer's Location is where its bytes go, its last part the upload's id.

    Upload-Length is needed; of Upload-Metadata `filename` (or `name`) is used.
    """
    if upload_length is None:
        raise InvalidOption("the header Upload-Length must say how many bytes will come")
    announcement = Announcement(
        way="resumable",
        name=_file_name(upload_metadata),
        size_bytes=upload_length,
        ttl_s=intake.settings.upload_ttl_s,
    )
    upload = await run_in_threadpool(intake.begin, principal, announcement)
    offset = 0
    if request.headers.get("content-type") == BODY_TYPE:
        offset = await _receive(request, _Transfer(intake, principal, upload, examiners), 0)
    headers = {
        "Location": f"{place.root_path}{router.prefix}/{upload.id}",
        "Upload-Offset": str(offset),
    }
    return Response(status_code=201, headers=_COMMON | headers | _expiry(upload))


@router.head("/{upload_id}", dependencies=_versioned)
async def show_offset(
    upload_id: str, principal: Sender, intake: TakesIn, examiners: Examiners
) -> Response:
    """Tell where an upload goes on. One whose end was interrupted is examined now."""
    upload = await run_in_threadpool(intake.find, principal, upload_id)
    if upload.state == "receiving" and upload.received_bytes == upload.size_bytes:
        await _complete(_Transfer(intake, principal, upload, examiners))
    headers = {"Upload-Offset": str(upload.received_bytes)}
    if upload.size_bytes is not None:
        headers["Upload-Length"] = str(upload.size_bytes)
    return Response(headers=_COMMON | headers | _expiry(upload))


@router.patch("/{upload_id}", status_code=204, dependencies=_versioned)
@reads_blocks
async def send_part(
    *,
    request: Request,
    upload_id: str,
    principal: Sender,
    intake: TakesIn,
    examiners: Examiners,
    upload_offset: Annotated[int | None, Header(ge=0)] = None,
) -> Response:
    """Send the next bytes. The request that brings the last ones is answered after the song was
    examined: 204 means ready for jobs, an error that it was rejected.
    """
    if request.headers.get("content-type") != BODY_TYPE:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body's Content-Type must be {BODY_TYPE}"
        )
    if upload_offset is None:
        raise InvalidOption("the header Upload-Offset must say where the bytes begin")
    upload = await run_in_threadpool(intake.check_offset, principal, upload_id, upload_offset)
    transfer = _Transfer(intake, principal, upload, examiners)
    offset = await _receive(request, transfer, upload_offset)
    return Response(
        status_code=204, headers=_COMMON | {"Upload-Offset": str(offset)} | _expiry(upload)
    )


@router.delete("/{upload_id}", status_code=204, dependencies=_versioned)
def end_resumable(
    *,
    upload_id: str,
    principal: Sender,
    session: RequestSession,
    intake: TakesIn,
    after: BackgroundTasks,
) -> Response:
    """Give an upload up; also deletes a finished one."""
    service.remove(session, principal, upload_id)
    after.add_task(intake.remove_files, upload_id)
    return Response(status_code=204, headers=_COMMON, background=after)


class _Transfer:
    """One request's bytes on their way into an upload."""

    def __init__(
        self,
        intake: Intake,
        principal: Principal,
        upload: UploadAnswer,
        examiners: CapacityLimiter,
    ) -> None:
        self.intake, self.principal, self.examiners = intake, principal, examiners
        self.upload_id = upload.id
        self.size_bytes = upload.size_bytes or 0


async def _receive(request: Request, transfer: _Transfer, offset: int) -> int:
    """Store the request's bytes part by part; return where the upload goes on."""
    buffer = bytearray()
    try:
        async for block in request.stream():
            buffer += block
            if offset + len(buffer) > transfer.size_bytes:
                announced = transfer.size_bytes
                raise UploadTooLarge(
                    f"more bytes came than the {announced:,} that Upload-Length announced",
                    announced_bytes=announced,
                )
            while len(buffer) >= PART_BYTES:
                offset = await _store(transfer, offset, bytes(buffer[:PART_BYTES]))
                del buffer[:PART_BYTES]
    except ClientDisconnect:
        # What came is kept: this is what resuming is for. Nobody reads the answer.
        with anyio.CancelScope(shield=True):
            return await _store(transfer, offset, bytes(buffer)) if buffer else offset
    if buffer:
        offset = await _store(transfer, offset, bytes(buffer))
    if offset == transfer.size_bytes:
        await _complete(transfer)
    return offset


async def _store(transfer: _Transfer, offset: int, data: bytes) -> int:
    return await run_in_threadpool(transfer.intake.append, transfer.upload_id, offset, data)


async def _complete(transfer: _Transfer) -> None:
    await anyio.to_thread.run_sync(
        partial(transfer.intake.complete, transfer.principal, transfer.upload_id),
        limiter=transfer.examiners,
    )


def _expiry(upload: UploadAnswer) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(upload.expires_at, usegmt=True)}


def _file_name(metadata: str) -> str:
    """Return the name in ``filename d29ybGQ=,filetype YXVkaW8=``."""
    found: dict[str, str] = {}
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except ValueError as error:
            raise InvalidOption("the header Upload-Metadata holds text that is no base64") from (
                error
            )
    return found.get("filename") or found.get("name") or "song"
