"""Files of the local storage behind signed links. On S3 links lead to the storage itself."""

from __future__ import annotations

from pathlib import PurePosixPath

from fastapi import APIRouter, Request, Response

from stemhouse.errors import Forbidden, InvalidOption, NotFound
from stemhouse.http.downloads import StoredFile, send_file
from stemhouse.http.sites import CurrentSite
from stemhouse.storage import LinkSigner, Storage
from stemhouse.storage.links import SITE

router = APIRouter(prefix="/v1/files", tags=["files"])

_TYPES = {
    ".flac": "audio/flac",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
}


@router.get("/{key:path}", response_class=Response)
@router.head("/{key:path}", response_class=Response, include_in_schema=False)
def read_file(key: str, request: Request, site_id: CurrentSite) -> Response:
    """Read a file with a signed link that an answer of this API gave. Ranges are supported."""
    signer: LinkSigner = request.app.state.link_signer
    storage: Storage = request.app.state.storage
    if len(request.query_params.multi_items()) != len(request.query_params):
        raise Forbidden("this link is not valid; ask for a new one", reason="invalid")
    signer.verify(f"{router.prefix}/{key}", dict(request.query_params))
    if request.query_params.get(SITE) != site_id:
        raise Forbidden("this link is not valid; ask for a new one", reason="invalid")
    try:
        found = storage.head(key)
    except InvalidOption as error:
        raise NotFound("there is no such stored file") from error
    path = PurePosixPath(key)
    file = StoredFile(
        name=path.name,
        mime=_TYPES.get(path.suffix, "application/octet-stream"),
        size_bytes=found.size_bytes,
        storage=storage,
        key=key,
    )
    etag = f"{found.size_bytes:x}-{int(found.modified_at.timestamp() * 1e6):x}"
    return send_file(request, file, etag=etag, inline=True)
