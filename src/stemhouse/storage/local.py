"""Files in a folder of this machine."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from obstore.store import LocalStore

from stemhouse.errors import InvalidOption, NotFound
from stemhouse.storage.failures import translated
from stemhouse.storage.keys import check_key
from stemhouse.storage.links import SITE, LinkSigner
from stemhouse.storage.objects import ObjectStorage

# obstore writes to "name#1" beside "name" and renames it; a killed process leaves that behind.
_HALF_WRITTEN = re.compile(r"#\d+$")

_MOST_MOVES = 100
"""Tries to move a file into a folder that others remove; one in some hundreds fails when all do."""


class LocalStorage(ObjectStorage):
    """Files in a folder; see `Storage` for the methods.

    Parameters
    ----------
    root : Path
        The folder; made when it is missing. Nothing outside it is read or written, also where
        something in it is a link to elsewhere.
    signer : LinkSigner, optional
        Signs `link`. Without one there are no links.
    link_path : str
        Path of the API below which files are served.
    """

    def __init__(
        self, root: Path, *, signer: LinkSigner | None = None, link_path: str = "/v1/files"
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root.resolve()
        self._signer = signer
        self._link_path = link_path.rstrip("/")
        super().__init__(LocalStore(prefix=self._root, automatic_cleanup=True))

    def take(self, key: str, path: Path) -> None:
        """Give a local file a name in the folder, or copy it there from another disk."""
        self._confine(key)
        with translated(key):
            moved = _move(path, self._root / key)
        if not moved:
            super().take(key, path)

    def fetch(self, key: str, target: Path) -> None:
        """Give what is under `key` a second name, or copy it to another disk."""
        self._confine(key)
        try:
            target.hardlink_to(self._root / key)
        except OSError:
            # Another disk, one without such names, or no such file: copying finds out which.
            super().fetch(key, target)

    def link(self, key: str, expires_in: timedelta, *, site: str) -> str:
        """Return a signed path of the API for `key`."""
        self._confine(key)
        if self._signer is None:
            raise InvalidOption("this storage was set up without a secret for links")
        return self._signer.sign(f"{self._link_path}/{key}", expires_in, {SITE: site})

    def remove_half_written(self, older_than: timedelta) -> int:
        """Remove what killed processes left half-written; return how many files."""
        limit = time.time() - older_than.total_seconds()
        removed = 0
        for path in self._root.rglob("*#*"):
            if _HALF_WRITTEN.search(path.name) and path.is_file() and path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _confine(self, key: str) -> None:
        check_key(key)
        if not (self._root / key).resolve().is_relative_to(self._root):
            raise NotFound("there is no such stored file; it may have expired")

    def _delete_some(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                super()._delete_some([key])
            except NotFound:
                pass


def _move(path: Path, place: Path) -> bool:
    """Move a file, unless the place is on another disk; say whether it was moved."""
    for left in reversed(range(_MOST_MOVES)):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        except (FileNotFoundError, FileExistsError):
            # Whoever removes the last file of a folder removes the folder, and those above it that
            # are empty then: perhaps between any two of the calls that are behind these lines.
            if left == 0 or not path.exists():
                raise
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return False
        else:
            break
    return True
