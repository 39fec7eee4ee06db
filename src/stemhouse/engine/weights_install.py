"""Change the folder of weights: one process at a time, all or nothing.

Everything happens in a temporary folder beside the final one, under a lock file per model, and is
published by renaming. A killed process leaves a temporary folder, which the next change removes.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import filelock

from stemhouse.engine.checkpoint import read_checkpoint
from stemhouse.engine.model_card import ModelCard
from stemhouse.engine.weights_errors import storage_errors
from stemhouse.engine.weights_sources import Way, obtain
from stemhouse.engine.weights_stamp import DERIVED, describe, write_stamp
from stemhouse.errors import DiskFull, Timeout

LOCK_TIMEOUT_S = 3600.0
"""How long to wait for another process, in seconds: 200 MB over a slow line take about an hour."""


@contextlib.contextmanager
def locked(root: Path, card: ModelCard) -> Iterator[None]:
    """Hold the lock of one model below `root`, making `root` if need be.

    Parameters
    ----------
    root : Path
        Folder of the store.
    card : ModelCard

    Raises
    ------
    Timeout
        Another process held the lock for an hour.
    OutputNotWritable, DiskFull
        The lock file cannot be made.
    """
    lock = filelock.FileLock(root / f".{card.name}.lock", timeout=LOCK_TIMEOUT_S)
    try:
        with storage_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except filelock.Timeout as error:
        raise Timeout(
            f"another process has been installing {card.name} for an hour; wait for it or end it",
            model=card.name,
        ) from error
    try:
        yield
    finally:
        lock.release()


def install(root: Path, card: ModelCard, ways: list[Way]) -> None:
    """Put the weights in place, replacing what is there; call with the lock held.

    Parameters
    ----------
    root : Path
        Folder of the store.
    card : ModelCard
    ways : list of callable
        Where to take the weights from, in the order to try.

    Raises
    ------
    ModelError, InputError
        As `obtain`; what was in place is still there.
    DiskFull, OutputNotWritable
        The store cannot take the weights; what was in place is still there.
    """
    _require_space(root, card)
    with _staging(root, card) as staging:
        files = obtain(card, ways, staging)
        read_checkpoint(files)  # a card whose files are no checkpoint must not get further
        write_stamp(
            files / DERIVED,
            {name: describe(files / name, digest.sha256) for name, digest in card.files.items()},
        )
        with storage_errors(root):
            if (root / card.name).exists():
                (root / card.name).rename(staging / "old")
            files.rename(root / card.name)


def uninstall(root: Path, card: ModelCard) -> int:
    """Remove the weights and what was derived from them; call with the lock held.

    Parameters
    ----------
    root : Path
        Folder of the store.
    card : ModelCard

    Returns
    -------
    int
        Bytes that were freed.

    Raises
    ------
    OutputNotWritable
        The folder may not be removed.
    """
    with storage_errors(root), _staging(root, card) as staging:
        # Gone under its name at once; deleting the files may then take its time.
        (root / card.name).rename(staging / "old")
        return sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())


@contextlib.contextmanager
def _staging(root: Path, card: ModelCard) -> Iterator[Path]:
    prefix = f".{card.name}_"  # no name has an underscore: another model's folders never match
    for left_over in root.glob(f"{prefix}*"):  # of a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with storage_errors(root):
        staging = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _require_space(root: Path, card: ModelCard) -> None:
    needed = 2 * card.size_bytes  # the archive and what comes out of it
    with storage_errors(root):
        free = shutil.disk_usage(root).free
    if free < needed:
        raise DiskFull(
            f"{card.name} needs {needed} bytes in {root} while it is installed, and {free} are "
            "free. Free some, or choose another folder with --models-dir",
            needed_bytes=needed,
            free_bytes=free,
        )
