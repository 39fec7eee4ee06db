"""The outermost frame of a request: its identifier, its line in the log, its time in the metrics.

Whatever nobody expected ends here: logged in full, answered with a generic message.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stemhouse.api.errors import error_answer
from stemhouse.api.tracing import Tracing
from stemhouse.db.ids import new_id
from stemhouse.logs import log_facts
from stemhouse.pages.failures import failed_page, wants_page

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER: Final = "x-request-id"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9_.-]{8,64}")


class Edge:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        tracing: Tracing | None = scope["app"].state.tracing
        with log_facts(request_id=request_id), ExitStack() as stack:
            finish = stack.enter_context(tracing.request(scope, request_id)) if tracing else None
            status = await self._serve(scope, receive, send)
            if finish is not None:
                finish(_pattern(scope), status)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> int:
        request_id: str = scope["state"]["request_id"]
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append(
                    (REQUEST_ID_HEADER.encode(), request_id.encode())
                )
            await send(message)

        try:
            if _holds_nul(scope):
                await _no_address(request_id)(scope, receive, send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        except Exception:
            logger.exception("a request failed")
            if status:
                raise  # too late for another answer: the server closes the connection
            answer = _failure(scope, request_id)
            await answer(scope, receive, send_with_id)
        finally:
            _note(scope, status, time.perf_counter() - began)
        return status


def _holds_nul(scope: Scope) -> bool:
    # No text of ours does, and PostgreSQL refuses to look for one that does.
    return "\0" in scope["path"] or b"%00" in scope.get("query_string", b"")


def _no_address(request_id: str) -> Response:
    return error_answer(
        HTTPStatus.BAD_REQUEST,
        "bad_request",
        "an address holds no NUL character",
        request_id=request_id,
    )


def _failure(scope: Scope, request_id: str) -> Response:
    request = Request(scope)
    if wants_page(request):
        try:
            return failed_page(request, request_id)
        except Exception:
            logger.exception("the page that says so failed as well")
    return error_answer(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "something went wrong on our side: try again; if it stays, report the request_id",
        request_id=request_id,
    )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER.encode() and _ACCEPTABLE_ID.fullmatch(value):
            return str(value.decode())
    return new_id("req")


def _note(scope: Scope, status: int, wall_s: float) -> None:
    pattern = _pattern(scope)
    scope["app"].state.metrics.note(scope["method"], pattern, status=status, wall_s=wall_s)
    logger.info(
        "request",
        extra={
            "method": scope["method"],
            "route": pattern,
            "status": status,
            "wall_ms": round(wall_s * 1000, 2),
        },
    )


def _pattern(scope: Scope) -> str:
    # Not the address itself: addresses hold identifiers and signatures.
    return str(getattr(scope.get("route"), "path", "(no route)"))
