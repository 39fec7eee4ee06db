"""The worker's end of the child: start it, hand it a song, stop it, understand how it died."""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from stemhouse.errors import OutOfMemory, SeparationCrashed, StemhouseError, Timeout
from stemhouse.jobs.child.limits import resident_bytes
from stemhouse.jobs.child.messages import (
    ChildEvent,
    SeparationTask,
    decode_event,
    encode_cancel,
    encode_task,
    rebuild_error,
)

_log = logging.getLogger(__name__)

_TICK_S = 0.05
"""Between two looks at memory, time and what the worker wants: a twentieth of what is promised."""

_STOP_GRACE_S = 0.5
"""For the child to stop between two blocks; afterwards it is killed. A second is promised from the
wish to the end, and the worker looks for wishes four times in it."""

EXIT_OUT_OF_MEMORY = 71
"""Exit code of a child that ran into its memory limit and knew it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOptions:
    """How a child runs.

    Attributes
    ----------
    memory_bytes : int or None
        Most memory it may have in use; None is no limit.
    stall_s : float
        Longest silence before it is held to be stuck. The first song of a model compiles the
        network, which takes a few seconds.
    models_folder : str or None
        Where weights are kept; None is the user's cache folder.
    provider, device, precision : str
        Runtime of the network, as `RuntimeOptions` takes them.
    threads : int or None
        Processor threads of the runtime; None is the runtime's choice.
    command : sequence of str
        What is started. Tests start children that misbehave.
    """

    memory_bytes: int | None = None
    stall_s: float = 120.0
    models_folder: str | None = None
    provider: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    command: Sequence[str] = field(
        default_factory=lambda: (sys.executable, "-m", "stemhouse.jobs.child")
    )

    def arguments(self) -> list[str]:
        """Return the command line."""
        given = {
            "--memory-bytes": self.memory_bytes,
            "--models": self.models_folder,
            "--provider": self.provider,
            "--device": self.device,
            "--precision": self.precision,
            "--threads": self.threads,
        }
        pairs = [(name, str(value)) for name, value in given.items() if value is not None]
        return [*self.command, *(part for pair in pairs for part in pair)]


class SeparationChild:
    """A warm child process. One song at a time; started when it is first needed."""

    def __init__(self, options: ChildOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        # Our end of a pipe that the system closes when this process ends, and the child with it.
        self._lifeline: int | None = None
        self._events: queue.Queue[ChildEvent | None] = queue.Queue()
        self._busy = False
        # Whether waiting for the child to stop by itself would be waiting in vain.
        self._given_up = False

    @property
    def process_id(self) -> int | None:
        """The child's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def run(
        self,
        task: SeparationTask,
        *,
        on_event: Callable[[ChildEvent], None],
        look: Callable[[], None],
    ) -> Mapping[str, Any]:
        """Separate one song and return what the child says of the result.

        Parameters
        ----------
        task : SeparationTask
            The song.
        on_event : callable
            Told of progress and finished files, from the calling thread.
        look : callable
            Called many times a second. What it or `on_event` raises stops the song: between two
            blocks, and if the child does not heed that, by its end.

        Raises
        ------
        OutOfMemory, SeparationCrashed, Timeout
            The child died or hung.
        StemhouseError
            What the engine raised in the child.
        """
        try:
            self._start()
            self._send(encode_task(task))
            return self._follow(task, on_event, look)
        except BaseException:
            self._settle_down(task)
            raise

    def warm(self) -> None:
        """Start the child ahead of the first song."""
        self._start()

    def kill(self) -> None:
        """End the child at once; the next song starts another one."""
        process, self._process = self._process, None
        self._busy = self._given_up = False
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close(pipe)
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def _start(self) -> None:
        if self.process_id is not None:
            return
        self.kill()
        self._events = queue.Queue()
        childs_end, self._lifeline = os.pipe()
        self._process = subprocess.Popen(
            [*self._options.arguments(), "--lifeline", str(childs_end)],
            pass_fds=(childs_end,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # Signals meant for the worker's terminal are the worker's to pass on.
            start_new_session=True,
        )
        os.close(childs_end)
        assert self._process.stdout is not None
        threading.Thread(
            target=_read_events,
            args=(self._process.stdout, self._events),
            name="child-events",
            daemon=True,
        ).start()

    def _send(self, line: str) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        self._busy = True
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except (BrokenPipeError, ValueError):
            # It is gone, or being ended (a closed file is a ValueError); `_follow` finds out.
            return

    def _follow(
        self,
        task: SeparationTask,
        on_event: Callable[[ChildEvent], None],
        look: Callable[[], None],
    ) -> Mapping[str, Any]:
        heard = time.monotonic()
        while True:
            event = self._next_event()
            if event is not None:
                heard = time.monotonic()
                if event.task_id == task.task_id:
                    if event.kind in {"done", "error"}:
                        self._busy = False
                        return _outcome(event)
                    on_event(event)
            self._watch_memory()
            look()
            if time.monotonic() - heard > self._options.stall_s:
                self._given_up = True
                raise Timeout(
                    f"the separation said nothing for {self._options.stall_s:.0f} s and was ended"
                )

    def _next_event(self) -> ChildEvent | None:
        try:
            event = self._events.get(timeout=_TICK_S)
        except queue.Empty:
            return None
        if event is None:
            raise self._death()
        return event

    def _settle_down(self, task: SeparationTask) -> None:
        """Get back to a child without a song: let it stop between two blocks, or end it."""
        patience = time.monotonic() + (0 if self._given_up else _STOP_GRACE_S)
        if self._busy and time.monotonic() < patience:
            self._send(encode_cancel(task.task_id))
        while self._busy and time.monotonic() < patience:
            try:
                event = self._events.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if event is None:
                break
            self._busy = event.task_id != task.task_id or event.kind not in {"done", "error"}
        if self._busy:
            self.kill()

    def _watch_memory(self) -> None:
        limit, process = self._options.memory_bytes, self._process
        if limit is None or process is None:
            return
        used = resident_bytes(process.pid)
        if used is not None and used > limit:
            self._given_up = True
            raise OutOfMemory(
                "the separation needed more memory than it may take", limit_bytes=limit
            )

    def _death(self) -> StemhouseError:
        self._given_up = True
        process = self._process
        if process is None:
            # Somebody else's `kill`: the worker is being stopped.
            return SeparationCrashed("the separation was ended")
        code = process.wait()
        _log.warning("separation child ended", extra={"exit_code": code})
        return death_error(code)


def death_error(code: int) -> StemhouseError:
    """Return what an exit code, or the negative of a signal, of the child means.

    Returns
    -------
    StemhouseError
        `OutOfMemory` for the signal that the system's own memory guard sends, and for the child's
        own word; `SeparationCrashed` for everything else.
    """
    if code in {-signal.SIGKILL, EXIT_OUT_OF_MEMORY}:
        return OutOfMemory("the separation was ended because memory ran out")
    if code < 0:
        name = signal.Signals(-code).name
        return SeparationCrashed(f"the separation crashed ({name})", signal=name)
    return SeparationCrashed(f"the separation crashed (exit code {code})", exit_code=code)


def _outcome(event: ChildEvent) -> Mapping[str, Any]:
    if event.kind == "error":
        raise rebuild_error(event.data)
    return event.data


def _read_events(pipe: IO[str], events: queue.Queue[ChildEvent | None]) -> None:
    """Pass the child's lines on until its end of the pipe closes; then None."""
    try:
        for line in pipe:
            events.put(decode_event(line))
    except (ValueError, OSError):
        # Half a line of a dying child, or our own end closed under us.
        _log.debug("the child's pipe broke off")
    finally:
        events.put(None)


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except OSError:
        return
