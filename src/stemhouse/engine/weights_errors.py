"""The errors of the folder of weights, worded once."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from stemhouse.engine.model_card import FileDigest, ModelCard
from stemhouse.errors import DiskFull, ModelChecksumMismatch, ModelNotFound, OutputNotWritable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals while writing below `place` into errors of the tree.

    Parameters
    ----------
    place : Path
        Folder that is written to; named in the message.

    Raises
    ------
    DiskFull
        No space, no quota, or the file is larger than the system lets it be.
    OutputNotWritable
        Anything else: no permission, a read-only disk, a file where a folder must be.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(
                f"there is not enough space in {place} for the weights ({error.strerror}). "
                "Free some, or choose another folder with --models-dir",
                folder=str(place),
            ) from error
        raise OutputNotWritable(
            f"{place} cannot be written to ({error.strerror or error}). "
            "Choose another folder with --models-dir",
            folder=str(place),
        ) from error


def checksum_mismatch(
    card: ModelCard, name: str, expected: FileDigest, actual: FileDigest
) -> ModelChecksumMismatch:
    """Return the error that says that a file is not the one the card promises."""
    if actual.size_bytes != expected.size_bytes:
        difference = f"it has {actual.size_bytes} bytes, not {expected.size_bytes}"
    else:
        difference = f"its SHA-256 is {actual.sha256}, not {expected.sha256}"
    return ModelChecksumMismatch(
        f"{name} is not the published file of {card.name}: {difference}. It is damaged or of "
        "another version",
        model=card.name,
        file=name,
        expected_sha256=expected.sha256,
        actual_sha256=actual.sha256 or None,
        expected_bytes=expected.size_bytes,
        actual_bytes=actual.size_bytes,
    )


def not_installed(card: ModelCard) -> ModelNotFound:
    """Return the error that says that the weights are missing, and the command to run."""
    return ModelNotFound(
        f"the weights of {card.name} are not on this machine. Fetch them with "
        f"`stemhouse models pull {card.name}`, or add a file or folder that you have with "
        f"`stemhouse models add {card.name} --from PATH`",
        model=card.name,
    )
