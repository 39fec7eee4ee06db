"""What accounts add to the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from stemhouse.domains.accounts import routes, routes_keys, service_ownership
from stemhouse.domains.accounts.housekeeping import Housekeeping
from stemhouse.domains.accounts.last_use import LastUse
from stemhouse.domains.accounts.mail import make_mailer
from stemhouse.http.part import Part
from stemhouse.http.services import Services


@contextmanager
def _running(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    settings = services.settings
    app.state.last_use = LastUse(settings.session_ttl_s)
    owned = service_ownership.owned_data(app.state.parts)
    housekeeping = Housekeeping(services, make_mailer(settings), app.state.last_use, owned)
    app.state.housekeeping = housekeeping
    housekeeping.start()
    try:
        yield
    finally:
        housekeeping.stop()


ACCOUNTS = Part(
    name="accounts",
    routers=(routes.router, routes_keys.router),
    lifespan=_running,
    owned=(service_ownership.OWNED,),
)
