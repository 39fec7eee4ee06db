"""Run the windows of a song side by side and put the results in order.

The windows are independent, so as many are in work as there are threads; a little more is prepared
so that no thread waits. What is in flight is bounded by the number of threads, never by the song.
Results are taken in order and added in order: samples do not depend on which thread was quicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.progress import CancelToken
from stemhouse.engine.separation import Analysis, Computation
from stemhouse.engine.windows import Window


class Pipeline:
    """Turns windows into the samples of every group.

    Parameters
    ----------
    computation : Computation
        What to compute.
    threads : int
        Windows in work at the same time.
    cancel : CancelToken
        Looked at between windows.

    Attributes
    ----------
    network_s : float
        Seconds the network worked so far, added up over threads.
    """

    def __init__(self, computation: Computation, threads: int, cancel: CancelToken) -> None:
        self._computation = computation
        self._threads = threads
        self._cancel = cancel
        self.network_s = 0.0

    def run(
        self, windows: Iterable[Window], length_samples: Callable[[], int]
    ) -> Iterator[Samples]:
        """Separate.

        Parameters
        ----------
        windows : iterable of Window
            In order; read from the calling thread.
        length_samples : callable
            Samples per channel read so far; the song's length once `windows` has ended.

        Yields
        ------
        ndarray of float32, shape (G, C, T')
            Successive samples of every group. All together are as long as the song.

        Raises
        ------
        Cancelled
            The token says so.
        DeviceLost
            The network failed.
        """
        stft = self._computation.grid.stft
        drop, given = stft.lead_samples, 0
        tail: Samples | None = None
        for chunk in self._chunks(windows):
            if tail is not None:
                chunk[..., : tail.shape[-1]] += tail
            ready = chunk.shape[-1] - stft.overlap_samples
            tail = chunk[..., ready:]
            # The lead before the song is dropped, and what lies behind its end.
            piece = chunk[..., min(drop, ready) : ready]
            drop -= min(drop, ready)
            piece = piece[..., : length_samples() - given]
            given += piece.shape[-1]
            if piece.shape[-1]:
                yield piece

    def _chunks(self, windows: Iterable[Window]) -> Iterator[Samples]:
        ahead = self._threads + 1
        source = iter(windows)
        analysing: deque[tuple[int, Future[Analysis]]] = deque()
        analyses: dict[int, Analysis] = {}
        synthesising: deque[Future[Samples]] = deque()
        passes = self._computation.grid.passes
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="stemhouse-separate")
        try:
            while True:
                self._cancel.raise_if_cancelled()
                while len(analysing) < ahead and (window := next(source, None)) is not None:
                    future = pool.submit(self._computation.analyse, window)
                    analysing.append((window.index, future))
                if not analysing:
                    break
                index, first = analysing.popleft()
                analyses[index] = first.result()
                self.network_s += analyses[index].network_s
                seen = dict(analyses)
                synthesising.append(pool.submit(self._computation.synthesise, index, seen))
                # The next chunk is seen by windows from index - passes + 2 on.
                analyses.pop(index - passes + 1, None)
                if len(synthesising) > 1 or synthesising[0].done():
                    yield synthesising.popleft().result()
            for future_samples in synthesising:
                yield future_samples.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class SampleQueue:
    """Samples that wait until as many of another stream are there.

    Parameters
    ----------
    channels : int
        C.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._blocks: deque[Samples] = deque()
        self.filled = 0

    def append(self, block: Samples) -> None:
        """Put samples, (C, T), at the end."""
        self._blocks.append(block)
        self.filled += block.shape[1]

    def take(self, length: int) -> Samples:
        """Return the first `length` samples, (C, length), at most as many as there are."""
        parts: list[Samples] = [np.zeros((self._channels, 0), np.float32)]
        missing = min(length, self.filled)
        self.filled -= missing
        while missing:
            block = self._blocks.popleft()
            if block.shape[1] > missing:
                self._blocks.appendleft(block[:, missing:])
                block = block[:, :missing]
            missing -= block.shape[1]
            parts.append(block)
        return np.concatenate(parts, axis=1)
