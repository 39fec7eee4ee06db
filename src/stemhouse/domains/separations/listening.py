"""What a player reads of a job: its manifest and the files that the manifest names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from stemhouse.domains.separations.lifecycle import attempt_prefix
from stemhouse.domains.separations.tables import Job, Result
from stemhouse.errors import NotFound
from stemhouse.http.downloads import StoredFile, send_file
from stemhouse.http.services import services_of
from stemhouse.http.sites import site_of
from stemhouse.results.manifest import MANIFEST_NAME, Manifest
from stemhouse.results.names import called
from stemhouse.storage import Storage

# A name stands for the same sound as long as the job is there: loops and jumps need not ask again.
_SEGMENT_CACHING: Final = "private, max-age=3600"


# As results/ names its files.
_NAME: Final = re.compile(r"\d{1,3}/(?:\d{6,9}\.flac|waveform\.bin)|cover")


def prefix_of(session: Session, job: Job) -> str:
    """Return where a job's files lie.

    Raises
    ------
    NotFound
        There are none; the details tell the job's state.
    """
    if job.result_id is not None:
        return session.get_one(Result, job.result_id).prefix
    if job.state == "queued":
        raise NotFound("there is nothing to hear yet: the job waits", status=job.state)
    if job.state != "processing":
        raise NotFound("this job has no stems", status=job.state)
    return attempt_prefix(job, job.attempt)


def manifest_bytes(get: Callable[[str], bytes], prefix: str) -> bytes:
    """Return the manifest's file."""
    try:
        return get(prefix + MANIFEST_NAME)
    except NotFound as error:
        raise NotFound(
            "there is nothing to hear yet: ask again in a moment", status="processing"
        ) from error


def send_manifest(request: Request, storage: Storage, prefix: str, name: str) -> Response:
    """Return the answer that sends the manifest, or says that it has not grown.

    Its song has the name by which the job is called now, which need not be the first upload's.
    """
    kept = Manifest.from_json(manifest_bytes(storage.get, prefix))
    data = called(kept, name).to_json()
    headers = {
        "cache-control": "no-cache",
        "etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="application/json", headers=headers)


def send_segment(request: Request, storage: Storage, prefix: str, name: str) -> Response:
    """Return the answer that sends a stored file, or leads to the storage that serves it."""
    if not _NAME.fullmatch(name):
        raise NotFound("there is no such file: take the names of the manifest")
    key = prefix + name
    ttl = timedelta(seconds=services_of(request).settings.link_ttl_s)
    link = storage.link(key, ttl, site=site_of(request))
    # A script may follow to another host only where that allows it, and buckets do not by
    # themselves. Whoever is no script in a browser is led there.
    if not link.startswith("/") and request.headers.get("sec-fetch-mode") != "cors":
        return RedirectResponse(link, status_code=307)
    file = StoredFile(
        name=key.rsplit("/", 1)[-1],
        mime="audio/flac" if key.endswith(".flac") else "application/octet-stream",
        size_bytes=storage.head(key).size_bytes,
        storage=storage,
        key=key,
    )
    answer = send_file(request, file, inline=True)
    answer.headers["cache-control"] = _SEGMENT_CACHING
    return answer
