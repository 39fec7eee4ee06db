"""Examples of whole bodies, put together from the examples of their fields."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_MOMENT: Final = "2026-11-23T12:00:00.000Z"
_OF_TYPE: Final[dict[str, Any]] = {
    "integer": 1,
    "number": 1.0,
    "boolean": False,
    "null": None,
    "object": {},
}


def example_of(schema: Json, schemas: Json) -> Any:
    """Return a value that a schema allows, or None where nothing of it is known.

    Parameters
    ----------
    schema : dict
        A schema of the document.
    schemas : dict
        The document's components, where references lead.
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("example", "const", "default"):
        if key in schema and schema[key] is not None:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    if "properties" in schema:
        return {
            name: example_of(below, schemas)
            for name, below in schema["properties"].items()
            if below.get("format") != "binary"
        }
    return _plain(schema, schemas)


def _plain(schema: Json, schemas: Json) -> Any:
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return [example_of(items, schemas)]
    if kind == "string":
        return {"date-time": _MOMENT, "email": "ada@example.org"}.get(schema.get("format", ""), "")
    if kind in ("integer", "number") and "minimum" in schema:
        return max(1, schema["minimum"])
    return _OF_TYPE.get(kind or "")
