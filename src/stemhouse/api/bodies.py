"""Keeps bodies that would be read into the memory as a whole from filling it."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stemhouse.http.bodies import limit_of


class Bodies:
    """ASGI middleware that ends the reading of a body that is too large.

    The route is known by the time that it reads. What announces itself as too large is refused
    before it is read; what does not is counted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read_bytes = 0

        async def receive_some() -> Message:
            nonlocal read_bytes
            most = limit_of(scope.get("endpoint"))
            if most is None:
                return await receive()
            if _announced_bytes(scope) > most:
                raise _too_large(most)
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > most:
                raise _too_large(most)
            return message

        await self._app(scope, receive_some, send)


def _announced_bytes(scope: Scope) -> int:
    # Most requests have no body, and are never asked.
    announced = Headers(scope=scope).get("content-length", "")
    return int(announced) if announced.isdecimal() else 0


def _too_large(most: int) -> HTTPException:
    # Not one of our own errors: FastAPI would take it for JSON that is broken.
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the request's body is larger than {most:,} bytes"
    )
