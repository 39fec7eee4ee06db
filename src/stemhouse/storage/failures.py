"""From the storage library's errors to the tree's."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from obstore import exceptions as obs

from stemhouse.errors import DiskFull, ExternalError, ExternalRefused, NotFound, StemhouseError

_log = logging.getLogger(__name__)

_FULL_NUMBERS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# The library has no class for a full disk: the operating system's number is in the text.
_FULL_MARKS = (*(f"(os error {number})" for number in sorted(_FULL_NUMBERS)), "507 Insufficient")
_NO_BUCKET = "NoSuchBucket"  # answered with 404, like a missing file


@contextmanager
def translated(key: str = "") -> Iterator[None]:
    """Turn what the storage raises into `NotFound`, `DiskFull` or `ExternalError`."""
    try:
        yield
    except (obs.NotFoundError, FileNotFoundError) as error:
        if _NO_BUCKET in str(error):
            raise _refused(key) from error
        raise NotFound("there is no such stored file; it may have expired") from error
    except (obs.PermissionDeniedError, obs.UnauthenticatedError, PermissionError) as error:
        raise _refused(key) from error
    except obs.BaseError as error:
        raise _unavailable(error, key) from error
    except OSError as error:
        full = error.errno in _FULL_NUMBERS
        raise _full() if full else _unavailable(error, key) from error


def _refused(key: str) -> ExternalRefused:
    _log.error("the storage refuses access or has no such bucket", extra={"storage_key": key})
    return ExternalRefused(
        "the file storage refuses access; the operator must mend its settings", service="storage"
    )


def _unavailable(error: Exception, key: str) -> StemhouseError:
    if any(mark in str(error) for mark in _FULL_MARKS):
        return _full()
    # The library's text names paths and hosts: for the log, not for the message.
    _log.warning("the storage failed: %s", type(error).__name__, extra={"storage_key": key})
    return ExternalError("the file storage does not answer; try again later", service="storage")


def _full() -> DiskFull:
    return DiskFull("there is no room left in the file storage; try again later", service="storage")
