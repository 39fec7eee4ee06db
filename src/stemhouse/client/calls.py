"""The simple requests: one question, one typed answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from stemhouse.client.errors import ServiceFault
from stemhouse.client.exchange import READ_S, Ask, Plan, Reply, Retries, ask
from stemhouse.client.models import Job, Link, Quote

_Answer = TypeVar("_Answer", bound=BaseModel)

PAGE = 100


@dataclass(frozen=True, slots=True)
class Listing(Generic[_Answer]):
    """A list that is read page by page."""

    model: type[_Answer]
    where: str
    params: Mapping[str, str | None] = field(default_factory=dict)

    def page(self, cursor: str | None, retries: Retries) -> Plan[tuple[list[_Answer], str | None]]:
        """Get one page, and the cursor of the next; None begins, and ends."""
        found = yield from page(self.where, {**self.params, "cursor": cursor}, retries)
        return [self.model.model_validate(one) for one in found["data"]], found.get("next_cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a job is to do; see `Client.create_job`."""

    upload_id: str
    output: str | None = None
    model: str | None = None
    stems: Sequence[str] | None = None
    residual: bool = False
    quality: str | None = None
    expected_price: int | None = None
    max_price: int | None = None

    def body(self) -> dict[str, Any]:
        """Return it as the server reads it."""
        return {
            "upload_id": self.upload_id,
            "output": self.output,
            "model": self.model,
            "stems": None if self.stems is None else list(self.stems),
            "residual": self.residual,
            "quality": self.quality,
            "expected_price": self.expected_price,
            "max_price": self.max_price,
        }


def path(*parts: str) -> str:
    """Return an address below /v1 whose parts may hold anything."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def read(model: type[_Answer], reply: Reply) -> _Answer:
    """Return the body of an answer.

    Raises
    ------
    ServiceFault
        It is not what this client expects.
    """
    try:
        return model.model_validate_json(reply.body)
    except ValidationError as error:
        raise ServiceFault(
            "the server answered with something else than this client expects: is its address "
            "right, and is it a Stemhouse of the same version?"
        ) from error


def fetch(
    model: type[_Answer], where: str, retries: Retries, params: Mapping[str, str] | None = None
) -> Plan[_Answer]:
    """Get something."""
    reply = yield from ask(Ask(method="GET", path=where, params=params or {}), retries)
    return read(model, reply)


def send(
    model: type[_Answer], where: str, retries: Retries, body: Any = None, *, method: str = "POST"
) -> Plan[_Answer]:
    """Change something. What makes something new bears a key, so that it is made once."""
    request = Ask(
        method=method,
        path=where,
        json=body,
        headers={"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {},
    )
    return read(model, (yield from ask(request, retries)))


def act(model: type[_Answer], where: str, retries: Retries, body: Any = None) -> Plan[_Answer]:
    """Do something that is done again when it is asked for again, and so is asked for once."""
    request = Ask(method="POST", path=where, json=body, repeatable=False)
    return read(model, (yield from ask(request, retries)))


def remove(where: str, retries: Retries) -> Plan[None]:
    """Delete something."""
    yield from ask(Ask(method="DELETE", path=where), retries)


def page(where: str, params: Mapping[str, str | None], retries: Retries) -> Plan[dict[str, Any]]:
    """Get a page of a list: ``data`` and ``next_cursor``."""
    given = {name: value for name, value in params.items() if value is not None}
    request = Ask(method="GET", path=where, params={"limit": str(PAGE), **given})
    reply = yield from ask(request, retries)
    return _object(reply)


def create_job(wish: Wish, retries: Retries, *, key: str | None, wait_s: int | None) -> Plan[Job]:
    """Submit a job."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    if wait_s is not None:
        headers["Prefer"] = f"wait={wait_s}"
    request = Ask(
        method="POST",
        path=path("jobs"),
        json=wish.body(),
        headers=headers,
        read_s=READ_S + (wait_s or 0),
    )
    return read(Job, (yield from ask(request, retries)))


def quote_job(wish: Wish, retries: Retries) -> Plan[Quote]:
    """Ask for a price."""
    request = Ask(method="POST", path=path("jobs"), params={"dry_run": "true"}, json=wish.body())
    return read(Quote, (yield from ask(request, retries)))


def link(job_id: str, body: Mapping[str, object], retries: Retries) -> Plan[Link]:
    """Ask for a link; asking twice does no harm."""
    request = Ask(method="POST", path=path("jobs", job_id, "links"), json=body)
    return read(Link, (yield from ask(request, retries)))


def fetch_all(model: type[_Answer], where: str, retries: Retries) -> Plan[list[_Answer]]:
    """Get a list that comes in one page."""
    reply = yield from ask(Ask(method="GET", path=where), retries)
    return [model.model_validate(one) for one in _object(reply)["data"]]


def _object(reply: Reply) -> dict[str, Any]:
    try:
        parsed = json.loads(reply.body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list):
        raise ServiceFault("the server answered with something that is no list: check its address")
    return parsed
