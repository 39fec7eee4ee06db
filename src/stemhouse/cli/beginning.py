"""What a process begins with stays until its end: modules, tables, routes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_good() -> Iterator[None]:
    """Look for no garbage among what is made in here, now or later.

    Python would look through all modules again and again while they are imported, which was a fifth
    of what the start of a worker took.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
