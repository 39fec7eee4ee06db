"""Numbers of the queue for Prometheus, read when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import SessionFactory, reading
from stemhouse.domains.separations import queries
from stemhouse.jobs.heartbeat import living


class QueueNumbers(Collector):
    """How many jobs wait and run, how long the first has waited, how many workers are alive."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def describe(self) -> Iterator[Metric]:
        """Name what `collect` gives, without asking the database."""
        return iter(_gauges())

    def collect(self) -> Iterator[Metric]:
        """Read the numbers; none while the database is away."""
        jobs, seconds, workers = _gauges()
        try:
            with reading(self._sessions) as session:
                counts = {row.state: row for row in session.execute(queries.unfinished_by_state())}
                alive = len(living(session))
        except SQLAlchemyError:
            return
        for state in ("queued", "processing"):
            found = counts.get(state)
            jobs.add_metric([state], found.jobs if found else 0)
            seconds.add_metric([state], found.audio_s if found else 0.0)
        workers.add_metric([], alive)
        yield from (jobs, seconds, workers)


def _gauges() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily("stemhouse_jobs", "Jobs that have not ended.", labels=["state"]),
        GaugeMetricFamily(
            "stemhouse_jobs_audio_seconds", "Audio of jobs that have not ended.", labels=["state"]
        ),
        GaugeMetricFamily("stemhouse_workers", "Workers that show signs of life."),
    )
