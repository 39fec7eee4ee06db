"""What an application carries for its requests; ``app.state.services`` holds the one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from stemhouse.db.session import SessionFactory
from stemhouse.settings import Settings
from stemhouse.sites.book import SiteBook

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Settings, sites, database and clock of one application."""

    settings: Settings
    engine: Engine
    sessions: SessionFactory
    sites: SiteBook
    clock: Clock = utc_now
    with_worker: bool = False
    """Whether this process also separates songs (``stemhouse serve``)."""


def services_of(request: Request) -> Services:
    """Return what the application of a request carries."""
    services: Services = request.app.state.services
    return services


# Dependencies that only look something up are coroutines: others are each handed to a thread and
# back, which costs more than most requests do besides.
async def _services(request: Request) -> Services:
    return services_of(request)


async def _settings(request: Request) -> Settings:
    return services_of(request).settings


async def _now(request: Request) -> datetime:
    return services_of(request).clock()


CurrentServices = Annotated[Services, Depends(_services)]
CurrentSettings = Annotated[Settings, Depends(_settings)]
Now = Annotated[datetime, Depends(_now)]
"""The moment of the request, from the application's clock."""
