"""What a local folder and S3 have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from obstore.store import LocalStore, S3Store

from stemhouse.errors import NotFound
from stemhouse.storage.failures import translated
from stemhouse.storage.keys import check_key, check_prefix
from stemhouse.storage.port import STREAM_BYTES, Data, StoredObject

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta

_DELETED_AT_ONCE = 500  # S3 takes 1,000 keys in one request


class ObjectStorage:
    """Files in one of obstore's stores; see `Storage` for the methods.

    Parameters
    ----------
    store : LocalStore or S3Store
        Where the files are. Building it does no I/O.
    """

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    def put(self, key: str, data: Data) -> int:
        """Store `data` under `key`; return its size in bytes."""
        self._confine(key)
        if isinstance(data, bytes | Path) or hasattr(data, "read"):
            with translated(key):
                self._store.put(key, cast(bytes, data))
            return len(data) if isinstance(data, bytes) else self.head(key).size_bytes
        counted = _Counted(data)
        with translated(key):
            self._store.put(key, iter(counted))
        return counted.size_bytes

    def take(self, key: str, path: Path) -> None:
        """Store a local file and remove it where it was."""
        self.put(key, path)
        path.unlink()

    def fetch(self, key: str, target: Path) -> None:
        """Copy what is under `key` to a local file."""
        blocks = self.stream(key)
        with target.open("xb") as file:
            for block in blocks:
                file.write(block)

    def get(self, key: str) -> bytes:
        """Return the bytes under `key`."""
        self._confine(key)
        with translated(key):
            return bytes(self._store.get(key).bytes())

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of `key` from `start` up to, not including, `end`."""
        if end <= start:
            return b""
        found = self.head(key)
        if start >= found.size_bytes:
            return b""
        with translated(key):
            return bytes(self._store.get_range(key, start=start, end=min(end, found.size_bytes)))

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of `key`, or a part of them, in blocks."""
        self._confine(key)
        if end is not None and end <= start:
            return iter(())
        with translated(key):
            if start == 0 and end is None:
                opened = self._store.get(key)
            else:
                size = self.head(key).size_bytes
                if start >= size:
                    return iter(())
                last = size if end is None else min(end, size)
                opened = self._store.get(key, options={"range": (start, last)})
        return _blocks(opened, key)

    def head(self, key: str) -> StoredObject:
        """Return the facts about `key`."""
        self._confine(key)
        with translated(key):
            return _described(self._store.head(key))

    def exists(self, key: str) -> bool:
        """Whether `key` holds a file."""
        try:
            self.head(key)
        except NotFound:
            return False
        return True

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield what lies under `prefix`."""
        check_prefix(prefix)
        with translated(prefix):
            for page in self._store.list(prefix[:-1]):
                yield from (_described(found) for found in page)

    def delete(self, *keys: str) -> None:
        """Remove files; what is not there is passed over."""
        for key in keys:
            self._confine(key)
        for first in range(0, len(keys), _DELETED_AT_ONCE):
            self._delete_some(keys[first : first + _DELETED_AT_ONCE])

    def delete_prefix(self, prefix: str) -> int:
        """Remove all that lies under `prefix`."""
        keys = [found.key for found in self.list(prefix)]
        self.delete(*keys)
        return len(keys)

    def check(self) -> None:
        """Write, read and remove a small file."""
        key, probe = "checks/probe", b"stemhouse"
        self.put(key, probe)
        with translated(key):
            self._store.get_range(key, start=0, end=len(probe))

    def _confine(self, key: str) -> None:
        check_key(key)

    def _delete_some(self, keys: Sequence[str]) -> None:
        with translated():
            self._store.delete(keys)


class _Counted:
    """Counts the bytes of blocks on their way, and keeps their own errors from being translated."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.size_bytes = 0
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.size_bytes += len(block)
            yield block


def _described(found: ObjectMeta) -> StoredObject:
    return StoredObject(found["path"], found["size"], found["last_modified"])


def _blocks(opened: GetResult, key: str) -> Iterator[bytes]:
    with translated(key):
        for block in opened.stream(min_chunk_size=STREAM_BYTES):
            yield bytes(block)
