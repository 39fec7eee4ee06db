"""How the caller follows a download of weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """Where a download of weights stands.

    Attributes
    ----------
    file_name : str
        What is being fetched.
    done_bytes : int
        Bytes here so far.
    total_bytes : int or None
        Bytes in all; None while it is not known.
    """

    file_name: str
    done_bytes: int
    total_bytes: int | None


FetchCallback = Callable[[FetchProgress], None]
"""Called a few times a second at most, from the thread that called `ModelStore.pull`."""
