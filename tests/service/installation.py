# An installation with real workers: processes of their own, started and mistreated by tests.

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from sqlalchemy import select

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.plans import plan_for
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.accounts.scopes import ALL_SCOPES
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.billing.checking import check_books
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.separations import service
from stemhouse.domains.separations.lifecycle import Change
from stemhouse.domains.separations.service import Desk
from stemhouse.domains.separations.tables import Job, JobEvent, Result, ResultStem
from stemhouse.domains.separations.wishes import Wish
from stemhouse.domains.uploads.tables import Upload
from stemhouse.engine.options import Quality
from stemhouse.engine.progress import CancelToken
from stemhouse.engine.runtime import RuntimeOptions
from stemhouse.jobs import heartbeat
from stemhouse.jobs.child.messages import SeparationTask
from stemhouse.jobs.child.songs import SongBench
from stemhouse.jobs.queue import JobQueue, prepare_queue
from stemhouse.settings import Settings
from stemhouse.sites.loading import SITE_FILE, load_site
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.schema import Site
from stemhouse.storage import open_storage
from stemhouse.testing.sites import TEST_SITE, write_site

DATA = Path(__file__).parents[1] / "data"
MODEL = "tiny-2stems"
RATE = 44_100
FREE_CREDITS_S = 36_000


@dataclass
class Installation:
    settings: Settings
    sessions: SessionFactory
    queue: JobQueue
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def site(self) -> Site:
        return load_site(self.settings.data_dir / "sites" / TEST_SITE / SITE_FILE)

    def account(self, **limits: Any) -> Principal:
        account_id, now = new_id("acct"), datetime.now(UTC)
        with transaction(self.sessions) as session:
            session.add(
                Account(
                    id=account_id,
                    site_id=TEST_SITE,
                    kind="user",
                    email=f"{account_id}@example.org",
                    plan="free",
                    created_at=now,
                )
            )
        plan = dataclasses.replace(plan_for(self.site, "free"), **limits)
        return Principal(
            site_id=TEST_SITE,
            account_id=account_id,
            kind="user",
            plan=plan,
            scopes=ALL_SCOPES,
            via="key",
            credential_id="key",
        )

    def upload(self, owner: Principal, song: bytes, duration_s: float) -> str:
        upload_id, now = new_id("upl"), datetime.now(UTC)
        key = f"uploads/{upload_id}/song"
        open_storage(self.settings).put(key, song)
        with transaction(self.sessions) as session:
            session.add(
                Upload(
                    id=upload_id,
                    site_id=owner.site_id,
                    account_id=owner.account_id,
                    way="form",
                    state="ready",
                    name="A song",
                    size_bytes=len(song),
                    received_bytes=len(song),
                    song_key=key,
                    sha256=hashlib.sha256(song).hexdigest(),
                    container="wav",
                    codec="pcm_s16le",
                    duration_s=duration_s,
                    sample_rate=RATE,
                    channels=2,
                    tags={},
                    retention_s=86_400.0,
                    created_at=now,
                    ready_at=now,
                    expires_at=now + timedelta(days=1),
                )
            )
        return upload_id

    def submit(self, owner: Principal, upload_id: str, quality: Quality = "fast") -> str:
        desk = Desk(shelf=ModelShelf(self.settings.models_dir), site=self.site)
        with transaction(self.sessions) as session:
            change = Change(session, self.queue, LedgerPurse(self.settings), datetime.now(UTC))
            wish = Wish(upload_id=upload_id, quality=quality)
            return service.submit(change, owner, wish, desk).id

    def cancel(self, owner: Principal, job_id: str) -> None:
        with transaction(self.sessions) as session:
            change = Change(session, self.queue, LedgerPurse(self.settings), datetime.now(UTC))
            service.cancel(change, owner, job_id)

    def start_worker(self, **settings: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "stemhouse", "worker"],
            env={**os.environ, **environment(self.settings.model_copy(update=settings))},
        )
        self.workers.append(process)
        return process

    def job(self, job_id: str) -> Job:
        with transaction(self.sessions, read_only=True) as session:
            return session.get_one(Job, job_id)

    def wait(self, job_id: str, until: Callable[[Job], bool], within_s: float = 240) -> Job:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            job = self.job(job_id)
            if until(job):
                return job
            time.sleep(0.02)
        raise AssertionError(f"still {job.state}, attempt {job.attempt}, {job.done_samples}")

    def wait_until(self, holds: Callable[[], bool], within_s: float = 240) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def freeze(self, worker: subprocess.Popen[bytes]) -> None:
        # Not while it holds SQLite's one lock: nobody could write until it wakes up.
        while True:
            worker.send_signal(signal.SIGSTOP)
            if not self.settings.on_sqlite or self.can_write():
                return
            worker.send_signal(signal.SIGCONT)
            time.sleep(0.03)

    def can_write(self) -> bool:
        path = self.settings.effective_database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            connection.execute("ROLLBACK")
            return True

    def scratch_folders(self) -> list[Path]:
        return list((self.settings.data_dir / "scratch").glob("*/song-*"))

    def stored_files(self, job_id: str) -> list[str]:
        found = open_storage(self.settings).list("results/")
        return [file.key for file in found if f"/{job_id}/" in file.key]

    def ended_workers(self) -> list[str]:
        with transaction(self.sessions) as session:
            return heartbeat.ended(session)

    def end_of(self, job_id: str, within_s: float = 240) -> Job:
        return self.wait(job_id, lambda job: job.state not in {"queued", "processing"}, within_s)

    def in_mid_song(self, job_id: str) -> Job:
        return self.wait(job_id, lambda job: job.state == "processing" and job.done_samples > 0)

    def events(self, job_id: str) -> list[str]:
        with transaction(self.sessions, read_only=True) as session:
            kinds = select(JobEvent.kind).where(JobEvent.job_id == job_id)
            return list(session.scalars(kinds.order_by(JobEvent.number)))

    def digests(self, job: Job) -> list[tuple[str, str]]:
        with transaction(self.sessions, read_only=True) as session:
            stems = select(ResultStem.name, ResultStem.sha256)
            stems = stems.where(ResultStem.result_id == job.result_id)
            return [(row.name, row.sha256) for row in session.execute(stems)]

    def results(self) -> int:
        with transaction(self.sessions, read_only=True) as session:
            return len(list(session.scalars(select(Result.id))))

    def spent(self, owner: Principal) -> int:
        # What an account paid; checks on the way that nothing is held and that the books balance.
        with transaction(self.sessions, read_only=True) as session:
            assert check_books(session, datetime.now(UTC)) == []
            whose = Owner(owner.site_id, owner.account_id)
            ledger = Ledger(session, whose, "second", datetime.now(UTC))
            assert ledger.held() == 0
            return FREE_CREDITS_S - ledger.available()


