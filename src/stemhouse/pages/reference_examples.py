"""Requests and answers of the reference, from the examples in the OpenAPI document."""

from __future__ import annotations

import json
import shlex
from typing import Any

Json = dict[str, Any]


def request_example(operation: Json, method: str, path: str, server: str) -> str:
    """Return a request as curl sends it."""
    lines = [f"curl {_way(operation, method)}{shlex.quote(server + _filled(operation, path))}"]
    if operation.get("security"):
        lines.append('-H "Authorization: Bearer $KEY"')
    lines += [
        f"-H {shlex.quote(_header(parameter))}"
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header" and parameter.get("required")
    ]
    lines += _body(operation)
    return " \\\n  ".join(lines)


def answer_example(response: Json) -> str:
    """Return an answer's JSON; empty where it has none."""
    example = response.get("content", {}).get("application/json", {}).get("example")
    return "" if example is None else json.dumps(example, indent=2, ensure_ascii=False)


def _way(operation: Json, method: str) -> str:
    if method == "head":
        return "-I "
    usual = "post" if "requestBody" in operation else "get"
    return "" if method == usual else f"-X {method.upper()} "


def _filled(operation: Json, path: str) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(_example(parameter)))
    return path


def _header(parameter: Json) -> str:
    name = "-".join(part.capitalize() for part in parameter["name"].split("-"))
    return f"{name}: {_example(parameter)}"


def _example(parameter: Json) -> Any:
    schema: Json = parameter.get("schema", {})
    found = parameter.get("example", next(iter(schema.get("examples", ())), None))
    return f"{{{parameter['name']}}}" if found is None else found


def _body(operation: Json) -> list[str]:
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            example = media.get("example")
            text = json.dumps(example, indent=2, ensure_ascii=False)
            return [f"--json {shlex.quote(text)}"] if example is not None else []
        if kind == "multipart/form-data":
            return ["-F file=@song.mp3"]
        return [f"-H {shlex.quote(f'Content-Type: {kind}')}", "--data-binary @song.mp3"]
    return []
