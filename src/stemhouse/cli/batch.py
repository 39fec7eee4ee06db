"""Many songs through one loaded model, several at once, stoppable at any moment."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

from stemhouse.cli.console import Reporter
from stemhouse.cli.outcome import Outcome
from stemhouse.cli.plan import Task
from stemhouse.cli.signals import Interrupts
from stemhouse.cli.songs import STDIN
from stemhouse.errors import Cancelled, DeviceLost, DiskFull, OutOfMemory

if TYPE_CHECKING:
    from stemhouse.cli.outcome import Separated
    from stemhouse.engine.options import Options
    from stemhouse.engine.output import Output
    from stemhouse.engine.progress import CancelToken, ProgressCallback

_T = TypeVar("_T")

POLL_S = 0.1
"""How often the main thread looks up from waiting; a signal wakes it at once where it can."""

LOAD_GRACE_S = 0.2
"""How long a cancelled load may take to end by itself; it has written nothing yet."""

TEMPORARY = ".stemhouse-*.part"
"""Names of files that are being written."""

MAX_DESCRIPTORS = 4096
"""Where the search for open files ends: far above what 64 songs at once have open."""

STOP_GRACE_S = 0.3
"""How long cancelled songs may take to finish the windows they are at, before they are left."""

# After one of these the next song would fail in the same way.
_HOPELESS = (DiskFull, OutOfMemory, DeviceLost, MemoryError)


class FileSeparator(Protocol):
    """What separates a song into files: the engine's `Separator`, or a server."""

    def separate_to_files(
        self,
        source: Path | BinaryIO,
        directory: Path,
        options: Options | None = None,
        output: Output | None = None,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Separated: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done to each song."""

    separator: FileSeparator
    options: Options
    output: Output
    directory: Path
    jobs: int


def call_interruptibly(function: Callable[[], _T], interrupts: Interrupts) -> _T:
    """Run a call that cannot be cancelled; leave the process if a signal comes meanwhile."""
    with ThreadPoolExecutor(1, "stemhouse-load") as pool:
        future = pool.submit(function)
        while not wait([future], timeout=POLL_S).done:
            if interrupts.signal is None:
                continue
            if not wait([future], timeout=LOAD_GRACE_S).done:
                sys.stdout.flush()
                interrupts.leave_at_once()
    interrupts.cancel.raise_if_cancelled()
    return future.result()


def run_batch(
    tasks: Sequence[Task], work: Work, reporter: Reporter, interrupts: Interrupts
) -> Iterator[Outcome]:
    """Separate songs, `work.jobs` at a time, and yield what became of each as it ends.

    A song that fails does not stop the others, unless they would fail for the same reason (disk
    full, no memory, device lost).
    """
    waiting = list(reversed(tasks))
    clean = partial(_remove_unfinished, tasks, _missing_folders(tasks))
    # From now on: a second signal may come before the songs have heeded the first.
    interrupts.clean = clean
    running: dict[Future[Outcome], Task] = {}
    pool = ThreadPoolExecutor(work.jobs, "stemhouse-song")
    try:
        while waiting or running:
            while waiting and len(running) < work.jobs and not interrupts.cancel.cancelled:
                task = waiting.pop()
                call = partial(_separate, task, work, reporter, interrupts)
                running[pool.submit(call)] = task
            if not running:
                break
            done = _next_done(running, interrupts)
            if not done:
                # Again at the very end: a song that was only just beginning may open files yet.
                interrupts.abandoned = True
                clean()
                yield from _give_up(list(running.values()), "stopped")
                break
            for future in done:
                outcome = _outcome(future, running.pop(future))
                yield outcome
                if isinstance(outcome.error, _HOPELESS):
                    yield from _give_up(waiting, "not begun after the error above")
    finally:
        if running:  # whoever listens is gone: nobody would read what the others give
            interrupts.cancel.cancel()
        pool.shutdown(wait=not interrupts.abandoned)
        # Songs remove the folders they made, but not one that another song found already made.
        clean()
    yield from _give_up(waiting, "not begun")


def _next_done(
    running: dict[Future[Outcome], Task], interrupts: Interrupts
) -> set[Future[Outcome]]:
    """Wait for a song to end; return none if they are to stop and do not stop in time."""
    stopping_since: float | None = None
    while not (done := wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED).done):
        now = time.monotonic()
        if interrupts.cancel.cancelled and stopping_since is None:
            stopping_since = now
        if stopping_since is not None and now - stopping_since > STOP_GRACE_S:
            return set()
    return done


def _remove_unfinished(tasks: Sequence[Task], made: Sequence[Path]) -> None:
    """Remove the temporary files that this process has open, and folders that are left empty.

    The songs would do so themselves, but only after the windows that they are computing. Another
    process may write to the same folder, so that only files open here are taken.
    """
    mine = _open_files()
    for folder in {target.parent for task in tasks for target in task.targets}:
        for path in folder.glob(TEMPORARY):
            with suppress(OSError):  # gone meanwhile; Windows does not let open files go
                status = path.stat()
                if (status.st_dev, status.st_ino) in mine:
                    path.unlink()
    for folder in made:
        with suppress(OSError):  # not empty, or not made yet
            folder.rmdir()


def _missing_folders(tasks: Sequence[Task]) -> list[Path]:
    """List the folders that the songs will make, the innermost first."""
    folders = {folder for task in tasks for target in task.targets for folder in target.parents}
    missing = (folder for folder in folders if not folder.exists())
    return sorted(missing, key=lambda folder: len(folder.parts), reverse=True)


def _open_files() -> set[tuple[int, int]]:
    found = set()
    for number in range(3, MAX_DESCRIPTORS):
        with suppress(OSError):
            status = os.fstat(number)
            found.add((status.st_dev, status.st_ino))
    return found


def _separate(task: Task, work: Work, reporter: Reporter, interrupts: Interrupts) -> Outcome:
    interrupts.cancel.raise_if_cancelled()
    reporter.started(task.song)
    began = time.monotonic()
    source = sys.stdin.buffer if task.song.path == STDIN else task.song.path
    separation = work.separator.separate_to_files(
        source,
        work.directory,
        work.options,
        replace(work.output, template=task.template),
        progress=partial(reporter.progress, task.song),
        cancel=interrupts.cancel,
    )
    wall_s = time.monotonic() - began
    return Outcome(song=task.song, status="done", separation=separation, wall_s=wall_s)


def _outcome(future: Future[Outcome], task: Task) -> Outcome:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Cancelled):
        return Outcome(song=task.song, status="cancelled")
    return Outcome(song=task.song, status="failed", error=error)


def _give_up(waiting: list[Task], reason: str) -> Iterator[Outcome]:
    while waiting:
        yield Outcome(song=waiting.pop().song, status="cancelled", reason=reason)
