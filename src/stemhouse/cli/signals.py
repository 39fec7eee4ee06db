"""Ctrl-C and SIGTERM: the first asks for a clean stop, the second does not ask."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from stemhouse.engine.progress import CancelToken

SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """While entered, turns the first signal into a cancelled token.

    Handlers run in the main thread, between two of its instructions. So that they run at once, the
    work must be done by other threads, and the main thread must only wait.
    """

    def __init__(self) -> None:
        self.cancel = CancelToken()
        self.signal: int | None = None
        self.abandoned = False  # whether threads still work on what nobody waits for
        self.clean: Callable[[], None] | None = None  # what is left to do before leaving at once
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self  # Python hands signals to the main thread only; whoever owns it decides
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # Who started us with a signal ignored (nohup, a script's background job) meant it.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.signal is not None:
            return  # the process is about to end with the code of this signal, not of another
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """128 and the signal's number: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def leave_at_once(self) -> None:
        """End the process without waiting for threads that are inside a library's call."""
        if self.clean is not None:
            self.clean()
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), SHOW_CURSOR.encode())
        os._exit(self.exit_code)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            self.leave_at_once()
        self.signal = number
        self.cancel.cancel()
