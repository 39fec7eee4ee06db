"""Believes proxies that the operator names, and nobody else, about host, address and scheme."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_FORWARDED_HOST = b"x-forwarded-host"


def behind_proxies(app: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """Return the application as it is to be served: with what trusted proxies say taken over."""
    if not proxies:
        return app
    # The host first: the other one replaces the peer's address by the visitor's.
    return ForwardedHost(ProxyHeadersMiddleware(app, list(proxies)), proxies)  # type: ignore[arg-type]


class ForwardedHost:
    """ASGI middleware that puts a trusted proxy's X-Forwarded-Host in the place of Host.

    Parameters
    ----------
    app : ASGIApp
        What is served.
    proxies : sequence of str
        Addresses and networks; ``*`` is every peer.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._everybody = "*" in proxies
        self._names = frozenset(proxies)
        self._networks = [network for text in proxies if (network := _network(text)) is not None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._trusts(scope.get("client")):
            scope = {**scope, "headers": _with_host(scope["headers"])}
        await self._app(scope, receive, send)

    def _trusts(self, client: tuple[str, int] | None) -> bool:
        if self._everybody:
            return True
        if client is None:
            return False
        try:
            address = ipaddress.ip_address(client[0])
        except ValueError:
            return client[0] in self._names  # a socket file has a name
        return any(address in network for network in self._networks)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _with_host(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    told = [value for name, value in headers if name == _FORWARDED_HOST]
    if not told:
        return headers
    # Some proxies add theirs to what they were sent: the last one is the one that we trust.
    host = told[-1].rpartition(b",")[2].strip()
    rest = [(n, value) for n, value in headers if n not in {b"host", _FORWARDED_HOST}]
    return [(b"host", host), *rest]
