"""What accounts add to the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, FastAPI

from stemhouse.domains.accounts import routes, routes_keys, routes_openid, service_ownership
from stemhouse.domains.accounts.alarms import AlarmNumbers
from stemhouse.domains.accounts.housekeeping import Housekeeping
from stemhouse.domains.accounts.last_use import LastUse
from stemhouse.domains.accounts.mail import make_mailer
from stemhouse.domains.accounts.openid import OpenIdProvider
from stemhouse.http.part import Part
from stemhouse.http.services import Services
from stemhouse.settings import Settings


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    settings = services.settings
    app.state.last_use = LastUse(settings.session_ttl_s)
    app.state.metrics.registry.register(AlarmNumbers(services.sessions))
    if settings.openid_issuer:
        app.state.openid = OpenIdProvider(settings)
    owned = service_ownership.owned_data(app.state.parts)
    housekeeping = Housekeeping(services, make_mailer(settings), app.state.last_use, owned)
    app.state.housekeeping = housekeeping
    housekeeping.start()
    try:
        yield
    finally:
        housekeeping.stop()


def _optional_routers(settings: Settings) -> tuple[APIRouter, ...]:
    return (routes_openid.router,) if settings.openid_issuer else ()


ACCOUNTS = Part(
    name="accounts",
    routers=(routes.router, routes_keys.router),
    optional_routers=_optional_routers,
    lifespan=_running,
    owned=(service_ownership.OWNED,),
)
