"""Schemas of the OpenAPI document as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from stemhouse.pages.markdown import line

Json = dict[str, Any]

_DEEPEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One row."""

    name: str
    kind: str
    required: bool
    text: Markup


def parameter_fields(operation: Json) -> list[Field]:
    """Return the parameters of an operation."""
    return [
        Field(
            name=parameter["name"],
            kind=f"{parameter['in']}, {_kind(parameter.get('schema', {}))}",
            required=parameter.get("required", False),
            text=line(parameter.get("description", "")),
        )
        for parameter in operation.get("parameters", ())
    ]


def fields_of(document: Json, body: Json) -> list[Field]:
    """Return the fields of a request's or an answer's JSON, those of objects in it included."""
    for media in body.get("content", {}).values():
        schema = media.get("schema")
        if schema and schema.get("format") != "binary":
            return list(_fields(document, schema, "", 0))
    return []


def _fields(document: Json, schema: Json, prefix: str, depth: int) -> Iterator[Field]:
    resolved, suffix = _resolved(document, schema)
    required = set(resolved.get("required", ()))
    for name, field in resolved.get("properties", {}).items():
        full = f"{prefix}{suffix}{name}" if prefix else name
        inner, _ = _resolved(document, field)
        text = field.get("description") or inner.get("description", "")
        yield Field(
            name=full, kind=_kind(field), required=name in required, text=line(_first(text))
        )
        if depth + 1 < _DEEPEST:
            yield from _fields(document, field, f"{full}", depth + 1)


def _resolved(document: Json, schema: Json) -> tuple[Json, str]:
    """Return the object that a schema is or holds, and how its fields are joined to its name."""
    if "$ref" in schema:
        target = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return _resolved(document, target)
    if schema.get("type") == "array":
        inner, _ = _resolved(document, schema["items"])
        return inner, "[]."
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        inner, suffix = _resolved(document, choice)
        if "properties" in inner:
            return inner, suffix
    return schema, "."


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        return "object"
    if "const" in schema:
        return repr(schema["const"]).replace("'", '"')
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if choices:
        return " | ".join(dict.fromkeys(_kind(choice) for choice in choices))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "any")


def _first(text: str) -> str:
    return " ".join(text.split())
