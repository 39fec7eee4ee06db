# Songs wait for workers of their kind. A worker is told its queue and needs no GPU to be tried.

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account
from stemhouse.jobs import heartbeat
from stemhouse.jobs.heartbeat import Calling
from stemhouse.settings import Settings
from tests.service.conftest import Member
from tests.service.installation import Installation, environment, installed, noise


@pytest.fixture
def settings(settings: Settings) -> Settings:
    token = SecretStr("numbers")
    return settings.model_copy(update={"gpu_qualities": ("best",), "metrics_token": token})


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


def test_a_song_for_which_no_worker_runs_promises_no_time(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    make_operator(sessions, member)
    with transaction(sessions) as session:
        heartbeat.register(session, "wrk_1", Calling(songs_at_once=1))
    made = {quality: submitted(client, member, quality) for quality in ("fast", "best")}
    alone = shown(client, member, made)
    told = client.get("/v1/admin/overview", headers=member.headers).json()
    numbers = client.get("/metrics", headers={"Authorization": "Bearer numbers"}).text

    with transaction(sessions) as session:
        heartbeat.register(session, "wrk_2", Calling(songs_at_once=1, lane="gpu"))
    together = shown(client, member, made)
    told_later = client.get("/v1/admin/overview", headers=member.headers).json()

    assert (alone["fast"]["place"], alone["best"]["place"]) == (1, 1)
    assert alone["fast"]["estimate_s"] > 0
    assert alone["best"]["estimate_s"] is None
    assert together["best"]["estimate_s"] > 0
    (problem,) = told["problems"]
    assert problem.startswith("1 waiting for a worker of the queue gpu")
    assert told_later["problems"] == []
    assert [worker["queue"] for worker in told_later["workers"]] == ["cpu", "gpu"]
    assert 'stemhouse_jobs_unattended{queue="gpu"} 1.0' in numbers
    assert 'stemhouse_jobs_unattended{queue="cpu"} 0.0' in numbers


def test_a_killed_worker_is_missed_though_nobody_is_left_to_notice(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    make_operator(sessions, member)
    with transaction(sessions) as session:
        heartbeat.register(session, "wrk_1", Calling(songs_at_once=1, dead_after_s=0.2))
    made = {"fast": submitted(client, member, "fast")}

    time.sleep(0.3)

    assert shown(client, member, made)["fast"]["estimate_s"] is None
    assert client.get("/v1/admin/overview", headers=member.headers).json()["workers"] == []
    numbers = client.get("/metrics", headers={"Authorization": "Bearer numbers"}).text
    assert 'stemhouse_workers{queue="cpu"} 0.0' in numbers


def submitted(client: TestClient, member: Member, quality: str) -> str:
    upload = client.post("/v1/uploads", files={"file": noise(1)}, headers=member.headers).json()
    asked = {"upload_id": upload["id"], "quality": quality}
    return str(client.post("/v1/jobs", json=asked, headers=member.headers).json()["id"])


def shown(client: TestClient, member: Member, made: dict[str, str]) -> dict[str, Any]:
    return {
        quality: client.get(f"/v1/jobs/{job_id}", headers=member.headers).json()["queue"]
        for quality, job_id in made.items()
    }


def make_operator(sessions: SessionFactory, member: Member) -> None:
    with transaction(sessions) as session:
        session.get_one(Account, member.account_id).operates = "all"


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
