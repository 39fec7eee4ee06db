"""Many songs through one loaded model, several at once, stoppable at any moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from stemhouse.cli.console import Reporter
from stemhouse.cli.outcome import Outcome
from stemhouse.cli.plan import Task
from stemhouse.cli.signals import Interrupts
from stemhouse.cli.songs import STDIN
from stemhouse.errors import Cancelled, DeviceLost, DiskFull, OutOfMemory

if TYPE_CHECKING:
    from stemhouse.engine.options import Options
    from stemhouse.engine.output import Output
    from stemhouse.engine.separator import Separator

_T = TypeVar("_T")

POLL_S = 0.1
"""How often the main thread looks up from waiting; a signal wakes it at once where it can."""

LOAD_GRACE_S = 0.2
"""How long a cancelled load may take to end by itself; it has written nothing yet."""

STOP_GRACE_S = 5.0
"""How long cancelled songs may take to remove their temporary files."""

# After one of these the next song would fail in the same way.
_HOPELESS = (DiskFull, OutOfMemory, DeviceLost, MemoryError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done to each song."""

    separator: Separator
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
            for future in _next_done(running, interrupts):
                outcome = _outcome(future, running.pop(future))
                yield outcome
                if isinstance(outcome.error, _HOPELESS):
                    yield from _give_up(waiting, "not begun after the error above")
    finally:
        if running:  # whoever listens is gone: nobody would read what the others give
            interrupts.cancel.cancel()
        pool.shutdown(wait=True)
    yield from _give_up(waiting, "not begun")


def _next_done(
    running: dict[Future[Outcome], Task], interrupts: Interrupts
) -> set[Future[Outcome]]:
    stopping_since: float | None = None
    while not (done := wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED).done):
        if interrupts.cancel.cancelled and stopping_since is None:
            stopping_since = time.monotonic()
        if stopping_since is not None and time.monotonic() - stopping_since > STOP_GRACE_S:
            interrupts.leave_at_once()
    return done


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
