"""The reference of the API, made from the OpenAPI document: readable without a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from stemhouse.http.sites import ThePlace
from stemhouse.pages.markdown import line, whole
from stemhouse.pages.reference_examples import answer_example, request_example
from stemhouse.pages.reference_fields import Field, fields_of, parameter_fields
from stemhouse.pages.routing import add_page, page_router
from stemhouse.pages.scene import Scene, Sheet

router = page_router()

Json = dict[str, Any]

_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A status that says no."""

    status: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One address with one method."""

    anchor: str
    method: str
    path: str
    summary: str
    description: Markup
    open: bool
    """Whether it needs neither key nor session."""
    parameters: list[Field]
    body: list[Field]
    answer: list[Field]
    answer_status: str
    answer_text: str
    request_example: str
    answer_example: str
    refusals: list[Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """All operations about one thing."""

    anchor: str
    title: str
    text: str
    operations: list[Operation]


def reference(scene: Scene, request: Request) -> Sheet:
    """Return the page."""
    document: Json = request.app.openapi()
    server = scene.place.address
    return Sheet(
        template="reference.html",
        title=scene.say("reference.title"),
        description=scene.say("reference.description", title=scene.site.title),
        values={
            "chapters": _kept_chapters(request, document, server),
            "introduction": whole(document["info"]["description"]),
            "lead": scene.say("reference.lead", version=document["info"]["version"], server=server),
            "ways": [
                (way.get("name", "Authorization"), line(way["description"]))
                for way in document["components"]["securitySchemes"].values()
            ],
        },
    )


def _kept_chapters(request: Request, document: Json, server: str) -> list[Chapter]:
    # The document is an application's for its life, and sites have few addresses: made once for
    # each, they take no 35 ms of every answer.
    state = request.app.state
    if not hasattr(state, "reference_chapters"):
        state.reference_chapters = {}
    kept: dict[str, list[Chapter]] = state.reference_chapters
    if server not in kept:
        kept[server] = chapters_of(document, server)
    return kept[server]


def chapters_of(document: Json, server: str) -> list[Chapter]:
    """Return the operations of a document by their first tag, in the document's order."""
    by_tag: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, method, operation in _operations(document):
        first = operation.get("tags", ["operations"])[0]
        by_tag.setdefault(first, []).append(_operation(document, path, method, server))
    texts = {tag["name"]: tag["description"] for tag in document["tags"]}
    return [
        Chapter(
            anchor=f"tag-{name.replace(' ', '-')}",
            title=name[0].upper() + name[1:],
            text=texts.get(name, ""),
            operations=operations,
        )
        for name, operations in by_tag.items()
        if operations
    ]


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield path, method, operations[method]


def _operation(document: Json, path: str, method: str, server: str) -> Operation:
    operation: Json = document["paths"][path][method]
    responses: Json = operation["responses"]
    status = next((one for one in responses if one.startswith("2")), "200")
    success = responses.get(status, {})
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=whole(_beyond(operation)),
        open=not operation.get("security"),
        parameters=parameter_fields(operation),
        body=fields_of(document, operation.get("requestBody", {})),
        answer=fields_of(document, success),
        answer_status=status,
        answer_text=success.get("description", ""),
        request_example=request_example(operation, method, path, server),
        answer_example=answer_example(success),
        refusals=list(_refusals(document, responses)),
    )


def _beyond(operation: Json) -> str:
    # The description often begins with the summary, which stands above it already.
    text: str = operation.get("description", "")
    return "" if text.rstrip(".") == operation["summary"] else text


def _refusals(document: Json, responses: Json) -> Iterator[Refusal]:
    for status, response in sorted(responses.items()):
        if status.isdigit() and int(status) >= 400:
            name = response.get("$ref", "").rpartition("/")[2]
            described = document["components"]["responses"][name] if name else response
            yield Refusal(status=status, text=described["description"])


add_page(router, "/developers/reference", reference, name="reference")


@router.head("/docs")
@router.get("/docs")
def show_reference(place: ThePlace) -> RedirectResponse:
    # Where FastAPI's own page is looked for.
    return RedirectResponse(f"{place.root_path}/developers/reference", 308)
