# A real server, a real client, a song: what somebody with curl sees, from the first byte to the
# last.

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import soundfile

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.billing.checking import check_books
from stemhouse.domains.separations.tables import JobEvent
from stemhouse.engine.codec import open_source
from stemhouse.settings import Settings
from tests.service.installation import RATE, noise
from tests.service.running import (
    JSON,
    RunningServer,
    answered,
    events_of,
    order,
    running_server,
    send,
    sign_up,
    written,
)

pytestmark = pytest.mark.slow

STEMS = ["vocals", "accompaniment"]
LOSSLESS = {"wav": "wav", "wav24": "wav", "wavfloat": "wav", "flac": "flac", "flac24": "flac"}
LOSSY = {"mp3": "mp3", "mp3-320": "mp3", "m4a": "m4a", "ogg": "ogg", "opus": "opus"}
SONG_S = 3
ACCOUNTS, SONGS_EACH = 8, 5


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # All sign-ups of a test come from one address.
    return settings.model_copy(update={"rate_sign_in": "1000/minute", "songs_at_once": 2})


@pytest.fixture
def server(settings: Settings) -> Iterator[RunningServer]:
    with running_server(settings) as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client(sign_up(server, "ada@example.org")) as client:
        yield client


def finished(client: httpx2.Client, job_id: str, within_s: float = 240) -> JSON:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        job: JSON = answered(client.get(f"/v1/jobs/{job_id}"), 200)
        if job["status"] not in {"queued", "processing"}:
            return job
        time.sleep(0.1)
    raise AssertionError(f"still {job['status']} after {within_s} s")


def test_a_song_goes_in_and_its_stems_come_out(client: httpx2.Client, tmp_path: Path) -> None:
    job = order(client, send(client, noise(SONG_S), "Ada - Song.wav"))

    events = events_of(client, job["id"])
    job = finished(client, job["id"])

    assert job["status"] == "succeeded", job["error"]
    numbered = [event for event in events if "id" in event]
    assert [event["event"] for event in numbered] == ["job.queued", "job.started", "job.succeeded"]
    assert [event["id"] for event in numbered] == ["1", "2", "3"]
    assert any(event["event"] == "progress" for event in events)
    again = events_of(client, job["id"], after=2)
    assert [event["event"] for event in again if "id" in event] == ["job.succeeded"]
    assert [stem["name"] for stem in job["result"]["stems"]] == STEMS
    assert job["result"]["length_samples"] == SONG_S * RATE
    check_downloads(client, job, tmp_path)
    check_archive(client, job)
    check_segments(client, job)
    balance = answered(client.get("/v1/balance"), 200)
    assert (balance["held"], balance["available"]) == (0, 36_000 - SONG_S)

    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204

    assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert client.get(job["result"]["archive_url"]).status_code == 404
    assert answered(client.get("/v1/jobs"), 200)["data"] == []


def check_downloads(client: httpx2.Client, job: JSON, folder: Path) -> None:
    for stem in job["result"]["stems"]:
        for wanted, extension in {**LOSSLESS, **LOSSY}.items():
            answer = client.get(stem["download_url"], params={"format": wanted})
            assert answer.status_code == 200, answer.text
            name = f"Ada - Song ({stem['name']}).{extension}"
            assert name in answer.headers["content-disposition"]
            with open_source(written(folder, f"stem.{extension}", answer.content)) as reader:
                length = sum(block.shape[1] for block in reader.blocks())
                if wanted in LOSSLESS:
                    assert length == SONG_S * RATE, wanted
                # A lossy format may add its frames' padding; it loses nothing.
                assert length / reader.info.sample_rate == pytest.approx(SONG_S, abs=0.1), wanted


def check_archive(client: httpx2.Client, job: JSON) -> None:
    answer = client.get(job["result"]["archive_url"], params={"format": "flac"})
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"Ada - Song ({stem}).flac" for stem in STEMS]


