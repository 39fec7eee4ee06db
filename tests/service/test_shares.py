# Links that play a song's stems without an account.

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.separations.lifecycle import attempt_prefix
from stemhouse.domains.separations.tables import Job, JobEvent
from stemhouse.results import Provenance, ResultShape, ResultWriter, Song
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import MakeMember, Member

PROVENANCE = Provenance(
    engine_version="1.0", model="tiny", model_sha256="a" * 64, quality="standard"
)

MakeJob = Callable[..., str]


@pytest.fixture
def running_job(
    app: FastAPI, client: TestClient, sessions: SessionFactory, clock: ManualClock
) -> MakeJob:
    # A job in mid-separation: its first segments lie in the storage.
    def make(member: Member) -> str:
        job = Job(
            id=new_id("job"),
            site_id=member.site_id,
            account_id=member.account_id,
            state="processing",
            upload_id=new_id("upl"),
            name="Secret name",
            song_key="songs/a",
            song_sha256="a" * 64,
            duration_s=3.0,
            model="tiny",
            stems=None,
            residual=False,
            quality="fast",
            recipe_key="a" * 64,
            price=3,
            unit="second",
            urgency=0,
            running_cap=1,
            created_at=clock(),
            retention_s=3600,
            attempt=1,
            failures=0,
            done_samples=0,
            last_event=0,
        )
        storage = app.state.storage
        prefix = attempt_prefix(job, 1)
        shape = ResultShape(stems=("a", "b"), sample_rate=8_000, channels=1, segment_samples=8_000)
        with ResultWriter(
            lambda name, data: storage.put(prefix + name, data),
            shape,
            song=Song(name="song", tags={}),
            provenance=PROVENANCE,
        ) as writer:
            for stem in shape.stems:
                writer.write(stem, np.zeros((1, 20_000), np.float32))
        with transaction(sessions) as session:
            session.add(job)
        return job.id

    return make


@pytest.fixture
def job_id(running_job: MakeJob, member: Member) -> str:
    return running_job(member)


