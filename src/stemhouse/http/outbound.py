"""Requests to addresses that people gave us: public hosts, little time, and no surprises.

The host is looked up once, its addresses are checked, and the connection goes to the checked
address itself: a name that is answered differently the second time (DNS rebinding) changes
nothing. No proxy of the environment, no cookie, no compression is used.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore2

from stemhouse.errors import AddressRefused, SourceUnreachable
from stemhouse.http.addresses import resolve

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_WAIT_S = 10.0
_LOWEST_FREE_PORT = 1024
_WEB_PORTS = frozenset({80, 443})  # below 1,024 no others: mail servers and the like
_MAX_ADDRESS_CHARACTERS = 4096
_READ_OF_REPLY_BYTES = 2048


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What is allowed.

    Attributes
    ----------
    allow_private : bool
        Whether private and loopback addresses may be talked to: tests and closed networks.
    timeout_s : float
        Longest time for everything together, in seconds.
    """

    allow_private: bool = False
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes
    ----------
    status : int
        The last answer's status.
    address : str
        Where it came from, after redirects.
    headers : dict
        Lower-case names.
    blocks : Iterator of bytes
        The body.
    """

    status: int
    address: str
    headers: dict[str, str]
    blocks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for something that was sent: the status and the beginning of the body."""

    status: int
    body: bytes


@contextmanager
def fetch(address: str, policy: OutboundPolicy) -> Iterator[Answer]:
    """Open an address for reading; redirects are followed, each checked like the first.

    Raises
    ------
    AddressRefused
        Not http or https, a port or a host that is not allowed, too many redirects.
    SourceUnreachable
        No connection, a broken answer, or no end within the time.
    """
    with _translated(), _pool(policy) as pool:
        for _ in range(_MOST_REDIRECTS + 1):
            check_address(address)
            with pool.stream("GET", address, headers=_headers(address), extensions=_timeouts()) as (
                response
            ):
                headers = _lower(response.headers)
                if response.status not in _REDIRECTS or "location" not in headers:
                    yield Answer(response.status, address, headers, response.iter_stream())
                    return
                address = _next(address, headers["location"])
    raise AddressRefused("this address redirects too often")


def _next(address: str, location: str) -> str:
    try:
        return urljoin(address, location)
    except ValueError as error:
        raise AddressRefused("this address redirects to what is no address") from error


def post(address: str, headers: dict[str, str], body: bytes, policy: OutboundPolicy) -> Reply:
    """Send something to an address. Redirects are not followed: they are the answer.

    Raises
    ------
    AddressRefused
        Not http or https, a port or a host that is not allowed.
    SourceUnreachable
        No connection, a broken answer, or none within the time.
    """
    check_address(address)
    sent = [
        *((name, value) for name, value in _headers(address) if name != b"Accept"),
        *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
        (b"Content-Length", str(len(body)).encode("ascii")),
    ]
    with (
        _translated(),
        _pool(policy) as pool,
        pool.stream(
            "POST", address, headers=sent, content=body, extensions=_timeouts(policy.timeout_s)
        ) as response,
    ):
        start = bytearray()
        for block in response.iter_stream():
            start += block
            if len(start) >= _READ_OF_REPLY_BYTES:
                break
        return Reply(response.status, bytes(start[:_READ_OF_REPLY_BYTES]))


def check_destination(address: str, policy: OutboundPolicy) -> None:
    """Refuse an address that could not be sent to now; its host is looked up.

    Raises
    ------
    AddressRefused
        Not http or https, a port or a host that is not allowed.
    SourceUnreachable
        The host is not known.
    """
    check_address(address)
    parts = urlsplit(address)
    assert parts.hostname is not None, "checked"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    resolve(parts.hostname, port, allow_private=policy.allow_private)


@contextmanager
def _pool(policy: OutboundPolicy) -> Iterator[httpcore2.ConnectionPool]:
    """Open connections for one request, with the time for all of it running from now on."""
    backend = _CheckedBackend(policy, time.monotonic() + policy.timeout_s)
    with httpcore2.ConnectionPool(ssl_context=_trust(), network_backend=backend) as pool:
        yield pool


@cache
def _trust() -> ssl.SSLContext:
    """Read the system's certificates once: it takes longer than a small request."""
    return ssl.create_default_context()


def check_address(address: str) -> None:
    """Refuse what is no plain http or https address, before anything is looked up.

    Raises
    ------
    AddressRefused
        It is another scheme, carries a password, or names a port that is not allowed.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("this is not an address; it must read https://host/path") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressRefused("only addresses that begin with http:// or https:// are fetched")
    if len(address) > _MAX_ADDRESS_CHARACTERS or not address.isascii() or " " in address:
        raise AddressRefused("this is not an address: it is too long or must be percent-encoded")
    if any(ord(character) < 33 or ord(character) == 127 for character in address):
        raise AddressRefused("this is not an address: it holds control characters")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("an address with a user name or password is not fetched")
    if port is not None and port < _LOWEST_FREE_PORT and port not in _WEB_PORTS:
        raise AddressRefused("this port is not one of the web: use 80, 443 or one above 1023")


class _CheckedBackend(httpcore2.NetworkBackend):
    """Connects to checked addresses only and keeps the time of the whole fetch."""

    def __init__(self, policy: OutboundPolicy, deadline: float) -> None:
        self._policy = policy
        self._deadline = deadline
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers."""
        addresses = resolve(host, port, allow_private=self._policy.allow_private)
        failure: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, self._left(timeout), local_address, socket_options
                )
            except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
                failure = error
            else:
                return _TimedStream(stream, self._left)
        assert failure is not None, "a name that resolves has an address"
        raise failure

    def _left(self, timeout: float | None) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the time for the whole fetch is over")
        return min(left, _WAIT_S if timeout is None else timeout)


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which a host that sends a byte now and then does not outlast the time."""

    def __init__(
        self, inner: httpcore2.NetworkStream, left: Callable[[float | None], float]
    ) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._left(timeout))
        return _TimedStream(inner, self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise SourceUnreachable("the host of this address takes too long to answer") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
        raise SourceUnreachable("the host of this address does not answer as it should") from error


def _headers(address: str) -> list[tuple[bytes, bytes]]:
    host = urlsplit(address).netloc
    return [
        (b"Host", host.encode("ascii")),
        (b"User-Agent", b"Stemhouse"),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
    ]


def _timeouts(read_s: float = _WAIT_S) -> dict[str, Any]:
    return {"timeout": {"connect": _WAIT_S, "read": read_s, "write": _WAIT_S, "pool": _WAIT_S}}


def _lower(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
