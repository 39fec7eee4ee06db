"""Lets pages of other sites read what was shared, and nothing else.

It stands around everything that may refuse a request: a player must be able to tell a link that has
expired from a network that is down.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SHARED: Final = re.compile(r"(?:/s/[^/]+)?/v1/shared/")
_ANYBODY: Final = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT: Final = [
    *_ANYBODY,
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"range, if-none-match, last-event-id, cache-control"),
    (b"access-control-max-age", b"86400"),
]


class CrossOrigin:
    """ASGI middleware. No cookie is ever sent or looked at: ``*`` excludes them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _SHARED.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            start = {"type": "http.response.start", "status": 204, "headers": _PREFLIGHT}
            await send(start)
            await send({"type": "http.response.body"})
            return

        async def send_openly(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", []).extend(_ANYBODY)
            await send(message)

        await self._app(scope, receive, send_openly)
