"""Sending files: whole or in part, with their names, as HTTP wants it (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from stemhouse.results import Sendable
from stemhouse.results.names import content_disposition
from stemhouse.storage import Storage

_ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the storage, to be sent as it is."""

    name: str
    mime: str
    size_bytes: int
    storage: Storage
    key: str
    ranged: bool = True

    def finish(self) -> None:
        """It is there already."""

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the file or a part of it."""
        return self.storage.stream(self.key, start, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """A file that is in the memory, to be sent as it is."""

    name: str
    mime: str
    data: bytes
    ranged: bool = True

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return len(self.data)

    def finish(self) -> None:
        """It is there already."""

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the file or a part of it."""
        yield self.data[start:end]


def send_file(
    request: Request, file: Sendable, *, inline: bool = False, etag: str | None = None
) -> Response:
    """Return the answer that sends a file.

    Parameters
    ----------
    request : Request
        Its method and its headers Range, If-Range and If-None-Match count.
    file : Sendable
        What to send.
    inline : bool
        For a player; otherwise the browser is told to save it.
    etag : str, optional
        Names these bytes; without one a part is sent on request, but nothing is compared.

    Notes
    -----
    Call it in a thread: the first block is made before it returns, so that a full disk or a lost
    file is an error and not a broken download.
    """
    headers = {
        "content-disposition": content_disposition(file.name, inline=inline),
        "accept-ranges": "bytes" if file.ranged else "none",
        "x-content-type-options": "nosniff",
    }
    if etag is not None:
        headers["etag"] = f'"{etag}"'
        headers["cache-control"] = "private, no-cache"
        if _has_it(request, headers["etag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    asked = file.ranged and _asks_for_a_part(request, headers.get("etag"))
    if asked:
        file.finish()
    size = file.size_bytes
    part = wanted_part(request, size) if asked and size else None
    if part is not None and size is not None:
        return _part(request, file, headers, part)
    if size is not None:
        headers["content-length"] = str(size)
    if request.method == "HEAD":
        return Response(headers=headers, media_type=file.mime)
    return StreamingResponse(_begun(file.stream()), headers=headers, media_type=file.mime)


def wanted_part(request: Request, size: int) -> tuple[int, int] | None:
    """Return the first byte and the byte after the last that a request asks for.

    None stands for the whole file: no range, several, or an ill-formed one. A part that begins
    after the end comes back as ``(size, size)``.
    """
    found = _ONE_RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    if found is None:
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
        return (size, size) if start >= size else (start, end)
    if not last:
        return None
    return (size, size) if int(last) == 0 else (max(0, size - int(last)), size)


def _asks_for_a_part(request: Request, etag: str | None) -> bool:
    """Whether there is a range, and whether it is meant for these bytes."""
    condition = request.headers.get("if-range")
    return "range" in request.headers and (condition is None or condition == etag)


def _has_it(request: Request, etag: str) -> bool:
    """Whether If-None-Match names these bytes; weakly, as RFC 9110 has it compared."""
    names = request.headers.get("if-none-match", "").split(",")
    return any(name.strip().removeprefix("W/") in (etag, "*") for name in names)


def _part(
    request: Request, file: Sendable, headers: dict[str, str], part: tuple[int, int]
) -> Response:
    size, (start, end) = file.size_bytes, part
    if start == end:
        # Without the file's name: this answer is not the file.
        raise HTTPException(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"there is nothing in that range: the file has {size} bytes",
            headers={"content-range": f"bytes */{size}", "accept-ranges": "bytes"},
        )
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    status = HTTPStatus.PARTIAL_CONTENT
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file.mime)
    return StreamingResponse(
        _begun(file.stream(start, end)), status_code=status, headers=headers, media_type=file.mime
    )


def _begun(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first block now: what is wrong can still be answered with an error then."""
    first = next(stream, b"")

    def rest() -> Iterator[bytes]:
        yield first
        yield from stream

    return rest()
