"""Every page has an address in each language; this makes both from one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from stemhouse.errors import NotFound
from stemhouse.http.sites import TheSite
from stemhouse.pages.language import languages_of
from stemhouse.pages.rendering import show
from stemhouse.pages.scene import Scene, Sheet, TheScene
from stemhouse.pages.texts import languages


def _offered(language: str) -> Callable[[TheSite], None]:
    def check(site: TheSite) -> None:
        if language not in languages_of(site):
            raise NotFound("this site does not speak that language")

    return check


def page_router() -> APIRouter:
    """Return a router for pages."""
    return APIRouter(include_in_schema=False)


def add_page(
    router: APIRouter, path: str, make: Callable[[Scene, Request], Sheet], *, name: str
) -> None:
    """Give a page its addresses: the plain one, and one for each language that we have."""

    def answer(request: Request, scene: TheScene) -> Response:
        return show(request, scene, make(scene, request))

    options: dict[str, Any] = {"methods": ["GET", "HEAD"], "name": f"page_{name}"}
    router.add_api_route(path, answer, **options)
    for language in languages():
        dependencies = [Depends(_offered(language))]
        router.add_api_route(f"/{language}{path}", answer, dependencies=dependencies, **options)


def add_form(
    router: APIRouter, path: str, take: Callable[..., Response], *, dependencies: list[Any]
) -> None:
    """Give what a page's form is sent to its addresses."""
    for language in ("", *languages()):
        checks = [Depends(_offered(language))] if language else []
        router.add_api_route(
            f"/{language}{path}" if language else path,
            take,
            methods=["POST"],
            dependencies=[*checks, *dependencies],
        )
