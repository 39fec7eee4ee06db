"""Passwords: hashed with Argon2id, so that a stolen database does not tell them.

Hashing takes tens of milliseconds on purpose: do it before the transaction begins, or every other
writer waits on SQLite.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 256
"""Hashing a longer text would cost more than it protects."""

# OWASP's second choice for Argon2id: 19 MiB and two passes, so that forty at once still fit.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """Return what is stored instead of a password."""
    return _hasher.hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Say whether a password is the stored one; takes as long where there is none to compare."""
    try:
        _hasher.verify(stored or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
