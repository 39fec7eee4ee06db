# Operators: what they see and do, and that nobody else does.

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account, Alarm
from stemhouse.domains.admin.part import ADMIN
from stemhouse.domains.separations.tables import Job
from stemhouse.settings import Settings
from stemhouse.testing.sites import write_site
from tests.service.conftest import MakeMember, Member
from tests.service.foreign import Owner, begun_job, make_job
from tests.service.installation import noise

OTHER_SITE = "other"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_site(settings.data_dir / "sites", name=OTHER_SITE, hosts=["other.example.org"])
    return settings


@pytest.fixture
def operator(make_member: MakeMember, sessions: SessionFactory) -> Member:
    return promoted(make_member(), sessions, "all")


def promoted(member: Member, sessions: SessionFactory, reach: str) -> Member:
    with transaction(sessions) as session:
        session.get_one(Account, member.account_id).operates = reach
    return member


@pytest.fixture
def job_id(app: FastAPI, client: TestClient, sessions: SessionFactory, member: Member) -> str:
    # A finished job of somebody who is no operator.
    return make_job(Owner(app, client, sessions, member))


def failed_job(sessions: SessionFactory, owner: Owner) -> str:
    now = datetime.now(UTC)
    job = begun_job(owner, now)
    job.state, job.error_code, job.finished_at = "failed", "corrupt_audio", now
    with transaction(sessions) as session:
        session.add(job)
        session.flush()
        return job.id


def routes() -> Iterator[tuple[str, str]]:
    for router in ADMIN.routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in sorted(route.methods))


def statuses(client: TestClient, headers: dict[str, str]) -> set[int]:
    found = set()
    for method, path in routes():
        named = re.sub(r"\{\w+\}", "anything", path)
        found.add(client.request(method, named, headers=headers, json={}).status_code)
    return found


def test_whoever_operates_nothing_finds_nothing(client: TestClient, member: Member) -> None:
    assert statuses(client, member.headers) == {404}


def test_a_key_without_the_scope_operates_nothing(
    client: TestClient, make_member: MakeMember, sessions: SessionFactory
) -> None:
    scopes = frozenset({"account:read", "jobs:read", "jobs:write"})

    weak = promoted(make_member(scopes=scopes), sessions, "all")

    assert statuses(client, weak.headers) == {404}


def test_an_operator_of_one_site_sees_no_other(
    app: FastAPI,
    client: TestClient,
    sessions: SessionFactory,
    make_member: MakeMember,
    job_id: str,
    member: Member,
) -> None:
    elsewhere = promoted(make_member(site_id=OTHER_SITE), sessions, "site")
    at_other = TestClient(app, base_url="http://other.example.org")

    overview = at_other.get("/v1/admin/overview", headers=elsewhere.headers).json()
    listed = at_other.get("/v1/admin/jobs", headers=elsewhere.headers).json()
    named = at_other.get(f"/v1/admin/jobs/{job_id}", headers=elsewhere.headers)
    asked = at_other.get("/v1/admin/jobs?site=default", headers=elsewhere.headers)
    account = at_other.get(f"/v1/admin/accounts/{member.account_id}", headers=elsewhere.headers)

    assert [site["site"] for site in overview["sites"]] == [OTHER_SITE]
    assert listed["data"] == []
    assert (named.status_code, asked.status_code, account.status_code) == (404, 404, 404)


def test_the_overview_counts_what_is_there(
    client: TestClient, operator: Member, job_id: str
) -> None:
    answer = client.get("/v1/admin/overview", headers=operator.headers)

    sites = {site["site"]: site for site in answer.json()["sites"]}
    assert sites.keys() == {"default", OTHER_SITE}
    assert sites["default"]["jobs"] == {"succeeded": 1}
    assert sites["default"]["users"] == 2
    assert sites["default"]["results"]["number"] == 1
    assert sites["default"]["results"]["size_bytes"] > 0
    assert sites[OTHER_SITE]["jobs"] == {}
    assert answer.json()["problems"] == []


