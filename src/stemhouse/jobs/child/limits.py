"""What the child may take of the machine, and how long it may live."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
from pathlib import Path

_NICENESS = 10
"""Behind the API and the database, ahead of nothing: the pages stay quick while songs run."""

_RESERVED_BYTES = 1024**3
"""What threads and allocators reserve and never touch; it counts as data, but not as in use."""


def give_way() -> None:
    """Let every other process of the machine go first."""
    os.nice(_NICENESS)


def end_with(lifeline: int) -> None:
    """Have the system end this process when the other end of a pipe closes, however that happens.

    A thread that waits for it would do while all goes well. But native code that spins with
    Python's lock in its hand, or that waits for memory which nobody gives, lets no thread of ours
    run again: then only a signal ends an orphan.

    Parameters
    ----------
    lifeline : int
        A pipe to read from. The worker holds the other end and never writes.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    # No signal comes for what has happened already.
    readable, _, _ = select.select([lifeline], [], [], 0)
    if readable:
        os._exit(0)


def limit_memory(limit_bytes: int | None) -> None:
    """Make allocations far beyond the limit fail, where the system counts them (Linux).

    The limit itself is the worker's to watch: it ends the child and knows why. A failed allocation
    comes out of the libraries as anything, a crash or a file that is said to be damaged; it is for
    growth that is faster than the worker looks.
    """
    if limit_bytes is None or not sys.platform.startswith("linux"):
        return
    # Not RLIMIT_AS: the runtimes map far more addresses than they ever touch.
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wall = limit_bytes + max(limit_bytes // 2, _RESERVED_BYTES)
    allowed = wall if most == resource.RLIM_INFINITY else min(wall, most)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, most))


def no_core_dumps() -> None:
    """Leave no memory image behind after a crash: it would hold somebody's song."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def went_beyond(limit_bytes: int | None) -> bool:
    """Whether this process has ever had more memory in use than the limit; False if unknown."""
    if limit_bytes is None:
        return False
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return False
    # Not ru_maxrss: it begins with what the process that started this one had.
    peaks = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return any(peak > limit_bytes for peak in peaks)


def resident_bytes(process_id: int) -> int | None:
    """Return the memory a process has in use; None where the system does not say."""
    try:
        pages = Path(f"/proc/{process_id}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
