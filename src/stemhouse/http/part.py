"""What a domain adds to an application: routes, something that lives while it runs, owned rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from sqlalchemy.orm import Session

from stemhouse.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedData:
    """What a domain keeps of an account, and how it leaves with the account.

    ``export`` returns JSON-serialisable rows without secrets. ``delete`` removes rows, and sees to
    it that files follow after the commit; domains higher up are asked first.
    """

    name: str
    export: Callable[[Session, str, str], Iterable[dict[str, Any]]]
    """Called with the session, site_id, account_id."""
    delete: Callable[[Session, str, str], None]
    """Called with the session, site_id, account_id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One domain's share of the application; api/parts.py lists them, lower domains first."""

    name: str
    routers: tuple[APIRouter, ...] = ()
    optional_routers: Callable[[Settings], tuple[APIRouter, ...]] = lambda _settings: ()
    """Routes that exist only where the settings turn their feature on."""
    lifespan: Callable[[FastAPI], AbstractContextManager[None]] | None = None
    """Entered when the application starts, left when it stops; ``app.state.services`` is there,
    and what later requests need may be put on ``app.state``."""
    owned: tuple[OwnedData, ...] = field(default=())
