"""Bytes on their way in: counted, hashed, and kept in a temporary file."""

from __future__ import annotations

import errno
import hashlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from stemhouse.errors import DiskFull, UploadTooLarge

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Receiver:
    """Takes the bytes of one upload.

    Parameters
    ----------
    folder : Path
        Where the temporary file lies; it has no name there and vanishes with the process.
    max_bytes : int
        Most bytes that are taken.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        # Closed by __exit__; unbuffered, so that a full disk is told where it happens.
        self.file = cast(BinaryIO, tempfile.TemporaryFile(dir=folder, buffering=0))  # noqa: SIM115

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises
        ------
        UploadTooLarge
            More came than may come.
        DiskFull
            There is no room for them.
        """
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        self._digest.update(data)
        view = memoryview(data)
        try:
            while view:
                view = view[self.file.write(view) :]
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFull("there is no room for this upload now; try again later") from error
            raise

    @property
    def sha256(self) -> str:
        """Digest of what came so far."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()


def too_large(max_bytes: int) -> UploadTooLarge:
    """Return the error for a file beyond the plan's limit."""
    return UploadTooLarge(
        f"the file is larger than {max_bytes:,} bytes, which is the limit of your plan",
        max_bytes=max_bytes,
    )
