"""Numbers of the queue: for operators, and for Prometheus, read when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, reading
from stemhouse.domains.separations import queries
from stemhouse.jobs.heartbeat import LiveWorker, living
from stemhouse.jobs.queue import QUEUES, Lane


def unattended(session: Session, workers: Sequence[LiveWorker]) -> dict[Lane, int]:
    """Count the jobs that wait for workers of which none runs, by the workers they are for."""
    taken = {worker.lane for worker in workers}
    waiting = session.execute(queries.waiting_by_lane())
    return {cast(Lane, row.lane): row.jobs for row in waiting if row.lane not in taken}


class QueueNumbers(Collector):
    """How many jobs wait and run, how many workers are alive, what waits for none."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def describe(self) -> Iterator[Metric]:
        """Name what `collect` gives, without asking the database."""
        return iter(_gauges())

    def collect(self) -> Iterator[Metric]:
        """Read the numbers; none while the database is away."""
        jobs, seconds, workers, stuck = _gauges()
        try:
            with reading(self._sessions) as session:
                counts = {row.state: row for row in session.execute(queries.unfinished_by_state())}
                living_workers = living(session)
                waiting = unattended(session, living_workers)
        except SQLAlchemyError:
            return
        for state in ("queued", "processing"):
            found = counts.get(state)
            jobs.add_metric([state], found.jobs if found else 0)
            seconds.add_metric([state], found.audio_s if found else 0.0)
        alive = Counter(worker.lane for worker in living_workers)
        for lane in QUEUES:
            workers.add_metric([lane], alive[lane])
            stuck.add_metric([lane], waiting.get(lane, 0))
        yield from (jobs, seconds, workers, stuck)


def _gauges() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily("stemhouse_jobs", "Jobs that have not ended.", labels=["state"]),
        GaugeMetricFamily(
            "stemhouse_jobs_audio_seconds", "Audio of jobs that have not ended.", labels=["state"]
        ),
        GaugeMetricFamily(
            "stemhouse_workers", "Workers that show signs of life.", labels=["queue"]
        ),
        GaugeMetricFamily(
            "stemhouse_jobs_unattended",
            "Jobs that wait for workers of which none runs.",
            labels=["queue"],
        ),
    )
