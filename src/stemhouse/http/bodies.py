"""How large the body of a request may be: small, unless its route reads the body block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

MOST_BYTES: Final = 1_048_576
"""What is read into the memory as a whole. The largest that we ask for is a fifth of it."""


def reads_blocks(endpoint: Endpoint) -> Endpoint:
    """Mark a route that reads its body block by block and has a limit of its own."""
    endpoint.reads_blocks = True  # type: ignore[attr-defined]
    return endpoint


def limit_of(endpoint: object) -> int | None:
    """Return the limit for a route's body in bytes; None where it has its own."""
    return None if getattr(endpoint, "reads_blocks", False) else MOST_BYTES
