"""Where a request for a takedown can stand, and what can happen to it."""

from __future__ import annotations

from typing import Final, Literal, get_args

TakedownState = Literal["received", "reviewing", "upheld", "rejected"]
TakedownRole = Literal["owner", "agent", "performer", "other"]
TakedownKind = Literal[
    "received", "reviewing", "note", "song_removed", "recording_blocked", "upheld", "rejected"
]

STATES: Final[tuple[str, ...]] = get_args(TakedownState)
ROLES: Final[tuple[str, ...]] = get_args(TakedownRole)
KINDS: Final[tuple[str, ...]] = get_args(TakedownKind)

_NEXT: Final[dict[str, frozenset[str]]] = {
    "received": frozenset({"reviewing", "upheld", "rejected"}),
    "reviewing": frozenset({"upheld", "rejected"}),
    # A decision may turn out wrong: it is then looked at again, and the history shows it.
    "upheld": frozenset({"reviewing"}),
    "rejected": frozenset({"reviewing"}),
}

CLOSED: Final = frozenset({"upheld", "rejected"})


def may_become(state: str, wanted: str) -> bool:
    """Whether a request may go from one state to another."""
    return wanted in _NEXT[state]
