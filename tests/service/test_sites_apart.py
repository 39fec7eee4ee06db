# Sites of one installation share no account, song, money, cookie, key, webhook or link.

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import ASGIApp

from stemhouse.api.proxies import behind_proxies
from stemhouse.db.session import SessionFactory
from stemhouse.settings import Settings
from stemhouse.testing.sites import TEST_SITE, write_site
from tests.service.browser import PASSWORD, Browser, mails, token_in
from tests.service.conftest import MakeMember
from tests.service.foreign import MAKERS, NOBODYS, Owner
from tests.service.installation import noise
from tests.service.test_api_foreign import FITTING, PARAMETER, ROUTES, address

OTHER = "other"
HOST = {"Host": "other.localhost:8000"}
ADA = "ada@example.org"
MakeOwner = Callable[..., Owner]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_site(settings.data_dir / "sites", OTHER, hosts=["other.localhost"])
    return settings


@pytest.fixture
def song() -> bytes:
    return noise(1.0)


def below(site: str) -> str:
    return "" if site == TEST_SITE else f"/s/{site}"


@pytest.mark.parametrize("way", ["host", "path"])
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda value: value)
def test_what_one_site_has_is_not_there_for_another(
    method: str,
    path: str,
    way: str,
    app: FastAPI,
    client: TestClient,
    sessions: SessionFactory,
    make_member: MakeMember,
) -> None:
    if set(PARAMETER.findall(path)) & NOBODYS.keys():
        pytest.skip("names nothing of an account")
    owner, stranger = make_member(), make_member(site_id=OTHER)
    things = Owner(app, client, sessions, owner)
    named = address(path, {name: things.value(name) for name in PARAMETER.findall(path)})
    fitting = FITTING.get((method, path), {}) | (HOST if way == "host" else {})
    there = named if way == "host" else below(OTHER) + named

    theirs = client.request(method, there, headers={**stranger.headers, **fitting})
    with_the_owners_key = client.request(method, there, headers={**owner.headers, **fitting})

    assert theirs.status_code == 404, theirs.text
    assert with_the_owners_key.status_code == 401, with_the_owners_key.text


def test_every_kind_of_thing_has_a_maker_for_this_walk() -> None:
    assert {name for _, path in ROUTES for name in PARAMETER.findall(path)} <= (
        MAKERS.keys() | NOBODYS.keys()
    )


def test_one_address_has_an_account_on_each_site(client: TestClient) -> None:
    browser = Browser(client)
    here = browser.sign_up(ADA).json()["account"]["id"]
    body = {"email": ADA, "password": "another password"}
    there = browser.post("/s/other/v1/account", json=body).json()["account"]["id"]

    wrong = browser.post("/v1/session", json=body)
    wrong_there = browser.post("/s/other/v1/session", json={"email": ADA, "password": PASSWORD})

    assert here != there
    assert wrong.status_code == wrong_there.status_code == 401


@pytest.mark.parametrize("kind", ["session", "guest"])
def test_a_cookie_is_worth_nothing_on_another_site(kind: str, client: TestClient) -> None:
    browser = Browser(client)
    if kind == "session":
        browser.sign_up(ADA)
    else:
        browser.post("/v1/session/guest")
    value = browser.client.cookies[f"stemhouse_{TEST_SITE}_{kind}"]

    forged = f"stemhouse_{OTHER}_{kind}={value}"
    answer = client.get("/s/other/v1/session", headers={"Cookie": forged})
    own = client.get("/v1/session", headers={"Cookie": f"stemhouse_{TEST_SITE}_{kind}={value}"})

    assert (answer.status_code, own.status_code) == (401, 200)


def test_leaving_one_site_leaves_the_other(client: TestClient) -> None:
    browser = Browser(client)
    browser.sign_up(ADA)
    token = browser.csrf
    browser.post("/s/other/v1/account", json={"email": ADA, "password": PASSWORD})

    browser.delete("/s/other/v1/session")
    browser.csrf = token

    assert browser.get("/s/other/v1/account").status_code == 401
    assert browser.get("/v1/account").status_code == 200


