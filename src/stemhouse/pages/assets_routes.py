"""Scripts and styles of the pages: files of the package, none of them from elsewhere.

What Vite built has a hash of its content in its name and is kept for ever; the rest is asked for
again each time.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from stemhouse.errors import NotFound
from stemhouse.pages.bundle import built_file
from stemhouse.pages.headers import ASSET_HEADERS, BUILT_HEADERS, EMBEDDED_HEADERS

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


class Asset:
    """A file of the package, read once, answered with 304 to who has it already."""

    def __init__(self, name: str) -> None:
        self._data = (files("stemhouse.pages") / "assets" / name).read_bytes()
        self._headers = {
            **ASSET_HEADERS,
            "etag": f'"{hashlib.sha256(self._data).hexdigest()[:32]}"',
            "content-type": _TYPES["." + name.rpartition(".")[2]],
        }

    def answer(self, request: Request) -> Response:
        """Return the answer to a request for it."""
        if request.headers.get("if-none-match") == self._headers["etag"]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._data, headers=self._headers)


# One route each, and no name in the address: there is no path to wander off from.
for _name in sorted(file.name for file in (files("stemhouse.pages") / "assets").iterdir()):
    router.add_api_route(f"/{_name}", Asset(_name).answer, methods=["GET", "HEAD"])


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
