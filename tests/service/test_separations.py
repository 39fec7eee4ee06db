from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from stemhouse.api.app import create_app
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account, ApiKey
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.separations import housekeeping
from stemhouse.domains.separations.attempt import Bench
from stemhouse.domains.separations.lifecycle import Change
from stemhouse.domains.separations.tables import Job, Result
from stemhouse.domains.uploads.discarding import remove_discarded
from stemhouse.domains.uploads.tables import Discarded
from stemhouse.jobs.queue import JobQueue
from stemhouse.settings import Settings
from stemhouse.storage import open_storage
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.conftest import MakeMember, Member
from tests.service.installation import DATA, MODEL, noise


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    models = tmp_path / "models"
    shutil.copytree(DATA / MODEL, models / MODEL)
    return settings.model_copy(update={"models_dir": models})


@pytest.fixture
def working_client(settings: Settings) -> Iterator[TestClient]:
    # With a worker beside the API, as stemhouse serve has.
    app = create_app(settings, with_worker=True)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def upload(client: TestClient, member: Member, song: bytes) -> str:
    files = {"file": ("Ada - Song.wav", song, "audio/wav")}
    answer = client.post("/v1/uploads", files=files, headers=member.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def submit(client: TestClient, member: Member, upload_id: str, **more: Any) -> dict[str, Any]:
    body = {"upload_id": upload_id, "quality": "fast", **more}
    answer = client.post("/v1/jobs", json=body, headers=member.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_job_is_priced_queued_and_placed(client: TestClient, member: Member) -> None:
    upload_id = upload(client, member, noise(3))

    job = submit(client, member, upload_id)

    assert (job["status"], job["price"]["amount"], job["attempt"]) == ("queued", 3, 0)
    assert job["queue"]["place"] == 1
    assert job["song"]["upload_id"] == upload_id
    assert (job["result"], job["error"], job["progress"]) == (None, None, None)
    balance = client.get("/v1/balance", headers=member.headers).json()
    lot = {"available": 35_997, "expires_at": None, "note": "free credits of a new account"}
    facts = {"unit": "second", "available": 35_997, "held": 3}
    assert balance == {**facts, "lots": [lot], "withheld": None}


def test_a_quote_costs_nothing(client: TestClient, member: Member) -> None:
    body = {"upload_id": upload(client, member, noise(3)), "stems": ["vocals"]}

    answer = client.post("/v1/jobs?dry_run=true", json=body, headers=member.headers)

    assert answer.status_code == 200
    assert (answer.json()["price"]["amount"], answer.json()["stems"]) == (3, ["vocals"])
    assert client.get("/v1/jobs", headers=member.headers).json()["data"] == []


@pytest.mark.parametrize("shown", [{"max_price": 2}, {"expected_price": 2}, {"expected_price": 4}])
def test_a_price_other_than_the_one_that_was_shown_is_refused(
    client: TestClient, member: Member, shown: dict[str, int]
) -> None:
    body = {"upload_id": upload(client, member, noise(3)), **shown}

    answer = client.post("/v1/jobs", json=body, headers=member.headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "price_changed")
    assert error["details"] == {"price": 3, "unit": "second"}
    assert client.get("/v1/jobs", headers=member.headers).json()["data"] == []


def test_the_price_that_was_shown_is_taken(client: TestClient, member: Member) -> None:
    body = {"upload_id": upload(client, member, noise(3)), "expected_price": 3, "max_price": 3}

    answer = client.post("/v1/jobs", json=body, headers=member.headers)

    assert answer.json()["price"] == {"amount": 3, "unit": "second"}


def test_a_repeated_request_gets_the_stored_answer(client: TestClient, member: Member) -> None:
    body = {"upload_id": upload(client, member, noise(3))}
    headers = {**member.headers, "Idempotency-Key": "song-1"}

    first = client.post("/v1/jobs", json=body, headers=headers)
    second = client.post("/v1/jobs", json=body, headers=headers)
    other = client.post("/v1/jobs", json={**body, "residual": True}, headers=headers)

    assert second.json() == first.json()
    assert other.status_code == 409
    assert len(client.get("/v1/jobs", headers=member.headers).json()["data"]) == 1


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"upload_id": "upl_unknown"}, 404, "not_found"),
        ({"model": "no-such-model"}, 400, "model_not_found"),
        ({"stems": ["drums"]}, 400, "invalid_option"),
        ({"quality": "perfect"}, 422, None),
    ],
)
def test_what_cannot_be_done_is_refused(
    client: TestClient, member: Member, more: dict[str, Any], status: int, code: str | None
) -> None:
    body = {"upload_id": upload(client, member, noise(3)), **more}

    answer = client.post("/v1/jobs", json=body, headers=member.headers)

    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code


