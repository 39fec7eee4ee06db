# Real workers, mistreated: every job ends, once, with the right result, and the books balance.

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from stemhouse.db.session import SessionFactory
from stemhouse.domains.separations.tables import Job
from stemhouse.settings import Settings
from tests.service.installation import (
    RATE,
    Installation,
    children_of,
    end_family,
    expected_digests,
    installed,
    noise,
)

pytestmark = pytest.mark.faults

SONG_S = 120.0


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


def assert_ended_well(house: Installation, job: Job, song: bytes) -> None:
    assert (job.state, job.error_code) == ("succeeded", None)
    assert house.digests(job) == expected_digests(song)
    assert house.events(job.id).count("succeeded") == 1


def test_a_killed_workers_song_ends_on_another_worker(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    first = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    first.kill()
    second = house.start_worker()

    job = house.end_of(job_id)

    assert_ended_well(house, job, song)
    assert job.attempt == 2
    assert house.results() == 1
    assert house.spent(owner) == SONG_S
    end_family(second)


def test_a_worker_that_wakes_up_takes_no_part_in_what_went_on(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    sleeper = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    house.freeze(sleeper)
    house.start_worker()
    job = house.end_of(job_id)
    sleeper.send_signal(signal.SIGCONT)
    time.sleep(2)

    job_after = house.job(job_id)

    assert_ended_well(house, job, song)
    assert (job_after.attempt, job_after.last_event) == (2, job.last_event)
    assert house.results() == 1
    assert house.spent(owner) == SONG_S
    assert sleeper.poll() is None


def test_a_worker_that_woke_up_works_again_under_a_new_name(house: Installation) -> None:
    song, owner = noise(30), house.account()
    sleeper = house.start_worker()
    warm_up = house.submit(owner, house.upload(owner, noise(5), 5))
    former = house.end_of(warm_up).runner
    house.freeze(sleeper)
    other = house.start_worker()
    house.wait_until(lambda: former in house.ended_workers())
    end_family(other)
    sleeper.send_signal(signal.SIGCONT)

    job = house.end_of(house.submit(owner, house.upload(owner, song, 30)))

    assert_ended_well(house, job, song)
    assert job.runner != former


def test_a_crash_of_the_child_costs_an_attempt_and_nothing_else(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    worker = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    for child in children_of(worker):
        os.kill(child, signal.SIGSEGV)

    job = house.end_of(job_id)

    assert_ended_well(house, job, song)
    assert (job.attempt, job.failures) == (2, 1)
    assert "retrying" in house.events(job_id)
    assert worker.poll() is None
    assert house.spent(owner) == SONG_S


def test_a_song_that_crashes_every_child_fails_after_three_attempts(house: Installation) -> None:
    owner = house.account()
    worker = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S))
    deadline = time.monotonic() + 120
    while house.job(job_id).state in {"queued", "processing"} and time.monotonic() < deadline:
        if house.job(job_id).state == "processing":
            for child in children_of(worker):
                os.kill(child, signal.SIGABRT)
        time.sleep(0.2)

    job = house.end_of(job_id)
    next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))

    assert (job.state, job.error_code) == ("failed", "separation_crashed")
    assert (job.attempt, job.failures) == (3, 2)
    assert next_job.state == "succeeded"
    assert worker.poll() is None
    assert house.spent(owner) == 5


def test_a_song_that_needs_too_much_memory_fails_with_a_code(house: Installation) -> None:
    owner = house.account()
    worker = house.start_worker(song_memory_bytes=100_000_000)
    job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S))

    job = house.end_of(job_id)

    assert (job.state, job.error_code) == ("failed", "out_of_memory")
    assert worker.poll() is None
    assert house.spent(owner) == 0


def test_a_file_that_is_not_audio_fails_at_once(house: Installation) -> None:
    owner = house.account()
    house.start_worker()
    job_id = house.submit(owner, house.upload(owner, b"not a song" * 1000, SONG_S))

    job = house.end_of(job_id)

    assert (job.state, job.error_code, job.attempt) == ("failed", "unsupported_audio", 1)
    assert house.spent(owner) == 0


