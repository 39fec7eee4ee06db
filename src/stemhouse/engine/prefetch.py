"""Run a producer ahead of its consumer, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_POLL_S = 0.05


class Prefetch(Generic[T]):
    """Iterates over `source` in a thread, a few items ahead.

    Decoding goes on while the network computes. The source is used by that thread alone. Leaving
    the context stops the thread, waits for it and closes a source that is a generator, whether or
    not the end was reached.

    Parameters
    ----------
    source : iterable
        The producer. What it raises is raised where its items are consumed.
    depth : int
        Most items waiting, ≥ 1.
    """

    def __init__(self, source: Iterable[T], depth: int) -> None:
        self._items: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._source = source
        self._thread = threading.Thread(target=self._produce, name="stemhouse-read", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._items.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item[0]

    def _produce(self) -> None:
        iterator = iter(self._source)
        outcome: BaseException | None = None
        try:
            for item in iterator:
                if not self._offer((item,)):
                    break
        except BaseException as error:  # noqa: BLE001 - handed to the consuming thread, whole
            outcome = error
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
        self._offer(outcome)

    def _offer(self, item: tuple[T] | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._items.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False
