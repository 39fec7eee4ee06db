"""Identifiers: a prefix that says of what, then 26 letters and digits that sort by time.

The letters are those of a ULID in lower case: 48 bits of milliseconds, then 80 random bits, so
that nobody can guess one from another.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_SHAPE: Final = re.compile(rf"[a-z]{{2,6}}_[0-7][{_ALPHABET}]{{25}}")
_RANDOM_BITS: Final = 80


def new_id(prefix: str) -> str:
    """Return a new identifier, such as ``job_01k9…``; later ones sort after earlier ones."""
    milliseconds = time.time_ns() // 1_000_000
    return _write(prefix, (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))


def new_id_after(prefix: str, last: str | None) -> str:
    """Return a new identifier that sorts after another one of its kind.

    For rows whose order counts, written one after the other: within a millisecond, and between
    machines whose clocks differ, `new_id` promises none.
    """
    fresh = new_id(prefix)
    if last is None or fresh > last:
        return fresh
    number = 0
    for letter in last.rpartition("_")[2]:
        number = number << 5 | _ALPHABET.index(letter)
    return _write(prefix, number + 1)


def _write(prefix: str, number: int) -> str:
    letters = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
    return f"{prefix}_{letters}"


def is_id(text: str, prefix: str) -> bool:
    """Say whether a text could be an identifier with this prefix."""
    return text.startswith(f"{prefix}_") and _SHAPE.fullmatch(text) is not None
