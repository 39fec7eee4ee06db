# An idle worker sleeps, and starts what is queued at once all the same.

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest

from stemhouse.db.session import SessionFactory
from stemhouse.domains.separations.tables import Job
from stemhouse.settings import Settings
from tests.service.installation import Installation, environment, installed, noise

# Who waits for the ordinary look waits for so long, which is longer than may be set; who hears the
# bell does not, on however slow a machine.
POLL_S = 90.0
SOON_S = 30.0

SELDOM = f"""
from stemhouse.cli.entry import read_settings
from stemhouse.cli.worker import run_worker
run_worker(read_settings(None).model_copy(update={{"worker_poll_s": {POLL_S}}}))
"""


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    settings = settings.model_copy(update={"worker_poll_s": 5.0, "heartbeat_s": 60.0})
    with installed(settings, sessions) as installation:
        yield installation


def start_worker_that_seldom_looks(house: Installation) -> None:
    variables = {**os.environ, **environment(house.settings)}
    house.workers.append(subprocess.Popen([sys.executable, "-c", SELDOM], env=variables))


def waited_s(job: Job) -> float:
    assert job.started_at is not None
    return (job.started_at - job.created_at) / timedelta(seconds=1)


def test_a_job_starts_at_once_although_the_queue_is_looked_at_seldom(house: Installation) -> None:
    owner = house.account()
    start_worker_that_seldom_looks(house)
    house.end_of(house.submit(owner, house.upload(owner, noise(1), 1)))
    time.sleep(1)

    job = house.end_of(house.submit(owner, house.upload(owner, noise(1, 2), 1)))

    assert job.state == "succeeded"
    assert waited_s(job) < SOON_S


def test_the_next_job_starts_when_the_one_before_has_ended(house: Installation) -> None:
    owner = house.account(max_running_jobs=3)
    start_worker_that_seldom_looks(house)
    house.end_of(house.submit(owner, house.upload(owner, noise(1), 1)))
    uploads = [house.upload(owner, noise(1, seed), 1) for seed in (2, 3, 4)]

    jobs = [house.end_of(job_id) for job_id in [house.submit(owner, one) for one in uploads]]

    assert [job.state for job in jobs] == ["succeeded"] * 3
    for before, after in pairwise(jobs):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert after.started_at - before.finished_at < timedelta(seconds=SOON_S)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_bell_that_is_cut_costs_one_look_and_rings_again(house: Installation) -> None:
    owner = house.account()
    start_worker_that_seldom_looks(house)
    house.end_of(house.submit(owner, house.upload(owner, noise(1), 1)))
    assert cut_bells(house) == 1

    first = house.end_of(house.submit(owner, house.upload(owner, noise(1, 2), 1)))
    house.wait_until(lambda: listening(house) == 1)
    second = house.end_of(house.submit(owner, house.upload(owner, noise(1, 3), 1)))

    assert [first.state, second.state] == ["succeeded"] * 2
    assert waited_s(first) < POLL_S + SOON_S
    assert waited_s(second) < SOON_S


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["postgresql"])
def test_an_idle_worker_leaves_the_database_alone(house: Installation) -> None:
    owner = house.account()
    house.start_worker()
    house.end_of(house.submit(owner, house.upload(owner, noise(1), 1)))
    # The server counts a second late.
    time.sleep(2.5)
    before, began = ask(house, TRANSACTIONS), time.monotonic()

    time.sleep(5)
    a_second = (ask(house, TRANSACTIONS) - before) / (time.monotonic() - began)

    # Two looks and the queue library's own chores are less than twenty a second. Looking by the
    # clock alone, often enough for a start within 100 ms, was more than sixty.
    assert 0 < a_second < 30


LISTENERS = "pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
TRANSACTIONS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


def cut_bells(house: Installation) -> int:
    return ask(house, f"SELECT count(pg_terminate_backend(pid)) FROM {LISTENERS}")


def listening(house: Installation) -> int:
    return ask(house, f"SELECT count(*) FROM {LISTENERS}")


def ask(house: Installation, question: str) -> int:
    url = house.settings.effective_database_url
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(question).fetchone()  # type: ignore[call-overload]
    return int(found[0])
