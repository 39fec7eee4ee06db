"""Taking stems home: block by block into a file, going on where a lost connection left off."""

from __future__ import annotations

import errno
import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from stemhouse.client.exchange import Ask, Params, Pause, Plan, Reply, Retries, good, pause_after
from stemhouse.errors import DiskFull, OutputNotWritable, StemhouseError

_PART = re.compile(r"bytes (\d+)-\d+/(\d+)")

Received = Callable[[int, int | None], None]
"""Told how many bytes of how many are there; what it raises ends the download."""


class FileSink:
    """A file that grows; a server that cannot send the rest alone sends it anew from the start."""

    def __init__(self, file: BinaryIO, received: Received | None) -> None:
        self._file = file
        self._received = received
        self.size_bytes = 0
        self.total_bytes: int | None = None
        self.ranged = False
        self.etag: str | None = None

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Go to where the answer's bytes belong."""
        part = _PART.fullmatch(headers.get("content-range", ""))
        start = int(part[1]) if status == HTTPStatus.PARTIAL_CONTENT and part else 0
        length = headers.get("content-length", "")
        self.total_bytes = start + int(length) if length.isdecimal() else None
        self.ranged = headers.get("accept-ranges") == "bytes"
        self.etag = headers.get("etag")
        self.size_bytes = start
        with _told():
            self._file.seek(start)
            self._file.truncate()

    def write(self, block: bytes) -> None:
        """Take a block."""
        with _told():
            self._file.write(block)
        self.size_bytes += len(block)
        if self._received is not None:
            self._received(self.size_bytes, self.total_bytes)


def download(
    request_path: str,
    params: Params,
    target: Path,
    *,
    retries: Retries,
    received: Received | None,
) -> Plan[Path]:
    """Get a file; it has its name when it is whole, and nothing is left of one that is not.

    Raises
    ------
    OutputNotWritable, DiskFull
        It cannot be written.
    """
    partial = target.with_name(f".stemhouse-{secrets.token_hex(6)}.part")
    with _told():
        target.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("w+b")
    try:
        with file:
            sink = FileSink(file, received)
            yield from _fill(Ask(method="GET", path=request_path, params=params), sink, retries)
        with _told():
            partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return target


def _fill(request: Ask, sink: FileSink, retries: Retries) -> Plan[None]:
    failures = 0
    while True:
        before = sink.size_bytes
        headers = {"Accept-Encoding": "identity"}
        if before and sink.ranged:
            headers["Range"] = f"bytes={before}-"
            if sink.etag is not None:
                # If it has become another file meanwhile, it comes whole.
                headers["If-Range"] = sink.etag
        reply = yield Ask(
            method="GET", path=request.path, params=request.params, headers=headers, sink=sink
        )
        if before and _was_whole(reply, before):
            return
        # What moves on may be interrupted as often as it likes.
        failures = 0 if sink.size_bytes > before else failures
        wait_s = pause_after(request, reply, failures, retries)
        if wait_s is None:
            good(reply)
            return
        failures += 1
        yield Pause(wait_s)


def _was_whole(reply: Reply, size_bytes: int) -> bool:
    """Whether there is no rest: the line was cut after the last byte, before the answer's end."""
    beyond = reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return beyond and reply.headers.get("content-range") == f"bytes */{size_bytes}"


class _told:  # noqa: N801 - reads as what it does
    """Turns what the system says of a file into our errors."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, StemhouseError):
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull("the disk is full: make room and download it again") from error
            raise OutputNotWritable(
                f"the file cannot be written: {error.strerror}; choose another folder"
            ) from error
