"""What both clients do alike, without doing any of it: plans of requests and pauses.

A plan is a generator. It yields what is to be asked, or how long to pause; whoever runs it
(`session`) does that and sends the reply in. So what is decided is written
once.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Any, Protocol, TypeVar

from stemhouse.client.errors import ServiceUnreachable, error_from_answer

_T = TypeVar("_T")

_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Nothing was done: the same request can always be sent again."""

_GATEWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""A proxy does not know whether it was done."""

READ_S = 60.0

Params = Mapping[str, str | Sequence[str]]
"""Of an address; one that is there several times has several values."""


class Sink(Protocol):
    """Takes the body of a good answer, block by block."""

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Called before the first block."""
        ...

    def write(self, block: bytes) -> None:
        """Take a block."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `repeatable`: sent twice it has the effect of once."""

    method: str
    path: str
    params: Params = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    file: tuple[str, bytes] | None = None
    read_s: float = READ_S
    repeatable: bool = True
    sink: Sink | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: an answer, or how the connection failed."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str | None = None
    unsent: bool = False
    """Whether the failure came before anything was sent."""


Plan = Generator[Ask | Pause, Reply, _T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how long what can be mended by waiting is tried again.

    Attributes
    ----------
    most : int
        Repeats of one request.
    first_wait_s, longest_wait_s : float
        The first pause, which doubles, and where that ends; both vary at random.
    longest_retry_after_s : float
        The longest time that the server may ask to wait for; if it asks for more, the error is
        raised, and its details say how long.
    """

    most: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    longest_retry_after_s: float = 60.0

    def wait_s(self, number: int, retry_after: str | None = None) -> float | None:
        """Return the pause after the n-th failure, from 0; None when there is to be none."""
        if number >= self.most:
            return None
        told = _seconds(retry_after)
        if told is not None:
            return told if told <= self.longest_retry_after_s else None
        wait_s = min(self.longest_wait_s, self.first_wait_s * 2.0**number)
        return wait_s * random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a client connects.

    Attributes
    ----------
    retries : Retries
        How requests are repeated.
    connect_s : float
        Longest time to connect, in seconds.
    """

    retries: Retries = field(default_factory=Retries)
    connect_s: float = 10.0


def ask(request: Ask, retries: Retries) -> Plan[Reply]:
    """Ask, again where that can help; return a good answer.

    Raises
    ------
    StemhouseError
        What the server refuses with.
    ServiceUnreachable
        There was no answer.
    """
    number = 0
    while True:
        reply = yield request
        wait_s = pause_after(request, reply, number, retries)
        if wait_s is None:
            return good(reply)
        yield Pause(wait_s)
        number += 1


def pause_after(request: Ask, reply: Reply, number: int, retries: Retries) -> float | None:
    """Return how long to wait before asking again; None where that is no use or not allowed."""
    if reply.failure is not None:
        return retries.wait_s(number) if request.repeatable or reply.unsent else None
    if reply.status in _BUSY or (reply.status in _GATEWAY and request.repeatable):
        return retries.wait_s(number, reply.headers.get("retry-after"))
    return None


def good(reply: Reply) -> Reply:
    """Return a good answer, raise what a bad one tells."""
    if reply.failure is not None:
        raise ServiceUnreachable(
            f"the server cannot be reached: {reply.failure}; check its address and try again"
        )
    if reply.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise error_from_answer(reply.status, reply.body)
    return reply


def _seconds(retry_after: str | None) -> float | None:
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except ValueError:
        return None
