"""``stemhouse worker``: separate the songs that wait in the queue."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from stemhouse.cli.beginning import for_good
from stemhouse.cli.entry import ConfigOption, read_settings

if TYPE_CHECKING:
    from stemhouse.settings import Settings


def worker(config: ConfigOption = None) -> None:
    """Separate the songs that wait, until stopped; what runs then goes on elsewhere."""
    from stemhouse.settings_sources import with_secret

    run_worker(with_secret(read_settings(config)))


def run_worker(settings: Settings) -> None:
    """Run a worker until SIGINT or SIGTERM."""
    with for_good():
        from stemhouse.db.checks import check
        from stemhouse.db.session import make_engine, make_sessions
        from stemhouse.domains.worker import running_worker
        from stemhouse.logs import configure_logging
        from stemhouse.storage import open_storage

        configure_logging(settings)
        engine = make_engine(settings.effective_database_url)
        check(engine)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with running_worker(settings, make_sessions(engine), open_storage(settings)):
        stopped.wait()
    engine.dispose()
