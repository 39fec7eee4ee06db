"""Whether the service lives, whether it can work, and its numbers."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Callable, Mapping
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import reading
from stemhouse.errors import Forbidden, NotReady, StemhouseError
from stemhouse.http.metrics import metrics_of
from stemhouse.http.schemas import Answer
from stemhouse.http.services import CurrentSettings, Services

logger = logging.getLogger(__name__)

router = APIRouter(tags=["operations"])

ReadinessCheck = Callable[[], None]
"""Raises an error of ours, or OSError, while its part cannot work."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Health(Answer):
    """The service lives."""

    status: Literal["ok"] = Field(
        description="Always ok: anything else is an error.", examples=["ok"]
    )


@router.get("/healthz")
async def is_alive() -> Health:
    """Say that the process answers, and nothing more."""
    return Health(status="ok")


@router.get("/readyz")
def is_ready(request: Request) -> Health:
    """Say whether requests can be served: the database, the storage and what else is needed."""
    checks: Mapping[str, ReadinessCheck] = request.app.state.readiness
    failing = [name for name, check in checks.items() if not _passes(name, check)]
    if failing:
        raise NotReady(f"not ready: {', '.join(failing)}", failing=failing, retry_after_s=5)
    return Health(status="ok")


@router.get("/metrics", include_in_schema=False)
def show_metrics(request: Request, settings: CurrentSettings) -> Response:
    """Return the numbers in Prometheus' text format."""
    _refuse_strangers(request, settings.metrics_token.get_secret_value())
    return Response(generate_latest(metrics_of(request).registry), media_type=CONTENT_TYPE_LATEST)


def database_check(services: Services) -> ReadinessCheck:
    """Return the check that the database answers."""

    def check() -> None:
        with reading(services.sessions) as session:
            session.execute(select(1))

    return check


def _passes(name: str, check: ReadinessCheck) -> bool:
    try:
        check()
    except (StemhouseError, OSError, SQLAlchemyError) as error:
        logger.warning("not ready", extra={"check": name, "error": type(error).__name__})
        return False
    return True


def _refuse_strangers(request: Request, token: str) -> None:
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise Forbidden("the numbers need the token of the setting metrics_token")
        return
    # Behind a proxy on this machine every request comes from here: then only a token helps.
    through_proxy = any(name in request.headers for name in _FORWARDED)
    if through_proxy or not _is_this_machine(request.client.host if request.client else ""):
        raise Forbidden("the numbers are for this machine alone until metrics_token is set")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
