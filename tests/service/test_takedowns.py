# Somebody says that a song is theirs: from the form to the stems that are gone.

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account, OutgoingMail
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.uploads.tables import Upload
from tests.service.conftest import MakeMember, Member
from tests.service.installation import noise

ASKED: dict[str, Any] = {
    "name": "Ada Example",
    "email": "ada@example.org",
    "role": "owner",
    "work": "Ada Example: First Light (2019)",
    "place": "on your site",
    "statement": "I wrote and recorded it and gave no licence.",
    "true_and_entitled": True,
}


@pytest.fixture
def operator(make_member: MakeMember, sessions: SessionFactory) -> Member:
    member = make_member()
    with transaction(sessions) as session:
        session.get_one(Account, member.account_id).operates = "all"
    return member


@pytest.fixture
def takedown(client: TestClient) -> str:
    return str(client.post("/v1/takedowns", json=ASKED).json()["id"])


def submitted(client: TestClient, member: Member, song: bytes) -> dict[str, Any]:
    files = {"file": ("song.wav", song, "audio/wav")}
    upload = client.post("/v1/uploads", files=files, headers=member.headers).json()
    answer = client.post("/v1/jobs", json={"upload_id": upload["id"]}, headers=member.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_anybody_may_ask_and_both_sides_get_a_mail(
    client: TestClient, sessions: SessionFactory
) -> None:
    answer = client.post("/v1/takedowns", json=ASKED)

    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "received"
    with transaction(sessions, read_only=True) as session:
        mails = {mail.recipient: mail.body for mail in session.scalars(select(OutgoingMail))}
    assert mails.keys() == {"hello@example.org", "ada@example.org"}
    assert all(ASKED["work"] in body for body in mails.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"true_and_entitled": False},
        {"email": "nobody"},
        {"work": "  "},
        {"role": "king"},
        {"statement": "x" * 5001},
    ],
    ids=str,
)
def test_what_is_incomplete_is_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    answer = client.post("/v1/takedowns", json=ASKED | wrong)

    assert answer.status_code == 422


def test_one_address_cannot_flood_the_operator(client: TestClient) -> None:
    answers = [client.post("/v1/takedowns", json=ASKED).status_code for _ in range(6)]

    assert answers == [201] * 5 + [429]


def test_a_request_is_decided_with_a_history_and_can_be_opened_again(
    client: TestClient, operator: Member, takedown: str
) -> None:
    path = f"/v1/admin/takedowns/{takedown}"
    steps = ["reviewing", "rejected", "reviewing", "upheld"]

    for state in steps:
        body = {"state": state, "reason": f"because {state}"}
        answer = client.post(f"{path}/decision", json=body, headers=operator.headers)
        assert answer.status_code == 200, answer.text
    client.post(f"{path}/notes", json={"reason": "called them"}, headers=operator.headers)

    shown = client.get(path, headers=operator.headers).json()
    assert [event["kind"] for event in shown["events"]] == ["received", *steps, "note"]
    assert shown["events"][-1]["note"] == "called them"
    assert (shown["state"], shown["closed_at"] is None) == ("upheld", False)
    again = client.post(f"{path}/decision", json={"state": "upheld"}, headers=operator.headers)
    assert again.status_code == 409


def test_a_recording_goes_from_all_accounts_and_does_not_come_back(
    app: FastAPI,
    client: TestClient,
    sessions: SessionFactory,
    operator: Member,
    make_member: MakeMember,
    takedown: str,
) -> None:
    song, another = noise(1), noise(2)
    ada, bob = make_member(), make_member()
    taken = [submitted(client, one, song)["id"] for one in (ada, bob)]
    kept = submitted(client, ada, another)["id"]

    body = {"job_id": taken[0], "reason": "proved"}
    path = f"/v1/admin/takedowns/{takedown}"
    answer = client.post(f"{path}/removals", json=body, headers=operator.headers)

    assert answer.status_code == 200, answer.text
    kinds = [event["kind"] for event in answer.json()["events"]]
    assert kinds == ["received", "recording_blocked", "song_removed", "song_removed"]
    with transaction(sessions, read_only=True) as session:
        assert list(session.scalars(select(Job.id))) == [kept]
        states = list(session.scalars(select(Upload.state).order_by(Upload.id)))
    assert sorted(states) == ["ready", "rejected", "rejected"]
    for one in (ada, bob):
        assert client.get("/v1/balance", headers=one.headers).json()["held"] in (0, 2)
    files = {"file": ("renamed.wav", song, "audio/wav")}
    refused = client.post("/v1/uploads", files=files, headers=bob.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (451, "recording_blocked")


def test_a_song_of_one_account_goes_alone_when_asked_for(
    client: TestClient,
    sessions: SessionFactory,
    operator: Member,
    make_member: MakeMember,
    takedown: str,
) -> None:
    song = noise(1)
    first, second = (submitted(client, make_member(), song)["id"] for _ in range(2))

    body = {"job_id": first, "block": False, "reason": ""}
    path = f"/v1/admin/takedowns/{takedown}/removals"
    answer = client.post(path, json=body, headers=operator.headers)

    assert answer.status_code == 200, answer.text
    with transaction(sessions, read_only=True) as session:
        assert list(session.scalars(select(Job.id))) == [second]
