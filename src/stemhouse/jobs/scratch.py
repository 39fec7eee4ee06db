"""Where a worker's songs lie while they run: a folder of its own, which goes when it goes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOCK: Final = "lock"


@contextmanager
def own_scratch(root: Path) -> Iterator[Path]:
    """Make a folder of this process; remove it at the end, and those of processes that are gone.

    Whoever works in a folder holds a lock in it, which the system lets go of however the process
    ends. Its number would tell less: processes in containers have the same ones, and do not see
    each other.

    Parameters
    ----------
    root : Path
        The folder that holds those of all workers; made when it is missing.
    """
    root.mkdir(parents=True, exist_ok=True)
    # Nobody may take a folder for an abandoned one between its making and its lock.
    with _locked(root):
        for folder in root.iterdir():
            if folder.is_dir() and _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
        own = Path(tempfile.mkdtemp(prefix="worker-", dir=root))
        lock = _open_lock(own)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(lock)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    lock = _open_lock(root)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _is_abandoned(folder: Path) -> bool:
    try:
        lock = _open_lock(folder)
    except FileNotFoundError:
        # Its worker ends just now, and removes it.
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(lock)


def _open_lock(folder: Path) -> int:
    return os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
