"""One command, measured from the outside: wall and CPU time, memory, the first second of output."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MEMORY_INTERVAL_S = 0.1
OUTPUT_INTERVAL_S = 0.005
# One second of stereo, 44.1 kHz, 16 bit. Files that are smaller per second are not watched.
FIRST_SECOND_BYTES = 44_100 * 2 * 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a command took.

    Attributes
    ----------
    wall_s, cpu_s : float
        Seconds from the start of the process to its end; seconds of processor time, of it and
        its children.
    peak_bytes : int
        Largest resident memory of the process and all its children together.
    first_second_s : float or None
        Seconds until a file under the output folder, finished or not, held a second of audio.
    output : str
        What the command printed.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    first_second_s: float | None
    output: str


class CommandFailed(Exception):
    """A measured command did not succeed, so there is nothing to measure."""


def measure(
    command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None
) -> Run:
    """Run `command`, which writes into the folder `output`, and measure it.

    The folder is emptied first. Memory is the larger of two: the kernel's own peak for the largest
    single process, which is exact, and the sum over the process tree, looked at ten times a second.
    """
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    with tempfile.TemporaryFile("w+") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        watch = _Watch(process.pid, output, started)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    return Run(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=max(watch.peak_bytes, usage.ru_maxrss * _MAXRSS_UNIT),
        first_second_s=watch.first_second_s,
        output=text,
    )


# The kernel of macOS counts in bytes, that of Linux in KiB.
_MAXRSS_UNIT = 1 if psutil.MACOS else 1024


class _Watch:
    """Looks at a running process tree and at the files it writes."""

    def __init__(self, pid: int, output: Path, started: float) -> None:
        self.peak_bytes = 0
        self.first_second_s: float | None = None
        self._root = psutil.Process(pid)
        self._output = output
        self._started = started
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch_memory, daemon=True),
            threading.Thread(target=self._watch_output, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _watch_memory(self) -> None:
        while not self._ended.wait(MEMORY_INTERVAL_S):
            self.peak_bytes = max(self.peak_bytes, self._resident_bytes())

    def _resident_bytes(self) -> int:
        total = 0
        try:
            for process in (self._root, *self._root.children(recursive=True)):
                total += process.memory_info().rss
        except psutil.Error:  # one of them ended while we looked
            pass
        return total

    def _watch_output(self) -> None:
        # A last look after the end, for output that appears all at once.
        while self.first_second_s is None:
            ended = self._ended.wait(OUTPUT_INTERVAL_S)
            if _largest_file(self._output) >= FIRST_SECOND_BYTES:
                self.first_second_s = time.perf_counter() - self._started
            if ended:
                return


def _largest_file(folder: Path) -> int:
    largest = 0
    try:
        for entry in os.scandir(folder):
            below = _largest_file(Path(entry.path)) if entry.is_dir() else entry.stat().st_size
            largest = max(largest, below)
    except OSError:  # renamed or removed while we looked
        pass
    return largest
