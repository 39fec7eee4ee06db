"""Puts a worker together: the queue's loop, the steps of separations, the purse of billing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI

from stemhouse.db.session import SessionFactory
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.separations.attempt import Bench
from stemhouse.domains.separations.models import ModelShelf
from stemhouse.domains.separations.work import SeparationSteps, WorkOptions
from stemhouse.http.part import Part
from stemhouse.http.services import Services
from stemhouse.jobs.child.process import ChildOptions
from stemhouse.jobs.queue import JobQueue, prepare_queue
from stemhouse.jobs.worker import Worker, WorkerOptions
from stemhouse.settings import Settings
from stemhouse.storage import Storage, open_storage

_SCRATCH = "scratch"


@contextmanager
def running_worker(
    settings: Settings, sessions: SessionFactory, storage: Storage
) -> Iterator[Worker]:
    """Run a worker in this process until the block ends; its jobs then run elsewhere."""
    url = settings.effective_database_url
    prepare_queue(url)
    scratch = _own_scratch(settings.data_dir / _SCRATCH)
    queue = JobQueue(url)
    steps = SeparationSteps(
        Bench(sessions=sessions, storage=storage, scratch=scratch),
        queue,
        LedgerPurse(),
        ModelShelf(settings.models_dir),
        _work_options(settings),
    )
    worker = Worker(_worker_options(settings), sessions, steps)
    steps.warm()
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        queue.close()
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _beside_the_api(app: FastAPI) -> Iterator[None]:
    services: Services = app.state.services
    if not services.with_worker:
        yield
        return
    storage = open_storage(services.settings)
    with running_worker(services.settings, services.sessions, storage):
        yield


WORKER = Part(name="worker", lifespan=_beside_the_api)
"""Runs a worker inside the API's process, where that is wanted (``stemhouse serve``)."""


def _worker_options(settings: Settings) -> WorkerOptions:
    return WorkerOptions(
        database_url=settings.effective_database_url,
        songs_at_once=settings.songs_at_once,
        poll_s=settings.worker_poll_s,
        heartbeat_s=settings.heartbeat_s,
        dead_after_s=settings.dead_after_s,
        # Lost jobs and expired results can wait as long as dead workers.
        sweep_s=settings.dead_after_s,
    )


def _work_options(settings: Settings) -> WorkOptions:
    return WorkOptions(
        children=ChildOptions(
            memory_bytes=settings.song_memory_bytes or None,
            stall_s=settings.song_stall_s,
            models_folder=None if settings.models_dir is None else str(settings.models_dir),
            provider=settings.provider,
            device=settings.device,
            precision=settings.precision,
            threads=settings.threads or None,
        ),
        songs_at_once=settings.songs_at_once,
        max_attempts=settings.max_attempts,
    )


def _own_scratch(root: Path) -> Path:
    """Return a folder for this process, and remove those of processes that are gone."""
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.iterdir():
        if folder.name.isdigit() and not _runs(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
    own = root / str(os.getpid())
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    return own


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
