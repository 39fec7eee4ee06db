"""Every error becomes the same body, whoever raised it; or a page, for who looks at one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from stemhouse.api.statuses import status_of
from stemhouse.db.gone import lost_a_row
from stemhouse.errors import Conflict, RateLimited, StemhouseError, Unauthenticated
from stemhouse.pages.failures import (
    is_signing_in,
    not_found_page,
    not_signed_in_page,
    wants_page,
)

logger = logging.getLogger(__name__)

_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
}
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_MESSAGES = {
    404: "there is nothing at this address",
    405: "this address does not know this method",
}


def install_error_bodies(app: FastAPI) -> None:
    """Answer every error that a route lets through with the one body."""
    app.add_exception_handler(StemhouseError, _known)
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(ClientDisconnect, _cut_off)
    app.add_exception_handler(IntegrityError, _overtaken)
    app.add_exception_handler(StaleDataError, _overtaken)


def error_answer(
    status: int,
    code: str,
    message: str,
    *,
    request_id: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an answer with the one error body."""
    error = {
        "code": code,
        "message": message,
        "details": dict(details or {}),
        "request_id": request_id,
    }
    return JSONResponse({"error": error}, status_code=status, headers=dict(headers or {}))


def request_id_of(request: Request) -> str:
    """Return the identifier that the edge gave a request."""
    request_id: str = request.scope.get("state", {}).get("request_id", "")
    return request_id


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, StemhouseError)
    status = status_of(error)
    if status == HTTPStatus.NOT_FOUND and wants_page(request):
        return await run_in_threadpool(not_found_page, request)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    retry_after = error.details.get("retry_after_s")
    if retry_after is None and error.retryable:
        retry_after = 5
    if isinstance(error, RateLimited) or retry_after is not None:
        headers["Retry-After"] = str(max(1, round(float(retry_after or 1))))
    if is_signing_in(request):
        return await run_in_threadpool(not_signed_in_page, request, error, status, headers)
    return error_answer(
        status,
        error.code,
        error.message,
        request_id=request_id_of(request),
        details=error.details,
        headers=headers,
    )


async def _unprocessable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if is_signing_in(request):
        # A browser cannot mend what its provider sent along: it begins again.
        refused = Unauthenticated("the way back from the provider is not one: begin again")
        return await run_in_threadpool(not_signed_in_page, request, refused, status, {})
    # What was sent stays out of the answer and the log: it may be a password.
    problems = [
        {"where": ".".join(str(part) for part in problem["loc"]), "problem": problem["msg"]}
        for problem in error.errors()
    ]
    named = "; ".join(f"{one['where']}: {one['problem']}" for one in problems)
    return error_answer(
        status,
        "invalid_request",
        f"the request is not as the API describes it: {named}",
        request_id=request_id_of(request),
        details={"problems": problems},
    )


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND and wants_page(request):
        return await run_in_threadpool(not_found_page, request)
    fallback = HTTPStatus(error.status_code).phrase.lower()
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return error_answer(
        error.status_code,
        _CODES.get(error.status_code, fallback.replace(" ", "_")),
        _MESSAGES.get(error.status_code, str(error.detail) or fallback),
        request_id=request_id_of(request),
        headers=headers,
    )


async def _overtaken(request: Request, error: Exception) -> Response:
    if not lost_a_row(error):
        raise error
    # Told in the log: a fault of ours would look the same, and come back.
    logger.warning("a request was overtaken", extra={"error": type(error).__name__})
    refusal = Conflict("what this is about was removed at the same moment: look again")
    return await _known(request, refusal)


async def _cut_off(request: Request, _error: Exception) -> Response:
    # Nobody reads it; but it is no fault of ours that the log should tell.
    return error_answer(
        HTTPStatus.BAD_REQUEST,
        "bad_request",
        "the request was cut off",
        request_id=request_id_of(request),
    )


def _methods_at(request: Request) -> list[str]:
    """Return the methods that an address knows; the framework tells those of its first route."""
    routes, scope = request.app.router.routes, dict(request.scope)
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
