"""What an account may use. Until there are site files, limits come from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stemhouse.settings import Settings

DEFAULT_SITE = "default"
"""The one site there is until site files are read."""

AccountKind = Literal["user", "guest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Limits of an account; every one is checked where the thing happens."""

    name: str
    max_upload_bytes: int
    max_duration_s: float
    max_running_jobs: int
    max_files_at_once: int
    """Unfinished jobs an account may have, running ones included."""
    retention_s: float
    priority: int
    """Tier in the queue: lower runs first; 1 or more, because 0 is 'unset' to the queue."""
    free_credits_s: int
    """Seconds of audio granted to a new account."""
    max_songs: int | None
    """Songs in the account's whole life; None means that credits alone decide."""


def plan_for(kind: AccountKind, name: str, settings: Settings) -> Plan:
    """Return the plan of an account by its kind and the name that its row holds."""
    guest = kind == "guest"
    max_duration_s = settings.max_duration_s
    return Plan(
        name=name,
        max_upload_bytes=settings.max_upload_bytes,
        max_duration_s=min(max_duration_s, settings.guest_max_duration_s)
        if guest
        else max_duration_s,
        max_running_jobs=min(1, settings.max_running_jobs) if guest else settings.max_running_jobs,
        max_files_at_once=1 if guest else settings.max_files_at_once,
        retention_s=settings.guest_retention_s if guest else settings.retention_s,
        priority=20 if guest else 10,
        free_credits_s=settings.free_credits_s,
        max_songs=settings.guest_songs if guest else None,
    )
