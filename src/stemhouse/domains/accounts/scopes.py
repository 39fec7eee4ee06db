"""What a key may be allowed to do."""

from __future__ import annotations

from typing import Final, Literal, get_args

Scope = Literal[
    "account:read", "account:write", "uploads", "jobs:read", "jobs:write", "webhooks", "admin"
]

ALL_SCOPES: Final[frozenset[str]] = frozenset(get_args(Scope))
"""What a key may be made for; `admin` does nothing for whoever operates nothing."""

USER_SCOPES: Final[frozenset[str]] = ALL_SCOPES - {"admin"}
"""What a person who is signed in may do."""

GUEST_SCOPES: Final[frozenset[str]] = frozenset({"uploads", "jobs:read", "jobs:write"})
