"""Scripts, styles and fonts of the pages: what Vite built, none of it from elsewhere.

Each has a hash of its content in its name and is kept for ever.
"""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request, Response

from stemhouse.errors import NotFound
from stemhouse.pages.bundle import built_file
from stemhouse.pages.headers import BUILT_HEADERS, EMBEDDED_HEADERS

router = APIRouter(prefix="/assets", include_in_schema=False)
embedding = APIRouter(include_in_schema=False)

PLAYER = "player.js"
"""Has no hash in its name: others write its address into their pages."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".flac": "audio/flac",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@embedding.head("/player.js")
@embedding.get("/player.js")
def send_player(request: Request) -> Response:
    """Send the player as one file, for pages anywhere (docs/player.md)."""
    found = built_file(PLAYER)
    if found is None:
        raise NotFound("the player is not built: run make ui")
    encoding, data = found.encoded_for(request.headers.get("accept-encoding", ""))
    headers = {
        **EMBEDDED_HEADERS,
        "content-type": _TYPES[".js"],
        "etag": f'"{hashlib.sha256(found.data).hexdigest()[:32]}{encoding}"',
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    return Response(data, headers=headers)


@router.head("/{built_name}")
@router.get("/{built_name}")
def send_built_file(built_name: str, request: Request) -> Response:
    found = built_file(built_name)  # looked up among names, never opened by one
    if found is None or built_name == PLAYER:
        raise NotFound("there is no such file")
    encoding, data = found.encoded_for(request.headers.get("accept-encoding", ""))
    headers = {**BUILT_HEADERS, "content-type": _TYPES["." + built_name.rpartition(".")[2]]}
    if encoding:
        headers["content-encoding"] = encoding
    return Response(data, headers=headers)
