"""Errors as pages, for people who opened an address in a browser; programs get JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from stemhouse.errors import StemhouseError
from stemhouse.pages.language import language_of_visitor
from stemhouse.pages.rendering import answer
from stemhouse.pages.scene import Scene, Sheet, scene_of
from stemhouse.pages.visitor import Visitor, visitor_of
from stemhouse.pages.wording import length

_SIGNING_IN: Final = "/v1/openid/"
"""The one part of the API at which browsers arrive by themselves: a provider sends them there."""

_REASONS: Final = frozenset(
    {
        "blocked",
        "closed",
        "conflict",
        "mail_refused",
        "no_address",
        "provider_failed",
        "rate_limited",
        "unauthenticated",
    }
)
"""What there is a text for, in the section ``sign_in_refused``."""

_NOT_FOR_PEOPLE: Final = ("/v1/", "/assets/", "/openapi.json", "/healthz", "/readyz", "/metrics")


def wants_page(request: Request) -> bool:
    """Whether a browser asked for something that a person would look at."""
    path = _path_for_people(request)
    return is_signing_in(request) or (path is not None and not path.startswith(_NOT_FOR_PEOPLE))


def is_signing_in(request: Request) -> bool:
    """Whether a browser is on its way to or from an OpenID provider."""
    return (_path_for_people(request) or "").startswith(_SIGNING_IN)


def not_found_page(request: Request) -> Response:
    """Return the page for addresses at which nothing is."""
    scene = _scene(request, visitor_of(request))
    texts = (scene.say("error.not_found_title"), scene.say("error.not_found_text"))
    return answer(request, scene, _sheet(texts, HTTPStatus.NOT_FOUND, scene))


def failed_page(request: Request, request_id: str) -> Response:
    """Return the page for our own failures: it asks nothing that may have failed as well."""
    scene = _scene(request, Visitor())
    text = scene.say("error.failed_text", email=scene.site.operator.email, id=request_id)
    texts = (scene.say("error.failed_title"), text)
    return answer(request, scene, _sheet(texts, HTTPStatus.INTERNAL_SERVER_ERROR, scene))


def not_signed_in_page(
    request: Request, error: StemhouseError, status: int, headers: Mapping[str, str]
) -> Response:
    """Return the page for who comes from a provider and is not let in: why, and what to do."""
    # The address of a way back holds a code: the page is nobody else's, and nothing keeps it.
    scene = _scene(request, Visitor())
    told = (error.details.get("reason"), error.code)
    text = scene.say(
        f"sign_in_refused.{next((one for one in told if one in _REASONS), 'failed')}",
        email=scene.site.operator.email,
        wait=_wait(error, scene.language),
    )
    sheet = _sheet((scene.say("sign_in_refused.title"), text), status, scene)
    way = {"path": "/sign-in", "text": scene.say("sign_in_refused.back")}
    found = answer(request, scene, replace(sheet, secret=True, values={**sheet.values, "way": way}))
    found.headers.update(headers)
    return found


def _scene(request: Request, visitor: Visitor) -> Scene:
    # No page led its visitor to the address of their language: an address that has none is in the
    # one they would be led to.
    scene = scene_of(request, visitor)
    if scene.language != scene.languages()[0]:
        return scene
    return replace(scene, language=language_of_visitor(request))


def _path_for_people(request: Request) -> str | None:
    state = request.scope.get("state", {})
    if request.method not in ("GET", "HEAD") or "place" not in state:
        return None
    if "text/html" not in request.headers.get("accept", ""):
        return None
    path: str = request.scope["path"].removeprefix(state["place"].root_path)
    return path


def _wait(error: StemhouseError, language: str) -> str:
    seconds = float(error.details.get("retry_after_s", 0))
    unit_s = 3_600 if seconds > 3_600 else 60
    return length(max(1, math.ceil(seconds / unit_s)) * unit_s, language)


def _sheet(texts: tuple[str, str], status: int, scene: Scene) -> Sheet:
    heading, text = texts
    way = {"path": "/", "text": scene.say("error.back")}
    return Sheet(
        template="error.html",
        title=heading,
        description=scene.site_texts.description,
        indexed=False,
        values={"heading": heading, "text": text, "status": int(status), "way": way},
        status=int(status),
    )
