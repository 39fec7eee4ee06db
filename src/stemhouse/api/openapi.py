"""The OpenAPI document: what FastAPI knows of the routes, and what it cannot know.

It adds who may call what, how each refusal looks, media types of files, and an example of every
body, made from the examples of its fields. docs/openapi.json is this document; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from stemhouse.api.openapi_examples import example_of
from stemhouse.api.openapi_texts import (
    DESCRIPTION,
    FILES,
    HEADERS,
    PARAMETERS,
    REFUSALS,
    REQUESTS,
    SECURITY_SCHEMES,
    TAGS,
)
from stemhouse.api.routes import join_routes, routers_of
from stemhouse.domains.accounts.scopes import GUEST_SCOPES
from stemhouse.http.session import SAFE_METHODS

Json = dict[str, Any]

_ERROR: Final = {"$ref": "#/components/schemas/ErrorBody"}
_SLOW_DOWN: Final = {429, 503}


def describe(app: FastAPI) -> Json:
    """Return the document of an application."""
    if app.openapi_schema is None:
        app.openapi_schema = _describe(app)
    return app.openapi_schema


def routes_in_document(app: FastAPI) -> Iterator[tuple[str, str, APIRoute]]:
    """Yield method, path as the document writes it, and route."""
    for router in routers_of(app.state.parts, app.state.services.settings):
        yield from _routes(router.routes)


def _routes(routes: Any) -> Iterator[tuple[str, str, APIRoute]]:
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                yield method.lower(), route.path_format, route


def _describe(app: FastAPI) -> Json:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=join_routes(routers_of(app.state.parts, app.state.services.settings)),
        tags=TAGS,
    )
    components: Json = document["components"]
    components["securitySchemes"] = SECURITY_SCHEMES
    components["responses"] = {
        name: _refusal(status, text) for status, (name, text) in REFUSALS.items()
    }
    routes = {(method, path): route for method, path, route in routes_in_document(app)}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            route = routes.get((method, path))
            if route is not None:
                _complete(operation, method, route, components["schemas"])
    return document


def _complete(operation: Json, method: str, route: APIRoute, schemas: Json) -> None:
    operation["operationId"] = route.name
    _give_headline(operation)
    _give_parameters(operation)
    _give_security(operation, method, route)
    _give_refusals(operation, route)
    if route.name in FILES:
        operation["responses"] = {**FILES[route.name], **operation["responses"]}
        operation["responses"]["200"] = FILES[route.name]["200"]
    if route.name in REQUESTS:
        operation["requestBody"] = REQUESTS[route.name]
    if route.name in HEADERS:
        _success(operation)["headers"] = HEADERS[route.name]
    _drop_empty_bodies(operation)
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for media in body.get("content", {}).values():
            schema = media.get("schema", _ERROR)
            if "example" not in media and schema != _ERROR and schema.get("format") != "binary":
                example = example_of(schema, schemas)
                if example is not None:
                    media["example"] = example


def _success(operation: Json) -> Json:
    return next(body for status, body in operation["responses"].items() if status[0] == "2")


def _drop_empty_bodies(operation: Json) -> None:
    # FastAPI takes every answer that a route makes itself for JSON.
    for response in operation["responses"].values():
        if response.get("content") == {"application/json": {"schema": {}}}:
            del response["content"]


def _give_headline(operation: Json) -> None:
    text = operation.get("description", "")
    # Not at the dot of a name, such as webhook.test.
    headline, rest, *_ = [*re.split(r"\.(?=\s|$)", text, maxsplit=1), ""]
    operation["summary"] = " ".join(headline.split())
    operation["description"] = " ".join(rest.split("\n")).strip() or operation["summary"] + "."


def _give_parameters(operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        if "description" not in parameter and parameter["name"] in PARAMETERS:
            text, example = PARAMETERS[parameter["name"]]
            parameter["description"] = text
            parameter.setdefault("example", example)


def _give_security(operation: Json, method: str, route: APIRoute) -> None:
    if "security" not in operation:
        operation["security"] = []
        return
    scopes = sorted(set(_scopes(route.dependant)))
    # The page's token proves that a page of ours sent what changes something.
    page: Json = {} if method.upper() in SAFE_METHODS else {"csrf": []}
    ways: list[Json] = [{"bearer": scopes}, {"session": [], **page}]
    if GUEST_SCOPES.issuperset(scopes):
        ways.append({"guest": [], **page})
    operation["security"] = ways
    if scopes:
        operation["description"] += f"\n\nA key needs the scope {', '.join(scopes)}."


def _scopes(dependant: Dependant) -> Iterator[str]:
    scope = getattr(dependant.call, "scope", None)
    if isinstance(scope, str):
        yield scope
    for below in dependant.dependencies:
        yield from _scopes(below)


def _give_refusals(operation: Json, route: APIRoute) -> None:
    responses = operation["responses"]
    statuses = set(_statuses(operation, route))
    for status in sorted(statuses):
        name, _ = REFUSALS[status]
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    for rest in ("4XX", "5XX"):
        if rest in responses:
            # FastAPI gives them the media type of the answer; errors are JSON always.
            responses[rest]["content"] = {"application/json": {"schema": _ERROR}}


def _statuses(operation: Json, route: APIRoute) -> Iterator[int]:
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    names = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    if operation["security"]:
        yield from (401, 403)
    if "path" in places:
        yield 404
    if places or "requestBody" in operation:
        yield from (400, 422)
    if "requestBody" in operation:
        yield 413
    if "idempotency-key" in names:
        yield 409
    if route.path.startswith("/v1"):
        yield 429
    yield from _MORE.get(route.name, ())


_MORE: Final[dict[str, tuple[int, ...]]] = {
    "is_ready": (503,),
    "sign_up": (403, 409),
    "sign_in": (401, 403),
    "become_guest": (403,),
    "change_email": (401, 403),
    "choose_password": (410,),
    "confirm": (410,),
    "create_job": (402, 409),
    "cancel_job": (409,),
    "delete_job": (409,),
    "download_stem": (409,),
    "download_all": (409,),
    "read_waveform": (409,),
    "send_upload": (400, 503),
    "fetch_upload": (503,),
    "create_resumable": (412,),
    "send_part": (409, 412, 415),
    "read_file": (403, 410),
    "show_store": (404,),
    "open_checkout": (400, 404, 409, 503),
    "open_portal": (404, 503),
    "check_purchase": (503,),
    "receive_event": (404,),
}
"""Refusals that no shape of a route tells."""


def _refusal(status: int, text: str) -> Json:
    name, _ = REFUSALS[status]
    headers: Json = {"X-Request-Id": {"schema": {"type": "string"}}}
    if status in _SLOW_DOWN:
        headers["Retry-After"] = {
            "schema": {"type": "integer"},
            "description": "Seconds to wait.",
        }
    code = _CODES.get(status, _snake(name))
    error = {"code": code, "message": text, "details": {}, "request_id": "req_01k9zv5w3h8m2n4p6r7"}
    return {
        "description": text,
        "headers": headers,
        "content": {"application/json": {"schema": _ERROR, "example": {"error": error}}},
    }


_CODES: Final = {400: "invalid_option", 413: "too_large", 422: "invalid_request"}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
