# The servers that workers stand on go away and come back: PostgreSQL and S3.

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from stemhouse.db.checks import upgrade
from stemhouse.db.session import SessionFactory, make_engine, transaction
from stemhouse.domains.separations.tables import Job
from stemhouse.jobs.tables import WorkerRow
from stemhouse.settings import Settings
from stemhouse.storage import S3Options
from stemhouse.testing.s3_server import running_s3
from tests.service.conftest import create_postgres_database
from tests.service.installation import (
    Installation,
    expected_digests,
    installed,
    noise,
)
from tests.service.lines import Line
from tests.service.postgres import PrivatePostgres, find_binaries

pytestmark = pytest.mark.faults

SONG_S = 120.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL is installed that these tests could stop")
    server = PrivatePostgres(binaries)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def database_url(postgres: PrivatePostgres) -> str:
    url = f"{postgres.url}/{create_postgres_database(postgres.url)}"
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Options]:
    with running_s3(tmp_path_factory.mktemp("s3")) as options:
        yield options


@pytest.fixture
def line(s3_server: S3Options) -> Iterator[Line]:
    port = urlsplit(s3_server.endpoint or "").port
    assert port is not None
    line = Line(port)
    yield line
    line.end()


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


@pytest.fixture
def bucket_house(
    settings: Settings,
    sessions: SessionFactory,
    s3_server: S3Options,
    line: Line,
    tmp_path: Path,
) -> Iterator[Installation]:
    changes = {
        "storage_url": f"s3://{s3_server.bucket}/{tmp_path.name}",
        "s3_endpoint": f"http://127.0.0.1:{line.port}",
        "s3_access_key": s3_server.access_key_id,
        "s3_secret_key": SecretStr(s3_server.secret_access_key or ""),
    }
    with installed(settings.model_copy(update=changes), sessions) as installation:
        yield installation


def assert_ended_well(house: Installation, job: Job, song: bytes) -> None:
    assert (job.state, job.error_code) == ("succeeded", None)
    assert house.digests(job) == expected_digests(song)
    assert house.events(job.id).count("succeeded") == 1


# --- PostgreSQL


def test_a_song_outlives_a_restart_of_the_database(
    house: Installation, postgres: PrivatePostgres
) -> None:
    song, owner = noise(SONG_S), house.account()
    worker = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    postgres.stop()
    time.sleep(3)
    postgres.start()

    job = house.end_of(job_id)
    next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))

    assert_ended_well(house, job, song)
    assert job.attempt == 1
    assert next_job.state == "succeeded"
    assert worker.poll() is None
    assert house.spent(owner) == SONG_S + 5


def test_songs_of_two_workers_outlive_a_crash_of_the_database(
    house: Installation, postgres: PrivatePostgres
) -> None:
    songs, owner = [noise(SONG_S), noise(SONG_S, 1)], house.account(max_running_jobs=2)
    workers = [house.start_worker(), house.start_worker()]
    job_ids = [house.submit(owner, house.upload(owner, song, SONG_S)) for song in songs]
    for job_id in job_ids:
        house.in_mid_song(job_id)
    postgres.stop(signal.SIGQUIT)
    # Longer than silence may last: each may hold the other for dead, wrongly.
    time.sleep(house.settings.dead_after_s + 1.5)
    postgres.start()

    jobs = [house.end_of(job_id) for job_id in job_ids]

    for job, song in zip(jobs, songs, strict=True):
        assert_ended_well(house, job, song)
    assert house.results() == 2
    assert house.spent(owner) == 2 * SONG_S
    assert [worker.poll() for worker in workers] == [None, None]


# --- S3


def test_a_song_outlives_a_storage_that_is_cut_for_a_moment(
    bucket_house: Installation, line: Line
) -> None:
    house, song = bucket_house, noise(SONG_S)
    owner = house.account()
    worker = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    line.cut()
    time.sleep(4)
    line.mend()

    job = house.end_of(job_id)

    assert_ended_well(house, job, song)
    assert line.refused > 0
    assert worker.poll() is None
    assert house.results() == 1
    assert house.spent(owner) == SONG_S


def test_a_storage_that_stays_away_ends_the_song_and_pays_it_back(
    bucket_house: Installation, line: Line
) -> None:
    house, owner = bucket_house, bucket_house.account()
    worker = house.start_worker(max_attempts=1)
    job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S))
    house.in_mid_song(job_id)
    line.cut()

    job = house.end_of(job_id)
    paid = house.spent(owner)
    line.mend()
    next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))
    house.wait_until(lambda: not house.stored_files(job_id))

    assert (job.state, job.error_code) == ("failed", "external_error")
    assert paid == 0
    assert next_job.state == "succeeded"
    assert worker.poll() is None
    assert house.spent(owner) == 5


# --- everything at once


def test_forty_songs_of_eight_accounts_all_end_although_a_worker_is_killed(
    bucket_house: Installation,
) -> None:
    house, length_s = bucket_house, 4.0
    songs = [noise(length_s, seed) for seed in range(5)]
    owners = [house.account(max_running_jobs=2, max_files_at_once=5) for _ in range(8)]
    workers = [house.start_worker() for _ in range(3)]
    jobs = {
        house.submit(owner, house.upload(owner, song, length_s)): (owner, song)
        for song in songs
        for owner in owners
    }
    kill_in_mid_song(house, workers)

    ended = {job_id: house.end_of(job_id, within_s=300) for job_id in jobs}

    for job_id, job in ended.items():
        assert_ended_well(house, job, jobs[job_id][1])
    assert sum(job.attempt for job in ended.values()) > len(jobs), "one of them began again"
    assert house.results() == len(jobs) == 40
    assert [house.spent(owner) for owner in owners] == [5 * length_s] * 8
    for job_id, job in ended.items():
        last = f"/{job_id}/{job.attempt}/"
        house.wait_until(partial(only_files_of, house, job_id, last))


def kill_in_mid_song(house: Installation, workers: list[subprocess.Popen[bytes]]) -> None:
    processes = {worker.pid: worker for worker in workers}
    running = (
        select(WorkerRow.process_id)
        .join(Job, Job.runner == WorkerRow.executor_id)
        .where(Job.state == "processing")
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with transaction(house.sessions, read_only=True) as session:
            busy = list(session.scalars(running))
        for process_id in busy[:1]:
            # It may end its song this very moment: not while it is stopped.
            processes[process_id].send_signal(signal.SIGSTOP)
            with transaction(house.sessions, read_only=True) as session:
                if process_id in session.scalars(running):
                    processes[process_id].kill()
                    return
            processes[process_id].send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("no worker was ever busy")


def only_files_of(house: Installation, job_id: str, attempt: str) -> bool:
    return all(attempt in key for key in house.stored_files(job_id))
