"""The tables of docs/sites.md, made from the schema."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stemhouse.sites.schema import Site

_NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}
_OWN_WORDS = {"^#[0-9a-fA-F]{6}$": "colour", "^[a-z]{2}(-[A-Z]{2})?$": "language"}
_ENTRY = {"plans": "NAME", "packs": "NAME", "coupons": "CODE", "texts": "LANGUAGE"}


def key_tables() -> str:
    """Return a heading and a table of keys for each table of a site file."""
    return "\n".join(_section(*one) for one in _tables("", Site))


def _tables(place: str, table: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield place, table
    for name, field in table.model_fields.items():
        below = _table_below(field.annotation)
        if below is None:
            continue
        kind, inner = below
        path = f"{place}.{name}" if place else name
        if kind == "list":
            yield from _tables(f"[{path}]", inner)
        else:
            yield from _tables(f"{path}.{_ENTRY[name]}" if kind == "dict" else path, inner)


def _table_below(annotation: Any) -> tuple[str, type[BaseModel]] | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table", annotation
    if origin in {Union, UnionType}:
        return _table_below(next(one for one in arguments if one is not NoneType))
    kinds = {tuple: ("list", 0), dict: ("dict", 1)}
    if origin in kinds:
        kind, position = kinds[origin]
        below = _table_below(arguments[position])
        return None if below is None else (kind, below[1])
    return None


def _section(place: str, table: type[BaseModel]) -> str:
    title = f"## `[{place}]`" if place else "## The top of the file"
    summary = " ".join((table.__doc__ or "").split())
    rows = "".join(
        f"| `{name}` | {_kind(field)} | {_default(field)} | {field.description} |\n"
        for name, field in table.model_fields.items()
    )
    return f"{title}\n\n{summary}\n\n| key | type | default | |\n|---|---|---|---|\n{rows}"


def _kind(field: FieldInfo) -> str:
    return _word(field.annotation, field.metadata)


def _word(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        more = [fact for one in arguments[1:] for fact in getattr(one, "metadata", [one])]
        return _word(arguments[0], more)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin in {Union, UnionType}:
        return _word(next(one for one in arguments if one is not NoneType))
    if _table_below(annotation) is not None:
        return {None: "table", tuple: "tables", dict: "tables"}[origin]
    if origin is dict:
        return f"table: {_word(arguments[1])} each"
    if origin is tuple:
        pair = len(arguments) == 2 and arguments[1] is not ...
        return "pair of texts" if pair else f"list: {_word(arguments[0])}"
    patterns = {getattr(one, "pattern", None) for one in metadata}
    return next((word for at, word in _OWN_WORDS.items() if at in patterns), _NAMES[annotation])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True)
    if value in (None, (), {}) or isinstance(value, BaseModel):
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else f"{value}"
