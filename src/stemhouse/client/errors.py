"""The server's errors as exceptions, by their codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stemhouse.errors import ExternalError, ServiceError, StemhouseError

_LOWEST_FAULT = 500


class RequestRefused(ServiceError):
    """The server refuses a request with a code that this version does not know; see details."""

    code = "request_refused"


class ServiceFault(ExternalError):
    """Something went wrong on the server's side."""

    code = "service_fault"


class ServiceUnreachable(ExternalError):
    """The server could not be reached, or the connection broke, however often it was tried."""

    code = "service_unreachable"


def _kinds(kind: type[StemhouseError]) -> Iterator[tuple[str, type[StemhouseError]]]:
    yield kind.code, kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


_BY_CODE = dict(_kinds(StemhouseError))


def error_from_answer(status: int, body: bytes) -> StemhouseError:
    """Return the error that an answer tells of."""
    facts = _facts(body)
    details = {**_mapping(facts.get("details")), "status": status}
    if facts.get("request_id"):
        details["request_id"] = facts["request_id"]
    message = str(facts.get("message") or f"the server answered with status {status}")
    code = str(facts.get("code") or f"status_{status}")
    return error_from_code(code, message, details)


def error_from_code(code: str, message: str, details: Mapping[str, Any]) -> StemhouseError:
    """Return the error of a code, such as the one that a failed job bears."""
    told = {name: value for name, value in details.items() if name not in ("self", "message")}
    kind = _BY_CODE.get(code)
    if kind is None or kind is StemhouseError:
        fault = int(told.get("status", 0)) >= _LOWEST_FAULT
        return (ServiceFault if fault else RequestRefused)(message, **{**told, "code": code})
    return kind(message, **told)


def _facts(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}  # a proxy's page
    return _mapping(_mapping(parsed).get("error"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
