"""What a key may look like. Keys are made by us, never from a user's file name."""

from __future__ import annotations

import re

from stemhouse.errors import InvalidOption

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
# 255 bytes is what file systems allow; local writes add a short suffix to the temporary name.
_MAX_PART_CHARACTERS = 200
_MAX_KEY_CHARACTERS = 800  # S3 allows 1,024 bytes, of which a configured prefix takes some


def check_key(key: str) -> str:
    """Return `key` if it is one that both a folder and S3 can hold, exactly as it is written.

    Parts are letters, digits, ``.``, ``_`` and ``-`` and begin with a letter, a digit or ``_``, so
    that neither ``..`` nor a hidden file can be named and nothing needs to be escaped in a link.

    Raises
    ------
    InvalidOption
        It is another text.
    """
    fits = len(key) <= _MAX_KEY_CHARACTERS and all(
        len(part) <= _MAX_PART_CHARACTERS for part in key.split("/")
    )
    if not fits or _KEY.fullmatch(key) is None:
        raise InvalidOption(
            "a storage key is made of letters, digits, '.', '_' and '-' in parts that '/' separates"
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` if it names whole parts of keys: it ends in ``/``.

    A prefix without the slash would delete ``job_12`` together with ``job_1``.
    """
    if not prefix.endswith("/"):
        raise InvalidOption("a prefix of storage keys ends in '/'")
    check_key(prefix[:-1])
    return prefix