def test_jobs_of_everybody_are_listed_found_and_shown(
    client: TestClient, operator: Member, member: Member, job_id: str
) -> None:
    everything = client.get("/v1/admin/jobs", headers=operator.headers).json()["data"]
    found = client.get("/v1/admin/jobs?q=A SON&status=succeeded", headers=operator.headers).json()
    none = client.get("/v1/admin/jobs?q=100%25", headers=operator.headers).json()
    shown = client.get(f"/v1/admin/jobs/{job_id}", headers=operator.headers).json()

    assert [one["job"]["id"] for one in everything] == [job_id]
    assert [one["job"]["id"] for one in found["data"]] == [job_id]
    assert none["data"] == []
    assert shown["owner"]["id"] == member.account_id
    assert shown["job"]["status"] == "succeeded"


def test_failures_are_counted_by_code(
    app: FastAPI, client: TestClient, sessions: SessionFactory, operator: Member, member: Member
) -> None:
    last = failed_job(sessions, Owner(app, client, sessions, member))

    answer = client.get("/v1/admin/failures?hours=100", headers=operator.headers).json()

    facts = [(one["code"], one["number"], one["last_job_id"]) for one in answer["data"]]
    assert facts == [("corrupt_audio", 1, last)]


def test_a_failed_job_is_tried_again_for_nothing(
    client: TestClient, sessions: SessionFactory, operator: Member, member: Member
) -> None:
    files = {"file": ("song.wav", noise(1), "audio/wav")}
    upload = client.post("/v1/uploads", files=files, headers=member.headers).json()
    body = {"upload_id": upload["id"]}
    first = client.post("/v1/jobs", json=body, headers=member.headers).json()
    client.post(f"/v1/jobs/{first['id']}/cancel", headers=member.headers)
    before = client.get("/v1/balance", headers=member.headers).json()["available"]

    path = f"/v1/admin/jobs/{first['id']}/retry"
    again = client.post(path, json={"reason": "ours"}, headers=operator.headers)

    assert again.status_code == 201, again.text
    job = again.json()["job"]
    assert job["id"] != first["id"]
    assert (job["status"], job["price"]["amount"]) == ("queued", 0)
    assert job["song"]["upload_id"] == upload["id"]
    after = client.get("/v1/balance", headers=member.headers).json()
    assert after["available"] == before
    refused = client.post(f"/v1/admin/jobs/{job['id']}/retry", json={}, headers=operator.headers)
    assert refused.status_code == 409


def test_a_waiting_job_is_cancelled_and_paid_back_and_then_deleted(
    client: TestClient, operator: Member, member: Member
) -> None:
    files = {"file": ("song.wav", noise(2), "audio/wav")}
    upload = client.post("/v1/uploads", files=files, headers=member.headers).json()
    body = {"upload_id": upload["id"]}
    job = client.post("/v1/jobs", json=body, headers=member.headers).json()
    path = f"/v1/admin/jobs/{job['id']}"
    early = client.post(f"{path}/deletion", json={}, headers=operator.headers)

    canceled = client.post(f"{path}/cancel", json={"reason": "asked"}, headers=operator.headers)
    deleted = client.post(f"{path}/deletion", json={"reason": "asked"}, headers=operator.headers)

    assert early.status_code == 409
    assert canceled.json()["job"]["status"] == "canceled"
    assert [step["kind"] for step in canceled.json()["steps"]] == ["queued", "canceled"]
    assert deleted.status_code == 204
    assert client.get("/v1/balance", headers=member.headers).json()["held"] == 0
    assert client.get(f"/v1/jobs/{job['id']}", headers=member.headers).status_code == 404
    actions = client.get("/v1/admin/actions", headers=operator.headers).json()["data"]
    assert [one["kind"] for one in actions] == ["job_deleted", "job_canceled"]
    assert {one["actor_id"] for one in actions} == {operator.account_id}


