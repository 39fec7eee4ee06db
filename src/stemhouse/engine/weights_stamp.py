"""Remember that a file of weights was checked, so that a start need not read it all again.

A stamp holds a file's size, modification time and inode number together with the SHA-256 that
was found. While the first three are unchanged the stamp vouches for the fourth. It guards against
damage and mix-ups, not against somebody who may write into the models folder: they could write
the stamp as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from stemhouse.engine.model_card import FileDigest

_log = logging.getLogger(__name__)

DERIVED = "derived"
"""Name of the folder of derived artefacts, in the folder of a model."""

STAMP_NAME = "stamp.json"
"""File name of the stamp, in the folder of derived artefacts."""

_MAX_STAMP_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024

Stamp = dict[str, dict[str, int | str]]


def hash_file(path: Path) -> FileDigest:
    """Return the SHA-256 and size of a file, read 1 MiB at a time.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    hasher = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
            size += len(chunk)
    return FileDigest(hasher.hexdigest(), size)


def describe(path: Path, sha256: str) -> dict[str, int | str]:
    """Return what a stamp says of a file whose SHA-256 is known."""
    status = path.stat()
    return {
        "sha256": sha256,
        "size_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "inode": status.st_ino,
    }


def read_stamp(folder: Path) -> Mapping[str, object]:
    """Return the stamp in `folder` by file name; empty if there is none that makes sense."""
    try:
        with (folder / STAMP_NAME).open("rb") as file:
            stamp = json.loads(file.read(_MAX_STAMP_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(folder: Path, stamp: Stamp) -> None:
    """Write the stamp into `folder`, which is made if need be.

    Failing to is no error: a models folder may be read-only, and then each start hashes again.
    """
    # Processes that start together may all write: each under a name of its own, then renamed.
    temporary = folder / f".{STAMP_NAME}-{os.getpid()}-{threading.get_ident()}"
    try:
        folder.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(stamp), "utf-8")
        temporary.replace(folder / STAMP_NAME)
    except OSError as error:
        _log.debug("no stamp in %s: %s", folder, error)
        with contextlib.suppress(OSError):
            temporary.unlink()
