# Songs wait for workers of their kind. A worker is told its queue and needs no GPU to be tried.

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from stemhouse.db.session import SessionFactory
from stemhouse.settings import Settings
from tests.service.conftest import Member
from tests.service.installation import Installation, environment, installed, noise

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"gpu_qualities": ("best",)})


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


def test_each_kind_of_worker_takes_its_own_songs(house: Installation) -> None:
    owner = house.account(max_running_jobs=4)
    for_gpu = house.submit(owner, house.upload(owner, noise(1), 1), "best")
    for_cpu = house.submit(owner, house.upload(owner, noise(1, 2), 1), "fast")

    house.start_worker()
    ended = house.end_of(for_cpu)
    waiting = house.job(for_gpu)
    house.start_worker(worker_queue="gpu")
    ended_later = house.end_of(for_gpu)

    assert (ended.state, ended.lane) == ("succeeded", "cpu")
    assert (waiting.state, waiting.lane) == ("queued", "gpu")
    assert ended_later.state == "succeeded"


def test_a_song_of_a_dead_worker_waits_for_another_of_its_kind(house: Installation) -> None:
    owner = house.account()
    house.start_worker()
    dying = house.start_worker(worker_queue="gpu")
    job_id = house.submit(owner, house.upload(owner, noise(40), 40), "best")
    house.in_mid_song(job_id)

    dying.kill()
    house.start_worker(worker_queue="gpu")
    job = house.end_of(job_id)

    assert (job.state, job.attempt) == ("succeeded", 2)
    assert house.events(job_id) == ["queued", "started", "started", "succeeded"]


def test_places_are_counted_among_those_who_wait_for_the_same(
    client: TestClient, member: Member
) -> None:
    answer = client.post("/v1/uploads", files={"file": noise(3)}, headers=member.headers)
    upload_id = answer.json()["id"]

    jobs = [
        client.post(
            "/v1/jobs", json={"upload_id": upload_id, "quality": quality}, headers=member.headers
        ).json()
        for quality in ("fast", "standard", "best")
    ]

    assert [job["queue"]["place"] for job in jobs] == [1, 2, 1]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_worker_for_songs_that_never_come_does_not_start(settings: Settings) -> None:
    given = settings.model_copy(update={"worker_queue": "gpu", "gpu_qualities": ()})

    worker = subprocess.run(
        [sys.executable, "-m", "stemhouse", "worker"],
        env=environment(given),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert worker.returncode != 0
    assert "gpu_qualities" in worker.stderr
