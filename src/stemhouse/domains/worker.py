"""Puts a worker together: queue, steps of separations, purse of billing, sender of webhooks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from fastapi import FastAPI

from stemhouse.db.session import SessionFactory
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.separations.attempt import Bench
from stemhouse.domains.separations.work import SeparationSteps, WorkOptions
from stemhouse.domains.webhooks.announce import JobAnnouncer
from stemhouse.domains.webhooks.sending import DeliveryRunner, SendingOptions
from stemhouse.errors import InvalidSettings, InvalidSites
from stemhouse.http.outbound import OutboundPolicy
from stemhouse.http.part import Part
from stemhouse.http.services import Services, utc_now
from stemhouse.jobs.child.process import ChildOptions
from stemhouse.jobs.queue import JobQueue, prepare_queue
from stemhouse.jobs.scratch import own_scratch
from stemhouse.jobs.worker import Worker, WorkerOptions
from stemhouse.settings import Settings
from stemhouse.sites.book import SiteBook
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.place import open_book, site_address
from stemhouse.storage import Storage, open_storage

_log = logging.getLogger(__name__)

_SCRATCH = "scratch"


@contextmanager
def running_worker(
    settings: Settings, sessions: SessionFactory, storage: Storage
) -> Iterator[Worker]:
    """Run a worker in this process until the block ends; its jobs then run elsewhere."""
    url = settings.effective_database_url
    prepare_queue(url)
    queue = JobQueue(url, settings.gpu_qualities)
    with own_scratch(settings.data_dir / _SCRATCH) as scratch:
        steps = SeparationSteps(
            Bench(sessions=sessions, storage=storage, scratch=scratch),
            queue,
            LedgerPurse(settings),
            ModelShelf(settings.models_dir),
            options=_work_options(settings),
        )
        worker = Worker(_worker_options(settings), sessions, steps)
        webhooks = DeliveryRunner(sessions, utc_now, _sending_options(settings))
        steps.warm()
        worker.start()
        webhooks.start()
        try:
            yield worker
        finally:
            worker.stop()
            webhooks.stop()
            queue.close()


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
    if settings.worker_queue == "gpu" and not settings.gpu_qualities:
        raise InvalidSettings(
            "worker_queue is gpu, but gpu_qualities names no quality: this worker would wait for "
            "ever; set gpu_qualities, here and for stemhouse web, or take worker_queue away"
        )
    return WorkerOptions(
        database_url=settings.effective_database_url,
        lane=settings.worker_queue,
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
        announce=JobAnnouncer(
            utc_now, partial(site_address, settings.address, _book_if_there_is(settings))
        ),
    )


def _book_if_there_is(settings: Settings) -> SiteBook | None:
    try:
        return open_book(settings)
    except InvalidSites as error:
        # Songs come apart without them. Only the web processes cannot do without.
        _log.warning("webhooks will name sites by their paths", extra={"problem": str(error)})
        return None


def _sending_options(settings: Settings) -> SendingOptions:
    policy = OutboundPolicy(settings.allow_private_addresses, settings.webhook_timeout_s)
    return SendingOptions(policy=policy)
