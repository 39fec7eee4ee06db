"""Errors as pages, for people who opened an address in a browser; programs get JSON."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response

from stemhouse.pages.rendering import answer
from stemhouse.pages.scene import Scene, Sheet, scene_of
from stemhouse.pages.visitor import Visitor, visitor_of

_NOT_FOR_PEOPLE = ("/v1/", "/assets/", "/openapi.json", "/healthz", "/readyz", "/metrics")


def wants_page(request: Request) -> bool:
    """Whether a browser asked for something that a person would look at."""
    state = request.scope.get("state", {})
    if request.method not in ("GET", "HEAD") or "place" not in state:
        return False
    path = request.scope["path"].removeprefix(state["place"].root_path)
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_NOT_FOR_PEOPLE)


def not_found_page(request: Request) -> Response:
    """Return the page for addresses at which nothing is."""
    scene = scene_of(request, visitor_of(request))
    texts = (scene.say("error.not_found_title"), scene.say("error.not_found_text"))
    return answer(request, scene, _sheet(texts, HTTPStatus.NOT_FOUND, scene))


def failed_page(request: Request, request_id: str) -> Response:
    """Return the page for our own failures: it asks nothing that may have failed as well."""
    scene = scene_of(request, Visitor())
    text = scene.say("error.failed_text", email=scene.site.operator.email, id=request_id)
    texts = (scene.say("error.failed_title"), text)
    return answer(request, scene, _sheet(texts, HTTPStatus.INTERNAL_SERVER_ERROR, scene))


def _sheet(texts: tuple[str, str], status: HTTPStatus, scene: Scene) -> Sheet:
    heading, text = texts
    return Sheet(
        template="error.html",
        title=heading,
        description=scene.site_texts.description,
        indexed=False,
        values={"heading": heading, "text": text, "status": status.value},
        status=status,
    )