@contextmanager
def installed(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    models = settings.data_dir / "models"
    shutil.copytree(DATA / MODEL, models / MODEL)
    settings = settings.model_copy(update={"models_dir": models})
    write_site(settings.data_dir / "sites")
    prepare_queue(settings.effective_database_url)
    queue = JobQueue(settings.effective_database_url, settings.gpu_qualities)
    installation = Installation(settings, sessions, queue)
    try:
        yield installation
    finally:
        for worker in installation.workers:
            end_family(worker)
        queue.close()


def environment(settings: Settings) -> dict[str, str]:
    names = [
        "data_dir",
        "models_dir",
        "worker_poll_s",
        "heartbeat_s",
        "dead_after_s",
        "max_attempts",
        "song_memory_bytes",
        "song_stall_s",
        "songs_at_once",
        "worker_queue",
        "storage_url",
        "s3_endpoint",
        "s3_access_key",
        "limits_storage",
    ]
    values = {f"STEMHOUSE_{name.upper()}": str(getattr(settings, name)) for name in names}
    return {
        **values,
        "STEMHOUSE_GPU_QUALITIES": ",".join(settings.gpu_qualities),
        "STEMHOUSE_DATABASE_URL": settings.effective_database_url,
        "STEMHOUSE_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "STEMHOUSE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


def children_of(worker: subprocess.Popen[bytes]) -> list[int]:
    # A process belongs to the thread that started it.
    lists = Path(f"/proc/{worker.pid}/task").glob("*/children")
    return [int(process) for listed in lists for process in listed.read_text().split()]


def end_family(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        worker.send_signal(signal.SIGCONT)
        worker.kill()
    worker.wait()


@lru_cache
def noise(seconds: float, seed: int = 0) -> bytes:
    samples = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2)) * 0.1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.wav"
        soundfile.write(path, samples.astype(np.float32), RATE)
        return path.read_bytes()


@lru_cache
def expected_digests(song: bytes) -> list[tuple[str, str]]:
    # What an undisturbed separation gives: the same engine, called in this process.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song"
        path.write_bytes(song)
        task = SeparationTask(
            task_id="expected",
            name="A song",
            source=str(path),
            folder=folder,
            model=str(DATA / MODEL),
            quality="fast",
        )
        facts = SongBench(None, RuntimeOptions()).separate(task, CancelToken(), lambda _event: None)
    return [(stem["name"], stem["sha256"]) for stem in facts["stems"]]
