# The OpenAPI document is complete, and it is the one that the code makes.

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from stemhouse.api.app import create_app
from stemhouse.api.openapi import routes_in_document
from stemhouse.domains.accounts.direct import DirectRoute
from stemhouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}
MAY_BE_EMPTY = {"note", "description"}


@pytest.fixture
def dialect() -> str:
    # What is described does not depend on the database.
    return "sqlite"


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return json.loads(json.dumps(app.openapi()))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield f"{method.upper()} {path}", item[method]


def json_bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in operations(document):
        for where, body in [
            ("request", operation.get("requestBody", {})),
            *operation["responses"].items(),
        ]:
            media = body.get("content", {}).get("application/json")
            if media and where not in {"4XX", "5XX"} and media["schema"].get("format") != "binary":
                yield f"{name} {where}", media


def empty_texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from empty_texts(below, key)
    elif isinstance(value, list):
        for below in value:
            yield from empty_texts(below, name)
    elif value == "" and name not in MAY_BE_EMPTY:
        yield name


def test_the_committed_document_is_the_one_that_the_code_makes() -> None:
    check = [sys.executable, "tools/openapi.py", "--check"]
    environment = {"PYTHONPATH": str(ROOT / "src")}

    answer = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, env=environment)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_route_is_described(app: FastAPI, document: dict[str, Any]) -> None:
    described = {name for name, _ in operations(document)}

    routes = {f"{method.upper()} {path}" for method, path, _ in routes_in_document(app)}

    assert routes == described


def test_no_address_has_two_routes(app: FastAPI) -> None:
    # What is asked most is looked for first, whatever order the routes are written in.
    routes = list(routes_in_document(app))
    direct = [one for one in routes if isinstance(one[2], DirectRoute)]

    assert direct
    for method, path, route in direct:
        matched = {
            other
            for other_method, other, _ in routes
            if other_method == method and route.path_regex.match(other.replace(":path", ""))
        }
        assert matched == {path}


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    schemes = set(document["components"]["securitySchemes"])

    assert len(names) == len(set(names))
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}, name
        assert {scheme for way in operation["security"] for scheme in way} <= schemes, name


def test_every_operation_says_how_it_refuses(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        wanted = {"5XX"}
        if operation["security"]:
            wanted |= {"401", "403", "429"}
        if "{" in name:
            wanted |= {"404"}
        assert wanted <= operation["responses"].keys(), name


def test_every_field_and_parameter_is_explained(document: dict[str, Any]) -> None:
    fields = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, below in schema.get("properties", {}).items()
        if "description" not in below
    ]
    parameters = [
        f"{name} {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if "description" not in parameter
    ]

    assert not fields
    assert not parameters


def test_every_body_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for name, media in json_bodies(document):
        schema = {**media["schema"], "components": document["components"]}
        assert "example" in media, name
        Draft202012Validator(schema).validate(media["example"])
        assert not list(empty_texts(media["example"])), name
