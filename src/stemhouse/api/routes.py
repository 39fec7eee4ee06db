"""The routes of all parts, joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from starlette.routing import BaseRoute

from stemhouse.api import health
from stemhouse.domains.accounts.direct import DirectRoute
from stemhouse.http.part import Part
from stemhouse.http.schemas import ErrorBody
from stemhouse.settings import Settings

_joined: dict[tuple[int, ...], APIRouter] = {}


def routers_of(parts: Sequence[Part], settings: Settings) -> list[APIRouter]:
    """Return the routers of an application with these parts."""
    routers = [health.router]
    for part in parts:
        routers += (*part.routers, *part.optional_routers(settings))
    return routers


def join_routes(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    """Return the routes of all `routers`, in their order.

    FastAPI works a route's parameters out anew wherever its router is included, which takes longer
    than most requests. So routers are joined once, and every application of this process that has
    the same ones shares what was worked out.
    """
    routers = tuple(routers)
    key = tuple(map(id, routers))
    if key not in _joined:
        joined = APIRouter(
            responses={
                "4XX": {"model": ErrorBody, "description": "Refused; the body says why."},
                "5XX": {"model": ErrorBody, "description": "Our fault, or something we depend on."},
            }
        )
        for router in routers:
            joined.include_router(router)
        _joined[key] = joined  # keeps the routers, and so their ids
    return _joined[key].routes


def often_first(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Return joined routes in the order in which a request is held against them.

    That happens one after the other, and would take as long as the answer for what is asked most
    of all. No address has two routes (a test), so the order changes nothing else.
    """
    return sorted(routes, key=lambda joined: not _has_direct(joined))


def _has_direct(joined: BaseRoute) -> bool:
    router: APIRouter = joined.original_router  # type: ignore[attr-defined]  # what FastAPI joins
    return any(isinstance(route, DirectRoute) for route in router.routes)
