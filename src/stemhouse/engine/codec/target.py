"""Where output goes: a hidden temporary file that becomes the target at the end, or a stream."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from stemhouse.errors import DiskFull, OutputNotWritable, StemhouseError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Target:
    """An output that is whole or absent.

    Parameters
    ----------
    target : Path or BinaryIO
        A path is written under a hidden temporary name in the same folder and renamed by `commit`.
        A file object is written to as it is, and is never closed.

    Raises
    ------
    OutputNotWritable
        The folder is missing, is not a folder, or may not be written to.
    DiskFull
        There is no room.
    """

    def __init__(self, target: str | os.PathLike[str] | BinaryIO) -> None:
        self.path: Path | None = None
        self._temporary: Path | None = None
        if isinstance(target, (str, os.PathLike)):
            self.path = Path(target)
            self.name = self.path.name
            self.file: BinaryIO = self._open_temporary(self.path)
        else:
            self.name = "the output stream"
            self.file = cast(BinaryIO, CountingStream(target))

    @property
    def size_bytes(self) -> int:
        """Size of what was written."""
        if self.path is not None:
            return self.path.stat().st_size
        return cast(CountingStream, self.file).size_bytes

    def commit(self) -> None:
        """Give the temporary file its name, replacing a file of that name."""
        if self._temporary is not None and self.path is not None:
            with self.translated():
                self.file.close()
                self._temporary.replace(self.path)
            self._temporary = None

    def discard(self) -> None:
        """Remove the temporary file. May be called more than once."""
        if self._temporary is not None:
            with suppress(OSError):  # a full disk may refuse the flush of what is thrown away
                self.file.close()
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn an operating system's error into the tree's."""
        try:
            yield
        except OSError as error:
            raise self._failure(error) from error

    def _open_temporary(self, path: Path) -> BinaryIO:
        # Short, so that a name of the file system's longest length still has a temporary one.
        self._temporary = path.parent / f".stemhouse-{secrets.token_hex(8)}.part"
        with self.translated():
            if path.is_dir():
                raise OutputNotWritable(f"{path} is a folder; name a file in it")
            return cast(BinaryIO, self._temporary.open("xb", buffering=0))

    def _failure(self, error: OSError) -> StemhouseError:
        if error.errno in _FULL:
            return DiskFull(f"there is no room on the disk for {self.name}; free some and retry")
        folder = self.path.parent if self.path else None
        if error.errno == errno.ENOENT:
            return OutputNotWritable(f"the folder {folder} does not exist; make it first")
        if error.errno == errno.ENOTDIR:
            return OutputNotWritable(f"{folder} is not a folder; choose another place")
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return OutputNotWritable(
                f"{folder or self.name} may not be written to; choose another place"
            )
        if error.errno == errno.ENAMETOOLONG:
            return OutputNotWritable(f"the file name {self.name} is too long for this disk")
        reason = (error.strerror or str(error)).lower()
        return OutputNotWritable(f"{self.name} cannot be written: {reason}")


class CountingStream(io.RawIOBase):
    """A caller's file object, perhaps non-seekable, with its size counted."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._inner = file
        seekable = getattr(file, "seekable", None)
        self._can_seek = bool(seekable()) if callable(seekable) else hasattr(file, "seek")
        self._origin = file.tell() if self._can_seek else 0
        self._position = 0
        self.size_bytes = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Whether the caller's file can seek."""
        return self._can_seek

    def write(self, data: object) -> int:
        """Write all of `data`."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        size, left = len(view), view
        while len(left):
            left = left[self._inner.write(left) :]
        self._position += size
        self.size_bytes = max(self.size_bytes, self._position)
        return size

    def tell(self) -> int:
        """Return the position, counted from where the output began."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position counted from where the output began."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size_bytes}[whence]
        self._position = base + offset
        self._inner.seek(self._origin + self._position)
        return self._position