def test_more_jobs_than_the_plan_allows_are_refused(
    settings: Settings, clock: ManualClock, member: Member
) -> None:
    write_site(settings.data_dir / "sites", plans__free__max_files_at_once=1)
    app = create_app(settings, clock=clock)
    with TestClient(app) as client:
        upload_id = upload(client, member, noise(3))
        submit(client, member, upload_id)

        answer = client.post("/v1/jobs", json={"upload_id": upload_id}, headers=member.headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "quota_exceeded")


def test_credits_that_are_missing_are_named(
    settings: Settings, clock: ManualClock, member: Member
) -> None:
    write_site(settings.data_dir / "sites", plans__free__credits_at_sign_up=1)
    app = create_app(settings, clock=clock)
    with TestClient(app) as client:
        body = {"upload_id": upload(client, member, noise(3))}

        answer = client.post("/v1/jobs", json=body, headers=member.headers)

        assert client.get("/v1/jobs", headers=member.headers).json()["data"] == []
    assert answer.status_code == 402
    assert answer.json()["error"]["details"]["missing"] == 2


def test_a_waiting_job_is_cancelled_at_once_and_paid_back(
    client: TestClient, member: Member
) -> None:
    job = submit(client, member, upload(client, member, noise(3)))

    first = client.post(f"/v1/jobs/{job['id']}/cancel", headers=member.headers)
    again = client.post(f"/v1/jobs/{job['id']}/cancel", headers=member.headers)

    assert first.json()["status"] == again.json()["status"] == "canceled"
    balance = client.get("/v1/balance", headers=member.headers).json()
    assert (balance["available"], balance["held"]) == (36_000, 0)


def test_the_export_tells_what_happened_to_each_job(client: TestClient, member: Member) -> None:
    left = submit(client, member, upload(client, member, noise(3)))
    ended = submit(client, member, upload(client, member, noise(4)))
    client.post(f"/v1/jobs/{ended['id']}/cancel", headers=member.headers)

    export = client.get("/v1/account/export", headers=member.headers).json()

    told = {job["id"]: [event["kind"] for event in job["events"]] for job in export["jobs"]}
    assert told == {left["id"]: ["queued"], ended["id"]: ["queued", "canceled"]}


def test_a_waiting_job_cannot_be_deleted_and_an_ended_one_can(
    client: TestClient, member: Member
) -> None:
    address = f"/v1/jobs/{submit(client, member, upload(client, member, noise(3)))['id']}"

    waiting = client.delete(address, headers=member.headers)
    client.post(f"{address}/cancel", headers=member.headers)
    ended = client.delete(address, headers=member.headers)

    assert (waiting.status_code, ended.status_code) == (409, 204)
    assert client.get(address, headers=member.headers).status_code == 404


