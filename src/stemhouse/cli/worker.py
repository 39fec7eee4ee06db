"""``stemhouse worker``: separate the songs that wait in the queue."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stemhouse.settings import Settings


def worker(
    config: Annotated[
        Path | None, typer.Option("--config", help="A TOML file with settings.", dir_okay=False)
    ] = None,
) -> None:
    """Separate the songs that wait, until stopped; what runs then goes on elsewhere."""
    from stemhouse.settings_sources import load_settings, with_secret

    # The entry point of this process: settings are read here and passed down.
    environment = dict(os.environ)  # noqa: TID251
    run_worker(with_secret(load_settings(environment, config)))


def run_worker(settings: Settings) -> None:
    """Run a worker until SIGINT or SIGTERM."""
    from stemhouse.db.checks import check
    from stemhouse.db.session import make_engine, make_sessions
    from stemhouse.domains.worker import open_storage, running_worker
    from stemhouse.logs import configure_logging

    configure_logging(settings)
    engine = make_engine(settings.effective_database_url)
    check(engine)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with running_worker(settings, make_sessions(engine), open_storage(settings)):
        stopped.wait()
    engine.dispose()