def test_a_running_song_is_cancelled_and_let_go_of(house: Installation) -> None:
    owner = house.account()
    worker = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S), "best")
    house.in_mid_song(job_id)
    house.cancel(owner, job_id)

    job = house.end_of(job_id)
    # The worker has let go of it when its scratch files are gone.
    house.wait_until(lambda: not house.scratch_folders())
    next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))

    assert job.state == "canceled"
    assert job.done_samples < SONG_S * RATE
    assert next_job.state == "succeeded"
    assert worker.poll() is None
    assert house.spent(owner) == 5
    house.wait_until(lambda: not house.stored_files(job_id))


def test_a_song_is_cancelled_while_its_worker_is_frozen(house: Installation) -> None:
    owner = house.account()
    sleeper = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S))
    house.in_mid_song(job_id)
    house.freeze(sleeper)
    house.cancel(owner, job_id)

    job = house.end_of(job_id)
    sleeper.send_signal(signal.SIGCONT)
    next_job = house.end_of(house.submit(owner, house.upload(owner, noise(5), 5)))

    assert job.state == "canceled"
    assert next_job.state == "succeeded"
    assert house.events(job_id).count("canceled") == 1
    assert house.spent(owner) == 5
    house.wait_until(lambda: not house.stored_files(job_id))


def test_the_child_of_a_killed_worker_ends_with_it(house: Installation) -> None:
    owner = house.account()
    worker = house.start_worker()
    house.in_mid_song(house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S)))
    children = [psutil.Process(child) for child in children_of(worker)]
    worker.kill()
    worker.wait()

    _, alive = psutil.wait_procs(children, timeout=30)

    assert children
    assert [child.status() for child in alive] in ([], [psutil.STATUS_ZOMBIE])


def test_a_cancelled_song_of_a_killed_worker_is_not_revived(house: Installation) -> None:
    owner = house.account()
    first = house.start_worker()
    job_id = house.submit(owner, house.upload(owner, noise(SONG_S), SONG_S))
    house.in_mid_song(job_id)
    first.kill()
    house.cancel(owner, job_id)
    house.start_worker()

    job = house.end_of(job_id)

    assert (job.state, job.attempt) == ("canceled", 1)
    assert house.spent(owner) == 0


def test_a_storage_that_is_cut_ends_the_song_and_pays_it_back(house: Installation) -> None:
    owner = house.account()
    house.start_worker()
    upload = house.upload(owner, noise(SONG_S), SONG_S)
    files = house.settings.data_dir / "files"
    job_id = house.submit(owner, upload)
    house.in_mid_song(job_id)
    shutil.move(files, files.with_name("elsewhere"))
    files.write_text("a file where a folder was")

    job = house.end_of(job_id)

    assert job.state == "failed"
    assert job.error_code in {"external_error", "source_not_found", "external_refused"}
    assert house.spent(owner) == 0


def test_a_worker_that_is_stopped_hands_its_song_on_at_once(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    # Silence would be noticed long after the test has given up.
    first = house.start_worker(dead_after_s=3600)
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    house.start_worker(dead_after_s=3600)
    first.terminate()

    job = house.end_of(job_id)

    assert_ended_well(house, job, song)
    assert first.wait(timeout=60) == 0
    assert house.spent(owner) == SONG_S


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_song_outlives_the_connections_of_its_worker(house: Installation) -> None:
    song, owner = noise(SONG_S), house.account()
    house.start_worker()
    job_id = house.submit(owner, house.upload(owner, song, SONG_S))
    house.in_mid_song(job_id)
    name = house.settings.effective_database_url.rsplit("/", 1)[1]
    with psycopg.connect(house.settings.effective_database_url, autocommit=True) as connection:
        for _ in range(5):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND pid <> pg_backend_pid()",
                [name],
            )
            time.sleep(0.2)

    job = house.end_of(job_id)

    assert_ended_well(house, job, song)
    assert house.spent(owner) == SONG_S


def test_songs_of_several_accounts_all_end_while_workers_are_killed(house: Installation) -> None:
    owners = [house.account() for _ in range(3)]
    jobs = {
        house.submit(owner, house.upload(owner, noise(20, seed), 20)): (owner, seed)
        for owner in owners
        for seed in (1, 2)
    }
    workers = [house.start_worker(), house.start_worker()]
    for worker in workers:
        time.sleep(3)
        worker.kill()
        house.start_worker()

    ended = {job_id: house.end_of(job_id) for job_id in jobs}

    for job_id, job in ended.items():
        assert_ended_well(house, job, noise(20, jobs[job_id][1]))
    assert [house.spent(owner) for owner in owners] == [40, 40, 40]