@pytest.mark.parametrize(("change", "status"), [("revoked", 401), ("blocked", 403)])
def test_who_may_look_no_longer_is_refused_with_the_next_look(
    change: str, status: int, client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    job = submit(client, member, upload(client, member, noise(3)))
    address = f"/v1/jobs/{job['id']}"
    before = client.get(address, headers=member.headers)

    with transaction(sessions) as session:
        now = datetime.now(UTC)
        table, values = {
            "revoked": (ApiKey, {"revoked_at": now}),
            "blocked": (Account, {"blocked_at": now}),
        }[change]
        session.execute(update(table).values(values))
    after = client.get(address, headers=member.headers)

    assert (before.status_code, after.status_code) == (200, status)


@pytest.mark.parametrize("state", ["processing", "failed", "canceled"])
def test_a_job_reads_the_same_alone_and_in_the_list(
    state: str, client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    job = submit(client, member, upload(client, member, noise(3)))
    with transaction(sessions) as session:
        row = session.get_one(Job, job["id"])
        row.state, row.attempt, row.total_samples, row.done_samples = state, 1, 100, 25
        row.started_at = row.created_at
        row.error_code = "corrupt_audio" if state == "failed" else None

    alone = client.get(f"/v1/jobs/{job['id']}", headers=member.headers).json()
    (listed,) = client.get("/v1/jobs", headers=member.headers).json()["data"]

    assert alone == listed
    assert alone["status"] == state


def test_jobs_of_others_are_not_found(
    client: TestClient, member: Member, make_member: MakeMember
) -> None:
    job = submit(client, member, upload(client, member, noise(3)))
    stranger, address = make_member().headers, f"/v1/jobs/{job['id']}"

    answers = [
        client.get(address, headers=stranger),
        client.delete(address, headers=stranger),
        client.post(f"{address}/cancel", headers=stranger),
        *(
            client.get(f"{address}/{more}", headers=stranger)
            for more in (
                "events",
                "stems",
                "manifest",
                "segments/0/000000.flac",
                "stems/vocals",
                "stems/vocals/waveform",
                "archive",
                "mix",
            )
        ),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert client.get("/v1/jobs", headers=stranger).json()["data"] == []


def test_an_account_has_as_many_jobs_with_the_workers_as_its_plan_allows(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    upload_id = upload(client, member, noise(3))
    jobs = [submit(client, member, upload_id, quality=q) for q in ("fast", "standard", "best")]
    with transaction(sessions, read_only=True) as session:
        before = [session.get_one(Job, job["id"]).released_at is not None for job in jobs]

    client.post(f"/v1/jobs/{jobs[0]['id']}/cancel", headers=member.headers)

    with transaction(sessions, read_only=True) as session:
        after = [session.get_one(Job, job["id"]).released_at is not None for job in jobs]
    assert before == [True, True, False]
    assert after == [True, True, True]


def test_the_models_are_listed(client: TestClient, member: Member) -> None:
    models = client.get("/v1/models", headers=member.headers).json()["data"]

    assert [(m["name"], m["stems"], m["usual"]) for m in models] == [
        (MODEL, ["vocals", "accompaniment"], True)
    ]


@pytest.mark.slow
def test_a_song_goes_in_and_its_stems_come_out(working_client: TestClient, member: Member) -> None:
    client, headers = working_client, member.headers
    body = {"upload_id": upload(client, member, noise(12)), "quality": "fast"}

    answer = client.post("/v1/jobs", json=body, headers={**headers, "Prefer": "wait=60"})
    job = answer.json()
    address = f"/v1/jobs/{job['id']}"

    assert (answer.status_code, job["status"]) == (201, "succeeded")
    assert answer.headers["preference-applied"] == "wait=60"
    assert [stem["name"] for stem in job["result"]["stems"]] == ["vocals", "accompaniment"]
    assert job["result"]["length_samples"] == 12 * 44_100
    manifest = client.get(f"{address}/manifest", headers=headers).json()
    assert manifest["complete"]
    segment = manifest["stems"][0]["segments"][0]["name"]
    assert client.get(f"{address}/segments/{segment}", headers=headers).content[:4] == b"fLaC"
    wav = client.get(f"{address}/stems/vocals", headers=headers)
    assert (wav.content[:4], wav.headers["accept-ranges"]) == (b"RIFF", "bytes")
    assert client.get(f"{address}/stems/vocals?format=mp3", headers=headers).status_code == 200
    assert client.get(f"{address}/archive", headers=headers).content[:2] == b"PK"
    assert client.get(f"{address}/stems/vocals/waveform", headers=headers).content[:4] == b"SHWF"
    check_mix(client, f"{address}/mix", headers)
    balance = client.get("/v1/balance", headers=headers).json()
    assert (balance["available"], balance["held"]) == (35_988, 0)


def check_mix(client: TestClient, address: str, headers: dict[str, str]) -> None:
    def get(**params: Any) -> Any:
        return client.get(address, params=params, headers=headers)

    whole = get(format="wavfloat")
    part = client.get(address, headers={**headers, "Range": "bytes=0-99"})
    one = get(stem=["vocals,-60", "accompaniment,-3,0.5"], format="flac")
    wrong = [get(stem="vocals,90"), get(stem=["vocals", "vocals,1"]), get(gain_db=90)]

    assert len(whole.content) == int(whole.headers["content-length"])
    assert "(mix).wav" in whole.headers["content-disposition"]
    assert (part.status_code, len(part.content)) == (206, 100)
    assert one.content[:4] == b"fLaC"
    assert get(stem="banjo").status_code == 404
    assert {answer.status_code for answer in wrong} <= {400, 422}


@pytest.mark.slow
def test_events_are_told_and_go_on_after_the_last_one_that_was_seen(
    working_client: TestClient, member: Member
) -> None:
    client = working_client
    job = submit(client, member, upload(client, member, noise(12)))

    everything = events(client, member, job["id"])
    rest = events(client, member, job["id"], last="2")
    nothing = events(client, member, job["id"], last="3")

    kinds = [event["event"] for event in everything if event["event"] != "progress"]
    assert kinds == ["job.queued", "job.started", "job.succeeded"]
    assert [event["id"] for event in everything if "id" in event] == ["1", "2", "3"]
    assert [event["id"] for event in rest if "id" in event] == ["3"]
    assert nothing == []


@pytest.mark.parametrize("last", ["9" * 30, "9" * 5_000, "-1", "1e3", "٣", "x"])
def test_a_last_event_that_is_none_of_ours_stands_for_none(
    client: TestClient, member: Member, last: str
) -> None:
    job = submit(client, member, upload(client, member, noise(3)))
    client.post(f"/v1/jobs/{job['id']}/cancel", headers=member.headers)

    told = events(client, member, job["id"], last=last.encode())

    assert [event["event"] for event in told] == ["job.queued", "job.canceled"]


@pytest.mark.slow
def test_the_same_song_again_is_answered_at_once_and_costs_nothing(
    working_client: TestClient, member: Member, make_member: MakeMember
) -> None:
    client = working_client
    first = submit(client, member, upload(client, member, noise(5)))
    events(client, member, first["id"])

    again = submit(client, member, upload(client, member, noise(5)))
    otherwise = submit(client, member, upload(client, member, noise(5)), residual=True)
    stranger = make_member()
    strangers = submit(client, stranger, upload(client, stranger, noise(5)))

    assert (again["status"], again["price"]["amount"]) == ("succeeded", 0)
    assert again["id"] != first["id"]
    # The residual of all stems is nothing: the same wish in other words.
    assert otherwise["status"] == "succeeded"
    assert strangers["status"] == "queued"
    assert strangers["price"]["amount"] == 5


@pytest.mark.slow
def test_the_same_song_sent_again_before_it_is_finished_is_charged_once(
    working_client: TestClient, member: Member
) -> None:
    client, headers = working_client, member.headers
    upload_id = upload(client, member, noise(12))

    jobs = [submit(client, member, upload_id), submit(client, member, upload_id)]
    for job in jobs:
        events(client, member, job["id"])

    ended = [client.get(f"/v1/jobs/{job['id']}", headers=headers).json() for job in jobs]
    assert [job["status"] for job in ended] == ["succeeded", "succeeded"]
    assert sorted(job["price"]["amount"] for job in ended) == [0, 12]
    balance = client.get("/v1/balance", headers=headers).json()
    assert (balance["available"], balance["held"]) == (35_988, 0)


@pytest.mark.slow
def test_results_expire_and_their_files_go(
    working_client: TestClient, member: Member, settings: Settings, sessions: SessionFactory
) -> None:
    client = working_client
    job = submit(client, member, upload(client, member, noise(5)))
    events(client, member, job["id"])
    with transaction(sessions) as session:
        row = session.get_one(Job, job["id"])
        assert row.expires_at is not None
        row.expires_at -= timedelta(days=400)
    storage, queue = open_storage(settings), JobQueue(settings.effective_database_url)
    bench = Bench(sessions=sessions, storage=storage, scratch=None)

    def change(session: Any) -> Change:
        return Change(session, queue, LedgerPurse(settings), ManualClock()())

    housekeeping.expire_results(bench, change)
    remove_discarded(sessions, storage)
    queue.close()

    assert client.get(f"/v1/jobs/{job['id']}", headers=member.headers).json()["status"] == "expired"
    assert list(storage.list("results/")) == []
    with transaction(sessions, read_only=True) as session:
        assert session.query(Result).count() == session.query(Discarded).count() == 0


def events(
    client: TestClient, member: Member, job_id: str, last: str | bytes | None = None
) -> list[dict[str, Any]]:
    headers = member.headers if last is None else {**member.headers, "Last-Event-ID": last}
    found: list[dict[str, Any]] = []
    with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            if not line:
                if "event" in event:
                    found.append(event)
                event = {}
                continue
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value
    return found


def test_a_song_can_be_called_by_another_name(client: TestClient, member: Member) -> None:
    job = submit(client, member, upload(client, member, noise(2.0)))
    path = f"/v1/jobs/{job['id']}"

    renamed = client.patch(path, headers=member.headers, json={"name": "  Clair de Lune "})

    assert renamed.status_code == 200
    assert renamed.json()["song"]["name"] == "Clair de Lune"
    assert client.get(path, headers=member.headers).json()["song"]["name"] == "Clair de Lune"


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_song_needs_a_name_of_sensible_length(
    name: str, client: TestClient, member: Member
) -> None:
    job = submit(client, member, upload(client, member, noise(2.0)))

    refused = client.patch(f"/v1/jobs/{job['id']}", headers=member.headers, json={"name": name})

    assert refused.status_code == 422


def test_songs_are_found_by_words_of_their_names(client: TestClient, member: Member) -> None:
    upload_id = upload(client, member, noise(2.0))
    for name in ("Clair de Lune", "Lunar 100%", "Moonlight"):
        job = submit(client, member, upload_id)
        client.patch(f"/v1/jobs/{job['id']}", headers=member.headers, json={"name": name})

    def found(words: str) -> list[str]:
        answer = client.get("/v1/jobs", headers=member.headers, params={"q": words})
        return [job["song"]["name"] for job in answer.json()["data"]]

    assert found("lun") == ["Lunar 100%", "Clair de Lune"]
    assert found("LUNE clair") == ["Clair de Lune"]
    assert found("100%") == ["Lunar 100%"]
    assert found("%") == ["Lunar 100%"]
    assert found("nothing") == []
    assert len(found("")) == 3


def test_songs_of_others_are_not_found_by_name(
    client: TestClient, member: Member, make_member: MakeMember
) -> None:
    submit(client, member, upload(client, member, noise(2.0)))
    other = make_member()

    answer = client.get("/v1/jobs", headers=other.headers, params={"q": "song"})

    assert answer.json()["data"] == []
