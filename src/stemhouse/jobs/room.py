"""A full disk, told apart from other errors of the system: waiting can help, and it has a code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from stemhouse.errors import DiskFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def room_for(place: str) -> Iterator[None]:
    """Raise `DiskFull` where the system says that there is no room; other errors pass.

    Parameters
    ----------
    place : str
        What is full, for the operator: a description, not a path.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(f"there is no room left in {place}; try again later") from error