def check_segments(client: httpx2.Client, job: JSON) -> None:
    manifest = answered(client.get(job["manifest_url"]), 200)
    assert manifest["complete"]
    for stem in manifest["stems"]:
        (segment,) = stem["segments"]
        address = job["manifest_url"].replace("manifest", f"segments/{segment['name']}")
        answer = client.get(address, follow_redirects=True)
        samples, rate = soundfile.read(io.BytesIO(answer.content))
        assert (len(samples), rate) == (SONG_S * RATE, RATE)
        part = client.get(address, headers={"Range": "bytes=0-3"}, follow_redirects=True)
        assert (part.status_code, part.content) == (206, b"fLaC")


def test_the_log_leads_from_a_request_to_the_job_and_names_no_song(
    settings: Settings, tmp_path: Path
) -> None:
    log, asked = tmp_path / "log", {"X-Request-Id": "asked-by-the-test"}
    with running_server(settings, log=log) as server:
        key = sign_up(server, "ada@example.org")
        with server.client(key) as client:
            upload_id = send(client, noise(SONG_S), "Mondschein.wav")
            made = client.post("/v1/jobs", json={"upload_id": upload_id}, headers=asked)
            job_id = answered(made, 201)["id"]
            assert finished(client, job_id)["status"] == "succeeded"

    text = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    of_job = [line for line in lines if line.get("job_id") == job_id]
    assert [line["event"] for line in of_job] == ["job made", "separating", "separated"]
    assert of_job[0]["request_id"] == asked["X-Request-Id"]
    for private in ("Mondschein", "ada@example.org", key):
        assert private not in text


def test_a_song_in_the_queue_is_cancelled_and_paid_back(client: httpx2.Client) -> None:
    job = order(client, send(client, noise(30)))

    answered(client.post(f"/v1/jobs/{job['id']}/cancel"), 200)
    job = finished(client, job["id"])

    assert job["status"] == "canceled"
    balance = answered(client.get("/v1/balance"), 200)
    assert (balance["held"], balance["available"]) == (0, 36_000)


def test_forty_songs_of_eight_accounts_all_end_once_and_the_books_balance(
    server: RunningServer, sessions: SessionFactory
) -> None:
    keys = [sign_up(server, f"{number}@example.org") for number in range(ACCOUNTS)]

    with ThreadPoolExecutor(ACCOUNTS) as pool:
        jobs = list(pool.map(lambda numbered: drop_songs(server, *numbered), enumerate(keys)))

    ended = [job for of_account in jobs for job in of_account]
    assert [job["status"] for job in ended] == ["succeeded"] * ACCOUNTS * SONGS_EACH
    assert len({job["id"] for job in ended}) == ACCOUNTS * SONGS_EACH
    with transaction(sessions, read_only=True) as session:
        assert check_books(session, datetime.now(UTC)) == []
        events = session.query(JobEvent.job_id).filter(JobEvent.kind == "succeeded").all()
    assert len(events) == len(set(events)) == ACCOUNTS * SONGS_EACH
    for key in keys:
        with server.client(key) as client:
            balance = answered(client.get("/v1/balance"), 200)
            assert (balance["held"], balance["available"]) == (0, 36_000 - SONGS_EACH)


def drop_songs(server: RunningServer, number: int, key: str) -> list[JSON]:
    with server.client(key) as client:
        songs = [noise(1, seed=number * SONGS_EACH + song) for song in range(SONGS_EACH)]
        jobs = [order(client, send(client, song)) for song in songs]
        return [finished(client, job["id"]) for job in jobs]


def test_a_guest_tries_one_song_in_a_browser(server: RunningServer) -> None:
    with server.client() as browser:
        assert browser.get("/").status_code == 200
        session = answered(browser.post("/v1/session/guest"), 201)
        browser.headers["X-CSRF-Token"] = session["csrf_token"]

        job = finished(browser, order(browser, send(browser, noise(1)))["id"])
        refused = browser.post("/v1/jobs", json={"upload_id": send(browser, noise(1, seed=2))})

    assert job["status"] == "succeeded"
    assert datetime.fromisoformat(job["expires_at"]) > datetime.now(UTC)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "quota_exceeded"
