"""Handing jobs to the queue, inside the transaction that makes them."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final, Literal

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy.orm import Session

from stemhouse.db.session import make_engine
from stemhouse.jobs.bell import ring

APPLICATION: Final = "stemhouse"
Lane = Literal["cpu", "gpu"]
"""Which workers take a job."""

QUEUES: Final[dict[Lane, str]] = {"cpu": "songs", "gpu": "songs_gpu"}
"""What the lanes are called in the database."""

WORKFLOW: Final = "separate_song_1"
"""The name says the shape: with other steps, or other answers of steps, it is another name."""

VERSION: Final = "1"
"""Pinned, because the queue library otherwise recovers nothing across releases of ours."""

MOST_URGENT: Final = 1
"""Zero would be 'unset', and first of all."""

LEAST_URGENT: Final = 2**31 - 1

# It tells every step of its own start-up; what it warns of is worth reading.
logging.getLogger("dbos").setLevel(logging.WARNING)

_TIERS: Final = 100
_STEP: Final = 1_000_000


def priority(tier: int, unfinished: int) -> int:
    """Return the place of a job among the waiting: lower runs first.

    Parameters
    ----------
    tier : int
        The plan's, 0 to 99; lower is better.
    unfinished : int
        Jobs that the account has waiting and running already, so that the tenth song of one does
        not keep the first song of another waiting.
    """
    within = min(max(unfinished, 0), _STEP - 1)
    return MOST_URGENT + min(max(tier, 0), _TIERS - 1) * _STEP + within


class JobQueue:
    """Queues jobs. Made once per process; it opens no connection of its own to submit.

    Parameters
    ----------
    database_url : str
        The database that holds both our tables and the queue's.
    gpu_kinds : collection of str
        Kinds of jobs that are for workers with a GPU; all others are for those without.
    """

    def __init__(self, database_url: str, gpu_kinds: Collection[str] = ()) -> None:
        self._gpu_kinds = frozenset(gpu_kinds)
        url = library_url(database_url)
        self._client = DBOSClient(
            system_database_url=url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            system_database_pool_size=1,
            lazy=True,
        )

    def lane_of(self, kind: str) -> Lane:
        """Return which workers jobs of a kind are for."""
        return "gpu" if kind in self._gpu_kinds else "cpu"

    def submit(self, session: Session, job_id: str, urgency: int, lane: Lane) -> None:
        """Queue a job in the caller's transaction: it exists when and only when that commits.

        Submitting the same job again changes nothing.
        """
        self._client.enqueue_in_transaction(
            session,
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUES[lane],
                "workflow_id": job_id,
                "app_version": VERSION,
                "priority": urgency,
            },
            job_id,
        )
        ring(session)

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()


def prepare_queue(database_url: str) -> None:
    """Create or upgrade the queue's own tables; safe to repeat.

    On PostgreSQL they are in the schema ``dbos``; on SQLite they lie beside ours, because one
    transaction must reach both.
    """
    engine = make_engine(database_url)
    if engine.dialect.name == "sqlite":
        # Sets write-ahead logging, which stays with the file.
        engine.connect().close()
    engine.dispose()
    DBOS.migrate(library_url(database_url))


def library_url(database_url: str) -> str:
    """Return the address as the queue library wants it: PostgreSQL without a driver's name."""
    return database_url.replace("postgresql+psycopg://", "postgresql://", 1)
