"""Delivers webhooks by itself, for a fake that nobody drives by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from stemhouse.testing.stripe.server import FakeStripe

EVERY_S: Final = 0.25
PATIENCE_S: Final = 5.0


@contextmanager
def delivering(fake: FakeStripe) -> Iterator[None]:
    """Deliver what waits and let happen what is due, again and again."""
    stopped = threading.Event()

    def run() -> None:
        pause_s = EVERY_S
        while not stopped.wait(pause_s):
            statuses: list[int] = []
            for seller in fake.sellers.values():
                seller.catch_up()
                statuses += [] if seller.post.held else seller.post.deliver()
            refused = any(not 200 <= status < 300 for status in statuses)
            pause_s = PATIENCE_S if refused else EVERY_S

    thread = threading.Thread(target=run, name="deliveries", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