def test_a_blocked_account_is_kept_out_until_it_is_let_in_again(
    client: TestClient, operator: Member, member: Member
) -> None:
    path = f"/v1/admin/accounts/{member.account_id}"
    reason = {"reason": "spam"}

    blocked = client.post(f"{path}/block", json=reason, headers=operator.headers).json()
    outside = client.get("/v1/account", headers=member.headers)
    listed = client.get("/v1/admin/accounts?blocked=true", headers=operator.headers).json()
    client.post(f"{path}/unblock", json={}, headers=operator.headers)
    inside = client.get("/v1/account", headers=member.headers)

    assert blocked["blocked"] is True
    assert outside.status_code == 403
    assert [one["id"] for one in listed["data"]] == [member.account_id]
    assert inside.status_code == 200


def test_an_account_is_deleted_with_all_it_has(
    client: TestClient, sessions: SessionFactory, operator: Member, member: Member, job_id: str
) -> None:
    path = f"/v1/admin/accounts/{member.account_id}/deletion"

    answer = client.post(path, json={"reason": "asked for"}, headers=operator.headers)

    assert answer.status_code == 204
    with transaction(sessions, read_only=True) as session:
        assert session.get(Account, member.account_id) is None
        assert session.get(Job, job_id) is None
    actions = client.get("/v1/admin/actions", headers=operator.headers).json()["data"]
    assert (actions[0]["kind"], actions[0]["target_id"]) == ("account_deleted", member.account_id)


def test_operators_are_changed_on_the_server_alone(
    client: TestClient, sessions: SessionFactory, operator: Member, make_member: MakeMember
) -> None:
    colleague = promoted(make_member(), sessions, "site")

    for deed in ("block", "unblock", "deletion"):
        path = f"/v1/admin/accounts/{colleague.account_id}/{deed}"
        answer = client.post(path, json={}, headers=operator.headers)
        assert answer.status_code == 409, deed


def test_money_tells_what_sites_owe_in_credits(
    client: TestClient, operator: Member, member: Member
) -> None:
    files = {"file": ("song.wav", noise(2), "audio/wav")}
    upload = client.post("/v1/uploads", files=files, headers=member.headers).json()
    client.post("/v1/jobs", json={"upload_id": upload["id"]}, headers=member.headers)

    answer = client.get("/v1/admin/money", headers=operator.headers)

    credits = {(one["site"], one["unit"]): one for one in answer.json()["credits"]}
    ours = credits["default", "second"]
    assert (ours["granted"], ours["spent"], ours["outstanding"]) == (36_000, 0, 36_000)
    assert answer.json()["takings"] == []
    table = client.get("/v1/admin/money/takings", headers=operator.headers)
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("site,month,currency,")


def test_an_alarm_is_listed_until_it_was_seen(
    client: TestClient, sessions: SessionFactory, operator: Member
) -> None:
    now = datetime.now(UTC)
    with transaction(sessions) as session:
        for site in ("default", "gone"):
            session.add(
                Alarm(
                    id=new_id("alm"),
                    site_id=site,
                    kind="many_jobs",
                    subject=site,
                    period="now",
                    data={"jobs": 240},
                    raised_at=now,
                )
            )

    (alarm,) = client.get("/v1/admin/alarms?seen=false", headers=operator.headers).json()["data"]
    path = f"/v1/admin/alarms/{alarm['id']}/seen"
    seen = client.post(path, headers=operator.headers).json()

    assert (alarm["site"], alarm["data"], alarm["seen_at"]) == ("default", {"jobs": 240}, None)
    assert alarm["subject"] == "default"
    assert seen["seen_at"] is not None
    unseen = client.get("/v1/admin/alarms?seen=false", headers=operator.headers).json()
    assert unseen["data"] == []
