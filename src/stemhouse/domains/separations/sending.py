"""Sending finished results: where their files lie, and how a download is answered."""

from __future__ import annotations

from fastapi import Request, Response

from stemhouse.domains.separations.listening import manifest_bytes
from stemhouse.errors import Conflict
from stemhouse.http.downloads import send_file
from stemhouse.results import Download, KeptDownloads, Manifest, ResultReader
from stemhouse.storage import Storage


def complete_result(storage: Storage, prefix: str, name: str) -> ResultReader:
    """Return a finished result, for files that bear the name by which its job is called.

    Raises
    ------
    Conflict
        The job still runs.
    """
    manifest = Manifest.from_json(manifest_bytes(storage.get, prefix))
    if not manifest.complete:
        raise Conflict("the job still runs: its stems can be downloaded when it is done")
    return ResultReader(manifest, lambda file: storage.get(prefix + file)).called(name)


def send_download(request: Request, kept: KeptDownloads, download: Download) -> Response:
    """Return the answer that sends a download; it can be resumed if it is kept."""
    return send_file(request, kept.keep(download), etag=download.identity)
