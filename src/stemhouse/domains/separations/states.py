"""The states of a job and the ways between them."""

from __future__ import annotations

from typing import Final, Literal

JobState = Literal["queued", "processing", "succeeded", "failed", "canceled", "expired"]

UNFINISHED: Final[tuple[JobState, ...]] = ("queued", "processing")
FINISHED: Final[tuple[JobState, ...]] = ("succeeded", "failed", "canceled", "expired")

NEXT: Final[dict[JobState, frozenset[JobState]]] = {
    "queued": frozenset({"processing", "succeeded", "failed", "canceled"}),
    # From processing back to processing: another attempt.
    "processing": frozenset({"processing", "succeeded", "failed", "canceled"}),
    "succeeded": frozenset({"expired"}),
    "failed": frozenset(),
    "canceled": frozenset(),
    "expired": frozenset(),
}
"""Where a job may go from each state; every other step is an error of ours."""


def sources_of(state: JobState) -> tuple[JobState, ...]:
    """Return the states from which a job may enter this one."""
    return tuple(source for source, targets in NEXT.items() if state in targets)
