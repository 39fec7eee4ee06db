"""What a key may be allowed to do."""

from __future__ import annotations

from typing import Final, Literal, get_args

Scope = Literal["account:read", "account:write", "uploads", "jobs:read", "jobs:write", "webhooks"]

ALL_SCOPES: Final[frozenset[str]] = frozenset(get_args(Scope))
"""What a person who is signed in may do."""

GUEST_SCOPES: Final[frozenset[str]] = frozenset({"uploads", "jobs:read", "jobs:write"})
