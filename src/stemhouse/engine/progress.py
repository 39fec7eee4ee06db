"""How the caller follows and stops a separation: typed progress and a cancellation token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from stemhouse.errors import Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a separation stands.

    Attributes
    ----------
    done_samples : int
        Samples per channel of the source, at its own rate, that are separated and handed on.
    total_samples : int or None
        Length of the source in the same unit; None while it is not known. An estimate from the
        container until the end has been read, exact afterwards.
    elapsed_s : float
        Seconds since the separation began.
    sample_rate : int
        Rate of the source in Hz, so that samples can be shown as time.

    Examples
    --------
    >>> from stemhouse import Progress
    >>> progress = Progress(done_samples=1, total_samples=4, elapsed_s=2.0, sample_rate=44_100)
    >>> progress.fraction, progress.remaining_s
    (0.25, 6.0)
    """

    done_samples: int
    total_samples: int | None
    elapsed_s: float
    sample_rate: int

    @property
    def fraction(self) -> float | None:
        """Share done, 0.0 to 1.0; None while the total is not known."""
        if self.total_samples is None:
            return None
        if self.total_samples <= 0:
            return 1.0
        return min(1.0, self.done_samples / self.total_samples)

    @property
    def remaining_s(self) -> float | None:
        """Seconds left at the speed so far; None while nothing can be said."""
        share = self.fraction
        if share is None or share <= 0.0:
            return None
        return self.elapsed_s * (1.0 - share) / share


ProgressCallback = Callable[[Progress], None]
"""Called from the thread that runs the separation, a few times a second at most."""


class CancelToken:
    """Lets another thread, or a signal handler, stop a separation between two blocks.

    Examples
    --------
    >>> from stemhouse import CancelToken
    >>> token = CancelToken()
    >>> token.cancelled
    False
    >>> token.cancel()
    >>> token.cancelled
    True
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask for the separation to stop. May be called from any thread, more than once."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the separation to stop."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if somebody asked for the separation to stop."""
        if self._event.is_set():
            raise Cancelled("the separation was cancelled")
