"""What an account may use: the plan of its site that its row names."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Literal

from stemhouse.sites.plans import SitePlan
from stemhouse.sites.schema import Format, Quality, Site

logger = logging.getLogger(__name__)

FREE_PLAN: Final = "free"
GUEST_PLAN: Final = "guest"

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
    max_songs: int | None
    """Songs in the account's whole life; None means that credits alone decide."""
    formats: tuple[str, ...]
    """Download formats, the usual one first."""
    qualities: tuple[str, ...]
    """Qualities, the usual one first."""


def plan_for(site: Site, name: str) -> Plan:
    """Return a plan of a site by the name that an account's row holds.

    An account keeps the name of its plan when the operator takes the plan out of the site file; it
    has the free one from then on.
    """
    if name not in site.plans:
        logger.warning("an account has a plan that its site lacks", extra={"plan": name})
        name = FREE_PLAN
    plan = site.plans[name]
    return Plan(
        name=name,
        max_upload_bytes=plan.max_upload_bytes,
        max_duration_s=plan.max_duration_s,
        max_running_jobs=plan.max_running_jobs,
        max_files_at_once=plan.max_files_at_once,
        retention_s=plan.retention_s,
        priority=plan.priority,
        max_songs=plan.max_songs,
        formats=tuple(formats_of(site, plan)),
        qualities=tuple(qualities_of(site, plan)),
    )


def formats_of(site: Site, plan: SitePlan) -> list[Format]:
    """Return the formats that a plan has of its site's."""
    return [one for one in site.formats if not plan.formats or one in plan.formats]


def qualities_of(site: Site, plan: SitePlan) -> list[Quality]:
    """Return the qualities that a plan has of its site's."""
    return [one for one in site.qualities if not plan.qualities or one in plan.qualities]


def takes_guests(site: Site) -> bool:
    """Whether people may try a song without an account."""
    return GUEST_PLAN in site.plans
