"""``stemhouse serve`` and ``stemhouse web``: the service in one process, and its web half."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Annotated

import typer

from stemhouse.cli.beginning import for_good
from stemhouse.cli.entry import ConfigOption, DataOption, read_settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Engine
    from uvicorn import Server

    from stemhouse.settings import Settings

_KEEP_ALIVE_S = 125
"""How long an idle connection stays open: longer than proxies keep theirs (nginx a minute, Caddy
two), or now and then a request would go out on a connection that is just being closed."""

_REFUSED = {
    errno.EADDRINUSE: "is taken by another program",
    errno.EACCES: "needs more rights than this program has",
}

_SETTLED_S = 3
"""How long after its start a service has time for what only later visitors want."""

HostOption = Annotated[
    str | None, typer.Option("--host", help="Address to listen on.", show_default="127.0.0.1")
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65_535, help="Port.", show_default="8000")
]


def serve(
    config: ConfigOption = None,
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataOption = None,
) -> None:
    """Start the whole service in one process: API, pages and a worker.

    With nothing set up it keeps everything in the user's data folder and makes its database.
    """
    with for_good():
        from stemhouse.db.checks import compare, upgrade

        settings = _settings(config, host=host, port=port, data_dir=data_dir)
        engine = _engine(settings)
        if settings.on_sqlite and compare(engine).kind == "empty":
            upgrade(engine)
    _run(settings, engine, with_worker=True)


def web(config: ConfigOption = None, host: HostOption = None, port: PortOption = None) -> None:
    """Start the web half: API and pages. Songs are separated by stemhouse worker."""
    settings = _settings(config, host=host, port=port)
    _run(settings, _engine(settings), with_worker=False)


def _settings(config: Path | None, **overrides: object) -> Settings:
    from stemhouse.logs import configure_logging
    from stemhouse.settings_sources import with_secret

    settings = with_secret(read_settings(config, **overrides))
    configure_logging(settings)
    return settings


def _engine(settings: Settings) -> Engine:
    from stemhouse.db.session import make_engine

    return make_engine(settings.effective_database_url)


def _run(settings: Settings, engine: Engine, *, with_worker: bool) -> None:
    # To look through modules and routes for garbage, now and then while people wait, would take a
    # quarter of a second.
    with for_good():
        from stemhouse.api.app import create_app
        from stemhouse.db.checks import check
        from stemhouse.sites.hosts import address_of

        check(engine)
        _check_address(settings.host, settings.port)
        app = create_app(settings, engine=engine, with_worker=with_worker)
        server = _server(app, settings)
    typer.echo(f"Stemhouse is at {settings.address}", err=True)
    for site in app.state.services.sites.all():
        typer.echo(f"  {site.title:<16} {address_of(site, settings.address)}/", err=True)
    # The reference of the API, half a second's work: its first reader would have waited for it.
    later = Timer(_SETTLED_S, app.openapi)
    later.daemon = True
    later.start()
    server.run()
    later.cancel()
    if not server.started:
        raise typer.Exit(1)


def _server(app: FastAPI, settings: Settings) -> Server:
    import uvicorn

    from stemhouse.api.protocol import PatientProtocol
    from stemhouse.api.proxies import behind_proxies

    return uvicorn.Server(
        uvicorn.Config(
            behind_proxies(app, settings.trusted_proxies),
            host=settings.host,
            port=settings.port,
            http=PatientProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # behind_proxies does it, and the host with it
            timeout_graceful_shutdown=round(settings.shutdown_s),
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
    )


def _check_address(host: str, port: int) -> None:
    """Find out whether there is room at an address, before a worker starts and says that it runs.

    Raises
    ------
    InvalidSettings
        Another program listens there, or this one may not.
    """
    from stemhouse.errors import InvalidSettings

    with suppress(socket.gaierror):  # what is no host at all, the server says itself
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "posix":  # as the server does; elsewhere it means something else
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(address)
                except OSError as error:
                    reason = _REFUSED.get(error.errno or 0)
                    if reason is not None:
                        raise InvalidSettings(
                            f"port {port} at {host} {reason}: choose another one with --port or "
                            "STEMHOUSE_PORT",
                            host=host,
                            port=port,
                        ) from error
