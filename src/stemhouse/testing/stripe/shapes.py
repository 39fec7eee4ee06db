"""What each request may hold, taken from the official library's own types.

They are made from Stripe's description of its API: a parameter that they do not have is unknown to
the real one too, one that they require is required there.
"""

from __future__ import annotations

import importlib
import types
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import (
    Any,
    Generic,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from stemhouse.testing.stripe.refusals import Json, bad, missing, unknown

Value = TypeVar("Value")


class _OpenObject(dict[str, Value], Generic[Value]):
    # The library's own is there for type checkers alone.
    pass


# Names that the library imports for type checkers alone.
_NAMES = {"StripeContext": object, "UntypedStripeObject": _OpenObject}


@cache
def shape(name: str) -> type:
    """Return a shape by its place: ``checkout.SessionCreateParams``."""
    folder, _, kind = name.rpartition(".")
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
    path = ".".join(filter(None, ("stripe.params", folder, snake)))
    found: type = getattr(importlib.import_module(path), kind)
    return found


@cache
def _hints(kind: type) -> dict[str, Any]:
    import typing

    # What concerns the library and not the API: keys, retries, headers.
    options = importlib.import_module("stripe._request_options").RequestOptions
    hints = get_type_hints(kind, localns={**vars(typing), **_NAMES}, include_extras=True)
    return {name: hint for name, hint in hints.items() if name not in options.__annotations__}


def read(given: Json, kind: type, at: str = "") -> Json:
    """Return a form with the types of its shape, or refuse it as Stripe does."""
    hints = _hints(kind)
    for name in given:
        if name not in hints:
            raise unknown(_path(at, name))
    for name in sorted(kind.__required_keys__):  # type: ignore[attr-defined]
        if name in hints and name not in given:
            raise missing(_path(at, name))
    return {name: _value(one, hints[name], _path(at, name)) for name, one in given.items()}


def _path(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def _value(given: Any, hint: Any, at: str) -> Any:
    origin = get_origin(hint)
    if origin in (NotRequired, Required):
        return _value(given, get_args(hint)[0], at)
    if origin in (Union, types.UnionType):
        return _one_of(given, get_args(hint), at)
    if isinstance(given, dict):
        return _nested(given, hint, origin, at)
    if origin is Literal:
        return _chosen(given, get_args(hint), at)
    if origin is not None or _is_object(hint):
        raise bad(f"Invalid {'array' if origin is list else 'object'}", at)
    return _plain(given, hint, at)


def _nested(given: Json, hint: Any, origin: Any, at: str) -> Any:
    if _is_object(hint):
        return read(given, hint, at)
    if origin is list:
        if not all(key.isdecimal() for key in given):
            raise bad("Invalid array", at)
        ordered = sorted(given, key=int)
        return [_value(given[key], get_args(hint)[0], _path(at, key)) for key in ordered]
    if origin in (dict, _OpenObject):
        inner = get_args(hint)[-1]
        return {key: _value(one, inner, _path(at, key)) for key, one in given.items()}
    raise bad(f"Invalid string: {given}", at)


def _one_of(given: Any, hints: tuple[Any, ...], at: str) -> Any:
    words = [word for hint in hints if get_origin(hint) is Literal for word in get_args(hint)]
    others = [hint for hint in hints if get_origin(hint) is not Literal and hint is not type(None)]
    if isinstance(given, str):
        if given in words:
            return given
        # A list of words and "or any text": the library leaves room for words to come.
        closed = [word for word in words if word]
        flat = [hint for hint in others if get_origin(hint) is None and not _is_object(hint)]
        if closed and flat in ([], [str]):
            return _chosen(given, tuple(closed), at)
        return _value(given, (flat or others)[0], at)
    nested = [hint for hint in others if get_origin(hint) is not None or _is_object(hint)]
    return _value(given, (nested or others)[0], at)


def _chosen(given: str, words: tuple[str, ...], at: str) -> str:
    if given not in words:
        *most, last = words
        choice = f"{', '.join(most)} or {last}" if most else last
        raise bad(f"Invalid {at}: must be one of {choice}", at)
    return given


def _plain(given: str, kind: Any, at: str) -> Any:
    if kind is bool:
        if given not in {"true", "false"}:
            raise bad(f"Invalid boolean: {given}", at)
        return given == "true"
    if kind is int:
        try:
            return int(given)
        except ValueError:
            raise bad(f"Invalid integer: {given}", at, "parameter_invalid_integer") from None
    if kind in (float, Decimal):
        try:
            number = Decimal(given)
        except InvalidOperation:
            raise bad(f"Invalid decimal: {given}", at) from None
        return float(number) if kind is float else str(number)
    if given == "":
        raise bad(
            f"You passed an empty string for '{at}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{at}' cannot be unset.",
            at,
            "parameter_invalid_empty",
        )
    return given


def _is_object(hint: Any) -> bool:
    # The library's are those of typing_extensions: typing does not know them for its own.
    return hasattr(hint, "__required_keys__")
