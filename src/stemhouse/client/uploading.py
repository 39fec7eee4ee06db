"""Sending songs: small ones in one request, large ones in parts that survive a lost connection."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from stemhouse.client.calls import fetch, path, read
from stemhouse.client.errors import ServiceFault, error_from_code
from stemhouse.client.exchange import Ask, Pause, Plan, Retries, ask, good, pause_after
from stemhouse.client.models import Upload
from stemhouse.errors import InvalidOption, SourceNotFound

PART_BYTES = 8 * 1024 * 1024
"""Largest song that is sent whole, and size of the parts of others."""

_EXAMINING_S = 600.0
"""Longest time for the answer to the last bytes: the song is examined first."""

_LOOK_S = 0.5
_TUS = {"Tus-Resumable": "1.0.0"}

Sent = Callable[[int, int], None]
"""Told how many bytes of how many are there; what it raises ends the upload."""

Begun = Callable[[str], None]
"""Told the identifier of an upload in parts, by which it can be resumed later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A song to send."""

    file: BinaryIO
    name: str
    size_bytes: int
    sent: Sent | None = None
    begun: Begun | None = None

    def tell(self, offset: int) -> None:
        """Say how far it is."""
        if self.sent is not None:
            self.sent(offset, self.size_bytes)


@contextmanager
def opened(
    song: str | os.PathLike[str] | BinaryIO,
    name: str | None,
    *,
    sent: Sent | None,
    begun: Begun | None,
) -> Iterator[Parcel]:
    """Open a file, or take one that is open and can be read from any place.

    Raises
    ------
    SourceNotFound
        There is no such file, or it may not be read.
    """
    if not isinstance(song, (str, os.PathLike)):
        size = song.seek(0, os.SEEK_END)
        yield Parcel(file=song, name=name or "song", size_bytes=size, sent=sent, begun=begun)
        return
    place = Path(song)
    try:
        file = place.open("rb")
    except OSError as error:
        raise SourceNotFound(f"{place.name} cannot be read: {error.strerror}") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        yield Parcel(file=file, name=name or place.name, size_bytes=size, sent=sent, begun=begun)


def upload(parcel: Parcel, retries: Retries) -> Plan[Upload]:
    """Send a song and return it when it is examined and ready."""
    if parcel.size_bytes <= PART_BYTES:
        return (yield from _send_whole(parcel, retries))
    return (yield from _send_in_parts(parcel, retries))


def resume(parcel: Parcel, upload_id: str, retries: Retries) -> Plan[Upload]:
    """Go on with an upload in parts that was interrupted."""
    offset = yield from _offset(upload_id, retries)
    yield from _send_rest(parcel, upload_id, offset, retries)
    return (yield from _examined(upload_id, retries))


def _send_whole(parcel: Parcel, retries: Retries) -> Plan[Upload]:
    parcel.file.seek(0)
    data = parcel.file.read()
    parcel.tell(0)
    request = Ask(
        method="POST", path=path("uploads"), file=(parcel.name, data), read_s=_EXAMINING_S
    )
    reply = yield from ask(request, retries)
    parcel.tell(len(data))
    return read(Upload, reply)


def _send_in_parts(parcel: Parcel, retries: Retries) -> Plan[Upload]:
    name = base64.b64encode(parcel.name.encode()).decode()
    headers = {"Upload-Length": str(parcel.size_bytes), "Upload-Metadata": f"filename {name}"}
    request = Ask(method="POST", path=path("uploads", "resumable"), headers=_TUS | headers)
    reply = yield from ask(request, retries)
    upload_id = reply.headers.get("location", "").rstrip("/").rpartition("/")[2]
    if not upload_id:
        raise ServiceFault("the server does not say where the upload's parts go")
    if parcel.begun is not None:
        parcel.begun(upload_id)
    yield from _send_rest(parcel, upload_id, 0, retries)
    return (yield from _examined(upload_id, retries))


def _send_rest(parcel: Parcel, upload_id: str, offset: int, retries: Retries) -> Plan[None]:
    """Send part after part; when one is lost, ask where to go on."""
    failures = 0
    parcel.tell(offset)
    while offset < parcel.size_bytes:
        request = _part(parcel, upload_id, offset)
        reply = yield request
        wait_s = pause_after(request, reply, failures, retries)
        if wait_s is None and reply.status == HTTPStatus.CONFLICT:
            wait_s = retries.wait_s(failures)  # a part arrived whose answer was lost
        if wait_s is not None:
            failures += 1
            yield Pause(wait_s)
            offset = yield from _offset(upload_id, retries)
            continue
        offset, failures = _told_offset(good(reply).headers.get("upload-offset")), 0
        parcel.tell(offset)


def _part(parcel: Parcel, upload_id: str, offset: int) -> Ask:
    parcel.file.seek(offset)
    data = parcel.file.read(PART_BYTES)
    if not data:
        raise InvalidOption("the file has become shorter while it was sent: send it again")
    headers = {
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    return Ask(
        method="PATCH",
        path=path("uploads", "resumable", upload_id),
        headers=_TUS | headers,
        content=data,
        read_s=_EXAMINING_S,
    )


def _offset(upload_id: str, retries: Retries) -> Plan[int]:
    request = Ask(
        method="HEAD",
        path=path("uploads", "resumable", upload_id),
        headers=_TUS,
        read_s=_EXAMINING_S,
    )
    reply = yield from ask(request, retries)
    return _told_offset(reply.headers.get("upload-offset"))


def _told_offset(text: str | None) -> int:
    if text is None or not text.isdecimal():
        raise ServiceFault("the server does not say where the upload goes on")
    return int(text)


def _examined(upload_id: str, retries: Retries) -> Plan[Upload]:
    while True:
        found = yield from fetch(Upload, path("uploads", upload_id), retries)
        if found.error is not None:
            raise error_from_code(found.error.code, found.error.message, found.error.details)
        if found.state == "ready":
            return found
        # Another request examines it; if that one was interrupted, this look begins anew.
        yield Pause(_LOOK_S)
        yield from _offset(upload_id, retries)
