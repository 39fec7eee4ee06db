"""What a person sees: progress with time left, results, notices, errors.

Results go to standard output. Progress, notes and errors go to standard error, so that standard
output can be piped. Without a terminal there is a line where there would be a moving bar.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stemhouse.cli.errors import log_internal_error, one_line
from stemhouse.cli.outcome import Outcome, Summary, describe, describe_summary, how_far

if TYPE_CHECKING:
    from stemhouse.cli.songs import Song
    from stemhouse.engine.progress import Progress

PLAIN_INTERVAL_S = 10.0
"""Seconds between two lines about a song where lines stand in for a bar."""


class Reporter(Protocol):
    """One way to tell a person, or a program, how a batch goes on. Called from several threads."""

    def note(self, text: str) -> None: ...
    def begin(self, total: int) -> None: ...
    def working(self, text: str, fraction: float | None = None) -> None: ...
    def started(self, song: Song) -> None: ...
    def progress(self, song: Song, progress: Progress) -> None: ...
    def finished(self, outcome: Outcome) -> None: ...
    def end(self, summary: Summary) -> None: ...
    def close(self) -> None: ...


def choose_reporter(*, as_json: bool, quiet: bool) -> Reporter:
    """Choose by what was asked for and by what standard error is."""
    if as_json:
        return JsonReporter()
    if quiet:
        return QuietReporter()
    if not sys.stderr.isatty():
        return PlainReporter()
    from stemhouse.cli.bars import BarReporter

    return BarReporter()


class QuietReporter:
    """Errors and nothing else."""

    def note(self, text: str) -> None:
        pass

    def begin(self, total: int) -> None:
        pass

    def working(self, text: str, fraction: float | None = None) -> None:
        pass

    def started(self, song: Song) -> None:
        pass

    def progress(self, song: Song, progress: Progress) -> None:
        pass

    def finished(self, outcome: Outcome) -> None:
        if outcome.status == "failed" and outcome.error is not None:
            print_error(outcome.error, about=outcome.song.shown)

    def end(self, summary: Summary) -> None:
        pass

    def close(self) -> None:
        pass


class JsonReporter(QuietReporter):
    """One JSON object per song as it is done, and one about all of them at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def finished(self, outcome: Outcome) -> None:
        super().finished(outcome)
        self._write(outcome.as_dict())

    def end(self, summary: Summary) -> None:
        self._write(summary.as_dict())

    def _write(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            print_json(values)


class PlainReporter(QuietReporter):
    """Lines, for logs and pipes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._total = 0
        self._begun = 0

    def note(self, text: str) -> None:
        self._tell(text)

    def begin(self, total: int) -> None:
        self._total = total

    def working(self, text: str, fraction: float | None = None) -> None:
        if self._is_due(text):
            self._tell(text + (f": {fraction:.0%}" if fraction else ""))

    def started(self, song: Song) -> None:
        self._begun += 1
        place = f"[{self._begun}/{self._total}] " if self._total > 1 else ""
        self._is_due(str(song.path))
        self._tell(f"{place}separating {song.shown}")

    def progress(self, song: Song, progress: Progress) -> None:
        if self._is_due(str(song.path)):
            self._tell(f"{song.shown}: {how_far(progress)}")

    def finished(self, outcome: Outcome) -> None:
        super().finished(outcome)
        if outcome.status == "done":
            self._result(describe(outcome))

    def end(self, summary: Summary) -> None:
        self._result(describe_summary(summary))

    def _is_due(self, subject: str) -> bool:
        now = time.monotonic()
        with self._lock:
            due = now - self._told.get(subject, -PLAIN_INTERVAL_S) >= PLAIN_INTERVAL_S
            if due:
                self._told[subject] = now
        return due

    def _tell(self, text: str) -> None:
        with self._lock:
            print(text, file=sys.stderr, flush=True)

    def _result(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)


def print_error(error: BaseException, about: str = "") -> None:
    """Write one line about an error, and the file it is `about`, to standard error."""
    text = one_line(error)
    name = Path(about).name
    if about and text.startswith(f"{name} "):
        # The error begins with the file's name: it needs the way to it only.
        text = about + text.removeprefix(name)
    elif about:
        text = f"{about}: {text}"
    if sys.stderr.isatty():
        from stemhouse.cli.bars import print_red

        print_red(text)
    else:
        print(f"error: {text}", file=sys.stderr, flush=True)


def explain_fault(error: BaseException, *, verbose: bool) -> None:
    """Say where the traceback of a fault of ours is kept; show it where it was asked for."""
    if verbose:
        traceback.print_exception(error)
    path = log_internal_error(error)
    print(f"This is a fault of Stemhouse: please report it with {path}", file=sys.stderr)


def print_json(values: Mapping[str, Any]) -> None:
    """Write one JSON object as one line to standard output."""
    print(json.dumps(values, allow_nan=False, default=str), flush=True)