def share(client: TestClient, member: Member, job_id: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/jobs/{job_id}/shares", json=body, headers=member.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def path_of(link: dict[str, Any]) -> str:
    return urlsplit(link["manifest_url"]).path


def test_a_link_plays_without_an_account(client: TestClient, member: Member, job_id: str) -> None:
    link = share(client, member, job_id)

    manifest = client.get(path_of(link))
    folder = path_of(link).removesuffix("manifest")
    segment = manifest.json()["stems"][1]["segments"][2]
    found = client.get(f"{folder}segments/{segment['name']}")

    assert link["manifest_url"].startswith("http://testserver/v1/shared/shr_")
    assert manifest.json()["length_samples"] == 20_000
    assert (found.content[:4], len(found.content)) == (b"fLaC", segment["size_bytes"])
    assert found.headers["content-type"] == "audio/flac"


def test_a_link_calls_its_song_by_the_name_that_it_has_now(
    client: TestClient, member: Member, job_id: str
) -> None:
    path = path_of(share(client, member, job_id))
    before = client.get(path)
    client.patch(f"/v1/jobs/{job_id}", json={"name": "Clair de Lune.wav"}, headers=member.headers)

    after = client.get(path, headers={"If-None-Match": before.headers["etag"]})
    own = client.get(f"/v1/jobs/{job_id}/manifest", headers=member.headers)

    assert after.status_code == 200
    assert after.json()["song"]["name"] == own.json()["song"]["name"] == "Clair de Lune"
    assert after.json()["stems"] == before.json()["stems"]


def test_pages_of_other_sites_may_read_a_link_and_nothing_else(
    client: TestClient, member: Member, job_id: str
) -> None:
    path = path_of(share(client, member, job_id))
    origin = {"Origin": "https://band.example"}

    shared = client.get(path, headers=origin)
    refused = client.get(path + "x", headers=origin)
    asked = client.options(path, headers={**origin, "Access-Control-Request-Method": "GET"})
    own = client.get(f"/v1/jobs/{job_id}/manifest", headers={**origin, **member.headers})

    assert shared.headers["access-control-allow-origin"] == "*"
    # A refusal can be read as well: the player says that the link has expired.
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (404, "*")
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (204, "GET, HEAD")
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers


def test_a_manifest_that_has_not_grown_is_not_sent_again(
    client: TestClient, member: Member, job_id: str
) -> None:
    path = path_of(share(client, member, job_id))
    tag = client.get(path).headers["etag"]

    again = client.get(path, headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")


def test_a_link_ends_when_its_time_is_over(
    client: TestClient, member: Member, job_id: str, clock: ManualClock
) -> None:
    path = path_of(share(client, member, job_id, expires_in_s=60))
    clock.advance(61)

    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["details"] == {"reason": "expired"}


def test_a_link_ends_when_it_is_taken_back(client: TestClient, member: Member, job_id: str) -> None:
    first, second = share(client, member, job_id), share(client, member, job_id)
    address = f"/v1/jobs/{job_id}/shares"

    gone = client.delete(f"{address}/{first['id']}", headers=member.headers)
    left = client.get(address, headers=member.headers).json()["data"]

    assert gone.status_code == 204
    assert client.get(path_of(first)).status_code == 404
    assert client.get(path_of(second)).status_code == 200
    assert left == [second]
    again = client.delete(f"{address}/{first['id']}", headers=member.headers)
    assert again.status_code == 404


@pytest.mark.parametrize(
    "spoil",
    [
        # Not the last letter: two of its bits say nothing.
        lambda token: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
        lambda token: token.partition(".")[0],
        lambda token: new_id("shr") + "." + token.partition(".")[2],
        lambda token: "x",
    ],
)
def test_a_link_that_was_not_made_here_leads_nowhere(
    client: TestClient, member: Member, job_id: str, spoil: Callable[[str], str]
) -> None:
    token = path_of(share(client, member, job_id)).split("/")[3]

    answer = client.get(f"/v1/shared/{spoil(token)}/manifest")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "name", ["../secret", "0/999999.flac", "%2e%2e/%2e%2e/x", "manifest.json/x"]
)
def test_a_link_opens_what_the_song_has_and_no_more(
    client: TestClient, member: Member, job_id: str, name: str
) -> None:
    folder = path_of(share(client, member, job_id)).removesuffix("manifest")

    assert client.get(f"{folder}segments/{name}").status_code in {400, 404}


def test_links_are_their_owners(
    client: TestClient, member: Member, make_member: MakeMember, job_id: str
) -> None:
    link, stranger = share(client, member, job_id), make_member().headers
    address = f"/v1/jobs/{job_id}/shares"

    answers = [
        client.get(address, headers=stranger),
        client.post(address, json={}, headers=stranger),
        client.delete(f"{address}/{link['id']}", headers=stranger),
        client.get(address),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 401]


@pytest.mark.parametrize("expires_in_s", [59, 366 * 86_400, "soon"])
def test_a_link_of_another_length_is_refused(
    client: TestClient, member: Member, job_id: str, expires_in_s: object
) -> None:
    answer = client.post(
        f"/v1/jobs/{job_id}/shares", json={"expires_in_s": expires_in_s}, headers=member.headers
    )

    assert answer.status_code == 422


def test_links_go_with_their_job(
    client: TestClient, member: Member, job_id: str, sessions: SessionFactory
) -> None:
    path = path_of(share(client, member, job_id))
    with transaction(sessions) as session:
        session.delete(session.get_one(Job, job_id))

    assert client.get(path).status_code == 404


def test_links_of_a_blocked_account_lead_nowhere(
    client: TestClient, member: Member, job_id: str, sessions: SessionFactory, clock: ManualClock
) -> None:
    path = path_of(share(client, member, job_id))
    with transaction(sessions) as session:
        session.get_one(Account, member.account_id).blocked_at = clock()

    assert client.get(path).status_code == 404


def test_the_events_of_a_link_tell_no_price(
    client: TestClient, member: Member, job_id: str, sessions: SessionFactory, clock: ManualClock
) -> None:
    path = path_of(share(client, member, job_id)).removesuffix("manifest") + "events"
    with transaction(sessions) as session:
        job = session.get_one(Job, job_id)
        job.state, job.error_code, job.last_event = "failed", "corrupt_audio", 1
        session.add(
            JobEvent(
                job_id=job_id,
                number=1,
                kind="failed",
                state="failed",
                at=clock(),
                data={"error": {"code": "corrupt_audio"}},
            )
        )

    with client.stream("GET", path) as stream:
        text = "".join(stream.iter_text())

    assert "event: job.failed" in text
    assert "corrupt" not in text
