"""Finished downloads, kept for a while: so that one can be resumed, and asked for twice."""

from __future__ import annotations

import logging
import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from stemhouse.jobs.room import room_for
from stemhouse.results.downloads import Download

_log = logging.getLogger(__name__)

KEPT_S: Final = 3600.0
"""How long a file is kept after it was last asked for."""

_SWEEP_S: Final = 600.0
_READ_BYTES: Final = 256 * 1024
_LOCKS: Final = 32
_UNFINISHED: Final = ".part"


class KeptDownloads:
    """Keeps the files of downloads that are made while they are sent.

    Processes may share a folder: files come into being whole, and vanish when nobody wants them.

    Parameters
    ----------
    folder : Path
        Where.
    limit_bytes : int
        How much is kept at most, beside the newest file; 0 keeps nothing.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        # Of two requests for parts of one file, the second waits for the first to make it.
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kept-downloads", daemon=True)

    def start(self) -> None:
        """Begin: see whether files can be kept, and look for what nobody wants any more."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            # Better no promise than one that cannot be kept.
            _log.warning("downloads are not kept, and cannot be resumed: %s", error.strerror)
            self._limit_bytes = 0
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self._thread.join()

    def keep(self, download: Download) -> Download:
        """Return the same download, of which parts can be sent if it is kept."""
        if download.ranged or download.identity is None or not self._limit_bytes:
            return download
        return _Kept(download, self._folder / download.identity, self)

    def made(self, file: Path, download: Download) -> None:
        """See to it that a download's file is there.

        Raises
        ------
        DiskFull
            There is no room for it.
        """
        with self._locks[hash(file.name) % _LOCKS]:
            if _touched(file):
                return
            with _Draft(self._folder) as draft:
                for block in download.stream():
                    draft.write(block)
                draft.publish(file)
                draft.check()
        self.sweep()

    def passed_on(self, file: Path, download: Download) -> Iterator[bytes]:
        """Yield a download, and keep it if it passes whole and there is room."""
        with _Draft(self._folder) as draft:
            for block in download.stream():
                draft.write(block)
                yield block
            draft.publish(file)
        self.sweep()

    def sweep(self) -> None:
        """Remove what nobody has asked for in an hour, and whatever is too much."""
        found = []
        for file in self._folder.glob("*"):
            try:
                facts = file.stat()
            except FileNotFoundError:
                continue  # another process was faster
            found.append((facts.st_mtime, facts.st_size, file))
        found.sort(reverse=True)
        total = 0
        for number, (used, size, file) in enumerate(found):
            total += size
            too_much = total > self._limit_bytes and number > 0 and file.suffix != _UNFINISHED
            if too_much or used < time.time() - KEPT_S:
                file.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stopped.wait(_SWEEP_S):
            try:
                self.sweep()
            except OSError as error:
                _log.warning("kept downloads cannot be looked through: %s", error.strerror)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A download that may have been made already."""

    fresh: Download
    file: Path
    keeper: KeptDownloads
    ranged: bool = True

    @property
    def name(self) -> str:
        return self.fresh.name

    @property
    def mime(self) -> str:
        return self.fresh.mime

    @property
    def identity(self) -> str | None:
        return self.fresh.identity

    @property
    def size_bytes(self) -> int | None:
        return self.file.stat().st_size if _touched(self.file) else None

    def finish(self) -> None:
        self.keeper.made(self.file, self.fresh)

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if start == 0 and end is None and not _touched(self.file):
            return self.keeper.passed_on(self.file, self.fresh)
        self.keeper.made(self.file, self.fresh)
        return _read(self.file.open("rb"), start, end)


class _Draft:
    """A file that is being made, under a name of its own; what it cannot write, it remembers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._error: OSError | None = None

    def __enter__(self) -> Self:
        with self._noted():
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=self._folder)
            self._path = Path(name)
            os.close(handle)
            # Unbuffered: what does not fit is known when it is written, and not when it closes.
            self._file = self._path.open("wb", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "_file"):
            self._file.close()
            self._path.unlink(missing_ok=True)

    def write(self, block: bytes) -> None:
        if self._error is None:
            with self._noted():
                left = memoryview(block)
                while left:
                    left = left[self._file.write(left) :]

    def publish(self, file: Path) -> None:
        """Give the file its name, unless something is missing in it."""
        if self._error is None:
            with self._noted():
                self._path.replace(file)
        else:
            _log.warning("a download is not kept: %s", self._error.strerror)

    def check(self) -> None:
        """Raise what was remembered."""
        if self._error is not None:
            with room_for("the folder of finished downloads"):
                raise self._error

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = error


def _touched(file: Path) -> bool:
    """Whether a file is there, which it then stays for a while."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True


def _read(file: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = math.inf if end is None else end - start
        while left > 0 and (block := file.read(int(min(_READ_BYTES, left)))):
            left -= len(block)
            yield block