def test_a_mailed_link_works_on_its_site_alone(client: TestClient, settings: Settings) -> None:
    browser = Browser(client)
    browser.sign_up(ADA)
    body = {"token": token_in(mails(settings.data_dir, 1)[0])}

    there = browser.post("/s/other/v1/verification", json=body)
    here = browser.post("/v1/verification", json=body)

    assert (there.status_code, here.status_code) == (410, 200)


def test_a_song_cannot_be_separated_on_another_site(
    client: TestClient, make_member: MakeMember, song: bytes
) -> None:
    here, there = make_member(), make_member(site_id=OTHER)
    files = {"file": ("song.wav", song)}
    upload_id = client.post("/v1/uploads", files=files, headers=here.headers).json()["id"]

    answer = client.post("/s/other/v1/jobs", json={"upload_id": upload_id}, headers=there.headers)

    assert answer.status_code == 404


def test_lists_hold_what_is_of_the_site(client: TestClient, make_member: MakeMember) -> None:
    owner, stranger = make_member(), make_member(site_id=OTHER)
    made = client.post("/v1/webhooks", json={"url": "https://8.8.8.8/hook"}, headers=owner.headers)

    lists = [
        client.get(f"/s/other/v1/{what}", headers=stranger.headers).json()
        for what in ("jobs", "webhooks", "balance/entries", "keys")
    ]

    assert made.status_code == 201
    found: list[Any] = [one["data"] if isinstance(one, dict) else one for one in lists]
    assert [len(one) for one in found] == [0, 0, 0, 1]  # the key that asks


def test_credits_are_of_the_site(client: TestClient, make_member: MakeMember, song: bytes) -> None:
    here, there = make_member(), make_member(site_id=OTHER)
    files = {"file": ("song.wav", song)}
    before = client.get("/s/other/v1/balance", headers=there.headers).json()
    upload_id = client.post("/v1/uploads", files=files, headers=here.headers).json()["id"]

    job = client.post("/v1/jobs", json={"upload_id": upload_id}, headers=here.headers)

    assert job.status_code == 201, job.text
    assert client.get("/s/other/v1/balance", headers=there.headers).json() == before
    assert client.get("/v1/balance", headers=here.headers).json() != before


def test_the_same_idempotency_key_does_its_own_on_each_site(
    client: TestClient, make_member: MakeMember, song: bytes
) -> None:
    jobs = []
    for site in (TEST_SITE, OTHER):
        member = make_member(site_id=site)
        files = {"file": ("song.wav", song)}
        sent = client.post(f"{below(site)}/v1/uploads", files=files, headers=member.headers)
        headers = {**member.headers, "Idempotency-Key": "the-same"}
        body = {"upload_id": sent.json()["id"]}
        jobs.append(client.post(f"{below(site)}/v1/jobs", json=body, headers=headers).json()["id"])

    assert jobs[0] != jobs[1]


def test_an_idempotency_key_holds_whichever_way_the_site_is_named(
    client: TestClient, make_member: MakeMember, song: bytes
) -> None:
    member = make_member(site_id=OTHER)
    files = {"file": ("song.wav", song)}
    sent = client.post("/s/other/v1/uploads", files=files, headers=member.headers)
    headers = {**member.headers, "Idempotency-Key": "the-same"}
    body = {"upload_id": sent.json()["id"]}

    first = client.post("/s/other/v1/jobs", json=body, headers=headers)
    again = client.post("/v1/jobs", json=body, headers={**headers, **HOST})

    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize("site", [TEST_SITE, OTHER])
