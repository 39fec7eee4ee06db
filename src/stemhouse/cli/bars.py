"""Moving bars on a terminal. rich is imported here and nowhere else: only terminals wait for it."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from stemhouse.cli.errors import one_line
from stemhouse.cli.outcome import Outcome, Summary, clock, describe, describe_summary, time_left

if TYPE_CHECKING:
    from stemhouse.cli.songs import Song
    from stemhouse.engine.progress import Progress


def error_console() -> Console:
    """Return a console on standard error; it honours NO_COLOR."""
    return Console(stderr=True, highlight=False)


def print_red(text: str) -> None:
    """Write one error to the terminal."""
    error_console().print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)


class BarReporter:
    """A bar for each song in work, and one for all of them."""

    def __init__(self) -> None:
        self._console = error_console()
        self._bars: Bars | None = None
        self._overall: TaskID | None = None
        self._working: TaskID | None = None
        self._songs: dict[str, TaskID] = {}
        self._shares: dict[str, float] = {}
        self._began, self._total = time.monotonic(), 0.0
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        self._console.print(text, style="dim", markup=False)

    def begin(self, total: int) -> None:
        self._bars = _bars(self._console)
        self._bars.start()
        self._began, self._total = time.monotonic(), float(total)
        if total > 1:
            self._overall = self._bars.add_task(f"{total} songs", total=float(total), left="")

    def working(self, text: str, fraction: float | None = None) -> None:
        if self._bars is None:
            return
        with self._lock:
            if self._working is None:
                self._working = self._bars.add_task(text, total=None, left="")
        self._bars.update(
            self._working, description=text, total=1.0 if fraction else None, completed=fraction
        )

    def started(self, song: Song) -> None:
        if self._bars is None:
            return
        self._end_working()
        with self._lock:
            self._songs[str(song.path)] = self._bars.add_task(_cut(song.shown), total=None, left="")

    def progress(self, song: Song, progress: Progress) -> None:
        task = self._songs.get(str(song.path))
        if self._bars is not None and task is not None:
            share = progress.fraction
            self._bars.update(
                task,
                total=None if share is None else 1.0,
                completed=share or 0.0,
                left=time_left(progress),
            )
            self._tell_overall(song, share or 0.0)

    def finished(self, outcome: Outcome) -> None:
        task = self._songs.pop(str(outcome.song.path), None)
        if self._bars is not None and task is not None:
            self._bars.remove_task(task)
        self._tell_overall(outcome.song, 1.0)
        if outcome.status == "failed" and outcome.error is not None:
            text = f"{outcome.song.shown}: {one_line(outcome.error)}"
            self._console.print(f"[bold red]error:[/] {escape(text)}")
        elif outcome.status == "done":
            self._result(describe(outcome))

    def end(self, summary: Summary) -> None:
        self.close()
        self._result(describe_summary(summary))

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _tell_overall(self, song: Song, share: float) -> None:
        """Move the bar of all songs. They count alike: how long the next ones are is not known."""
        if self._bars is None or self._overall is None:
            return
        with self._lock:
            self._shares[str(song.path)] = share
            done = sum(self._shares.values())
        total = max(self._total, done)
        left = (time.monotonic() - self._began) * (total - done) / done if done > 0 else None
        text = "" if left is None else f"{clock(left)} left"
        self._bars.update(self._overall, completed=done, left=text)

    def _end_working(self) -> None:
        with self._lock:
            if self._working is not None and self._bars is not None:
                self._bars.remove_task(self._working)
                self._working = None

    def _result(self, text: str) -> None:
        # Where both streams are the terminal, the line must go above the bars, not through them.
        if sys.stdout.isatty():
            self._console.print(text, markup=False, soft_wrap=True)
        else:
            print(text, flush=True)


def _cut(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _bars(console: Console) -> Bars:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", style="progress.remaining"),
    )
    # rich would send standard output to standard error: a pipe must still get its lines.
    return Bars(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty())
