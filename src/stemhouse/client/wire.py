"""How requests look in the words of the HTTP library."""

from __future__ import annotations

from typing import Any

import httpx2

from stemhouse._version import __version__
from stemhouse.client.exchange import READ_S, Ask, Connection, Reply
from stemhouse.errors import InvalidOption


def session_arguments(server: str, key: str, connection: Connection) -> dict[str, Any]:
    """Return what a session of the library is made with.

    Raises
    ------
    InvalidOption
        The server's address is none, or the key holds what no header may.
    """
    try:
        address = httpx2.URL(server)
    except httpx2.InvalidURL:
        address = httpx2.URL("")
    if address.scheme not in ("http", "https") or not address.host:
        raise InvalidOption(f"{server!r} is no address of a server: write https://host")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidOption("the API key holds characters that no key has: copy it again")
    headers = {"User-Agent": f"stemhouse-client/{__version__}"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return {
        "base_url": address,
        "headers": headers,
        "timeout": httpx2.Timeout(READ_S, connect=connection.connect_s),
        "follow_redirects": False,
    }


def request_arguments(wanted: Ask, connect_s: float) -> dict[str, Any]:
    """Return what a request is sent with."""
    arguments: dict[str, Any] = {
        "method": wanted.method,
        "url": wanted.path,
        "headers": dict(wanted.headers),
        "timeout": httpx2.Timeout(wanted.read_s, connect=connect_s),
    }
    if wanted.params:
        arguments["params"] = dict(wanted.params)
    if wanted.json is not None:
        arguments["json"] = wanted.json
    if wanted.content is not None:
        arguments["content"] = wanted.content
    if wanted.file is not None:
        arguments["files"] = {"file": wanted.file}
    return arguments


def failed(error: httpx2.TransportError) -> Reply:
    """Return the reply that stands for a broken connection."""
    unsent = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
    text = str(error).strip() or type(error).__name__
    return Reply(failure=text, unsent=unsent)
