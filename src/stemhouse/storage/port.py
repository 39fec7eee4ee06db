"""The face that every storage has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

Data = bytes | Path | BinaryIO | Iterable[bytes]
"""What can be stored: bytes, a local file, an open file, or blocks as they come."""

STREAM_BYTES = 1024 * 1024
"""Size of the blocks that `Storage.stream` gives."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One stored file.

    Attributes
    ----------
    key : str
        Its key.
    size_bytes : int
        Its size.
    modified_at : datetime
        When it was stored, in UTC by the storage's clock.
    """

    key: str
    size_bytes: int
    modified_at: datetime


class Storage(Protocol):
    """Stores files under keys.

    Every method raises `NotFound` when the key holds nothing (except `delete`), `DiskFull` when
    there is no room, `ExternalError` when the storage does not answer and `InvalidOption` for a
    text that cannot be a key. A put is whole or absent: nobody sees half a file.
    """

    def put(self, key: str, data: Data) -> int:
        """Store `data`, replacing what the key held; return the size in bytes.

        An error from an iterable passes through.
        """
        ...

    def take(self, key: str, path: Path) -> None:
        """Store a local file and remove it where it was; what `key` held is replaced.

        On a local folder of the same disk it only gets another name.
        """
        ...

    def fetch(self, key: str, target: Path) -> None:
        """Have the file under `target` too, where nothing is yet, to read and not to write.

        On a local folder of the same disk that is another name of the same file. An error of the
        disk on which `target` is passes through.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return a whole, small file."""
        ...

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to, not including, `end`; shorter at the file's end."""
        ...

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the file, or the bytes from `start` up to `end`, in blocks of about 1 MiB.

        Errors are raised by the call, not by the first block, unless the storage fails midway.
        """
        ...

    def head(self, key: str) -> StoredObject:
        """Return the facts without the bytes."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the key holds a file."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield what lies under `prefix`, which ends in ``/``; in no particular order."""
        ...

    def delete(self, *keys: str) -> None:
        """Remove files. What is not there is passed over."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove all that lies under `prefix`, which ends in ``/``; return how many files."""
        ...

    def link(self, key: str, expires_in: timedelta, *, site: str) -> str:
        """Return an address from which anybody can read the file until it expires.

        On S3 a presigned address of the storage itself; on a local folder a path of the API, which
        works on the site that it is made for, and on no other one.
        """
        ...

    def check(self) -> None:
        """Raise when the storage cannot be written to and read from now."""
        ...
