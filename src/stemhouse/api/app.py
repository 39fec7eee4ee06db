"""Puts the application together from settings and parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from stemhouse._version import __version__
from stemhouse.api.bodies import Bodies
from stemhouse.api.cross_origin import CrossOrigin
from stemhouse.api.edge import Edge
from stemhouse.api.errors import install_error_bodies
from stemhouse.api.health import database_check
from stemhouse.api.openapi import describe
from stemhouse.api.parts import PARTS
from stemhouse.api.routes import join_routes, often_first, routers_of
from stemhouse.api.sites import Sites
from stemhouse.api.tracing import make_tracing
from stemhouse.db.session import make_engine, make_sessions
from stemhouse.http.limits import RateLimits
from stemhouse.http.metrics import Metrics
from stemhouse.http.part import Part
from stemhouse.http.services import Clock, Services, utc_now
from stemhouse.settings import Settings
from stemhouse.sites.place import open_book


def create_app(
    settings: Settings,
    *,
    engine: Engine | None = None,
    clock: Clock = utc_now,
    with_worker: bool = False,
    parts: Sequence[Part] = PARTS,
) -> FastAPI:
    """Return the application; nothing is opened before it starts.

    Parameters
    ----------
    settings : Settings
        With a secret key (``settings_sources.with_secret``).
    engine : Engine, optional
        The database; made from the settings where absent.
    clock : callable
        Tells the time; tests bring their own.
    with_worker : bool
        Whether this process also separates songs.
    parts : sequence of Part
        The domains that take part.
    """
    engine = engine or make_engine(settings.effective_database_url)
    app = FastAPI(
        title="Stemhouse",
        version=__version__,
        summary="Take songs apart.",
        lifespan=_lifespan,
        docs_url=None,  # the pages have a reference of their own
        redoc_url=None,
    )
    app.state.services = Services(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        sites=open_book(settings),
        clock=clock,
        with_worker=with_worker,
    )
    services: Services = app.state.services
    app.state.parts = tuple(parts)
    app.state.metrics = Metrics()
    app.state.tracing = make_tracing(settings)
    app.state.rate_limits = RateLimits(settings, services.sessions, clock)
    app.state.readiness = {"database": database_check(services)}
    install_error_bodies(app)
    app.router.routes += often_first(join_routes(routers_of(parts, settings)))
    app.add_middleware(Bodies)
    app.add_middleware(Sites)
    app.add_middleware(CrossOrigin)
    app.add_middleware(Edge)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    stack = ExitStack()
    app.state.services.sites.tell()
    stack.callback(app.state.services.engine.dispose)
    if app.state.tracing is not None:
        stack.callback(app.state.tracing.close)
    try:
        for part in app.state.parts:
            if part.lifespan is not None:
                await run_in_threadpool(stack.enter_context, part.lifespan(app))
        yield
    finally:
        await run_in_threadpool(stack.close)