def test_addresses_of_a_job_lead_to_it_where_its_site_is(
    site: str, client: TestClient, make_member: MakeMember, song: bytes
) -> None:
    member, root = make_member(site_id=site), below(site)
    files = {"file": ("song.wav", song)}
    sent = client.post(f"{root}/v1/uploads", files=files, headers=member.headers).json()

    made = client.post(
        f"{root}/v1/jobs", json={"upload_id": sent["id"]}, headers=member.headers
    ).json()
    client.post(f"{root}/v1/jobs/{made['id']}/cancel", headers=member.headers)
    shown = client.get(f"{root}/v1/jobs/{made['id']}", headers=member.headers).json()
    (listed,) = client.get(f"{root}/v1/jobs", headers=member.headers).json()["data"]

    for job in (made, shown, listed):
        assert job["events_url"] == f"{root}/v1/jobs/{made['id']}/events"
        assert job["manifest_url"] == f"{root}/v1/jobs/{made['id']}/manifest"
    events = client.get(shown["events_url"], headers=member.headers)
    assert events.status_code == 200


def test_a_signed_link_works_on_its_site_alone(app: FastAPI, client: TestClient) -> None:
    app.state.storage.put("a/b.flac", b"sound")
    link = app.state.storage.link("a/b.flac", timedelta(minutes=1), site=TEST_SITE)

    assert client.get(link).content == b"sound"
    assert client.get(f"/s/other{link}").status_code == 403
    assert client.get(link, headers=HOST).status_code == 403
    assert client.get(link.replace("site=default", "site=other"), headers=HOST).status_code == 403


def test_a_resumable_upload_goes_on_where_its_site_is(
    client: TestClient, make_member: MakeMember
) -> None:
    member = make_member(site_id=OTHER)
    headers = {**member.headers, "Tus-Resumable": "1.0.0", "Upload-Length": "10"}

    begun = client.post("/s/other/v1/uploads/resumable", headers=headers)

    assert begun.headers["location"].startswith("/s/other/v1/uploads/resumable/upl_")
    assert client.head(begun.headers["location"], headers=headers).status_code == 200


# --- hosts that lie ------------------------------------------------------------------------------


def site(client: TestClient, **headers: str) -> str:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return str(client.get("/v1/site", headers=headers).json()["name"])


@pytest.fixture
def served(app: FastAPI, client: TestClient) -> Callable[[tuple[str, ...], str], TestClient]:
    # `client` has started the application, which is started once.
    def served(proxies: tuple[str, ...], peer: str) -> TestClient:
        application: ASGIApp = behind_proxies(app, proxies)
        return TestClient(application, client=(peer, 50_000))

    return served


@pytest.mark.parametrize(
    "host", ["other.localhost", "OTHER.localhost", "other.localhost:8000", "Other.Localhost.:1"]
)
def test_a_host_is_known_however_it_is_written(host: str, client: TestClient) -> None:
    assert site(client, Host=host) == OTHER


@pytest.mark.parametrize(
    "host",
    [
        "other.localhost.evil.example",
        "evil.example",
        "xother.localhost",
        "other.localhost@evil.example",
        "other.localhost, evil.example",
        "other.localhost:80:80",
        "other.localhost/",
        "*",
        "",
    ],
)
def test_a_host_that_only_looks_like_one_is_not_it(host: str, client: TestClient) -> None:
    answer = client.get("/v1/site", headers={"Host": host})

    assert answer.status_code == 404 or answer.json()["name"] == TEST_SITE


@pytest.mark.parametrize(
    ("proxies", "peer", "expected"),
    [
        ((), "10.0.0.1", TEST_SITE),
        (("10.0.0.1",), "10.0.0.1", OTHER),
        (("10.0.0.0/8",), "10.1.2.3", OTHER),
        (("10.0.0.1",), "10.0.0.2", TEST_SITE),
        (("*",), "192.0.2.1", OTHER),
    ],
)
def test_a_forwarded_host_counts_from_trusted_proxies_alone(
    proxies: tuple[str, ...], peer: str, expected: str, served: Callable[..., TestClient]
) -> None:
    client = served(proxies, peer)

    assert site(client, X_Forwarded_Host="other.localhost") == expected


def test_what_a_visitor_put_before_the_proxys_word_does_not_count(
    served: Callable[..., TestClient],
) -> None:
    client = served(("10.0.0.1",), "10.0.0.1")

    assert site(client, X_Forwarded_Host="other.localhost, testserver") == TEST_SITE
