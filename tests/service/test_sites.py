# Several sites in one installation: which one a request is for, and what each has of its own.

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stemhouse.api.app import create_app
from stemhouse.errors import InvalidSites
from stemhouse.settings import Settings
from stemhouse.sites.book import SiteBook
from stemhouse.sites.hosts import plain_host
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.place import shipped_folder
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.browser import Browser, mails


@pytest.fixture
def settings(settings: Settings) -> Settings:
    folder = settings.data_dir / "sites"
    hosts = ["solo.example.org", "other.example.org"]
    write_site(folder, "solo", hosts=hosts, title="Solo", plans__guest=None)
    return settings


@pytest.fixture
def hostless(settings: Settings, clock: ManualClock) -> Iterator[TestClient]:
    # No site is for every host.
    write_site(settings.data_dir / "sites", hosts=["testserver"])
    with TestClient(create_app(settings, clock=clock)) as client:
        yield client


def title(client: TestClient, path: str = "/", **headers: str) -> str:
    return str(client.get(f"{path}v1/site", headers=headers).json()["title"])


def test_the_four_sites_that_come_along_can_be_used(tmp_path: Path) -> None:
    book = SiteBook(shipped_folder, ModelShelf(tmp_path))

    assert [site.name for site in book.all()] == ["acapella", "karaoke", "splitter", "studio"]
    assert book.usual().name == "splitter"


@pytest.mark.parametrize("host", ["solo.example.org", "SOLO.example.org:8000", "solo.example.org."])
def test_the_host_decides_the_site(host: str, client: TestClient) -> None:
    assert title(client, Host=host) == "Solo"


def test_the_path_decides_before_the_host(client: TestClient) -> None:
    assert title(client, "/s/solo/") == "Solo"
    assert title(client, "/s/default/", Host="solo.example.org") == "Stemhouse"
    assert client.get("/s/solo", follow_redirects=False).headers["location"] == "/s/solo/"


def test_an_unknown_host_gets_the_site_for_any_host(client: TestClient) -> None:
    assert title(client, Host="nobody.example.org") == "Stemhouse"


def test_an_unknown_host_is_told_what_sites_there_are(hostless: TestClient) -> None:
    answer = hostless.get("/", headers={"Host": "nobody.example.org"})
    page = hostless.get("/", headers={"Host": "nobody.example.org", "Accept": "text/html"})

    assert answer.status_code == page.status_code == 404
    assert answer.json()["error"]["details"]["sites"] == [
        {"name": "default", "address": "http://testserver"},
        {"name": "solo", "address": "http://solo.example.org"},
    ]
    assert 'href="http://solo.example.org/"' in page.text


def test_in_production_the_brands_are_not_told(settings: Settings, clock: ManualClock) -> None:
    write_site(settings.data_dir / "sites", hosts=["testserver"])
    live = settings.model_copy(update={"production": True})
    stranger = {"Host": "nobody.example.org"}

    with TestClient(create_app(live, clock=clock)) as client:
        answer = client.get("/", headers=stranger)
        page = client.get("/", headers=stranger | {"Accept": "text/html"})

    assert answer.status_code == page.status_code == 404
    assert answer.json()["error"]["details"]["sites"] == []
    assert "example.org" not in answer.text + page.text
    assert "There is no site at this address" in page.text


def test_machines_are_asked_for_their_health_by_any_host(hostless: TestClient) -> None:
    answer = hostless.get("/healthz", headers={"Host": "10.0.0.7"})

    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "", "a:b:c", "[::1", "x:99999999"])
def test_what_is_no_host_is_no_site(host: str) -> None:
    assert plain_host(host) is None


def test_an_account_of_one_site_is_none_of_another(client: TestClient) -> None:
    browser = Browser(client)
    browser.post(
        "/s/solo/v1/account", json={"email": "ada@example.org", "password": "correct horse"}
    )

    there, here = browser.get("/s/solo/v1/account"), browser.get("/v1/account")

    assert (there.status_code, here.status_code) == (200, 401)
    assert {cookie.path for cookie in browser.client.cookies.jar} == {"/s/solo"}


def test_guests_are_welcome_where_the_site_has_a_plan_for_them(client: TestClient) -> None:
    assert Browser(client).post("/v1/session/guest").status_code == 201
    assert Browser(client).post("/s/solo/v1/session/guest").status_code == 403


@pytest.mark.parametrize(
    ("path", "host", "address"),
    [
        ("", "testserver", "http://testserver/verify"),
        ("", "evil.example.net", "http://testserver/verify"),
        ("", "other.example.org:666", "http://other.example.org/verify"),
        ("/s/solo", "testserver", "http://testserver/s/solo/verify"),
        ("/s/solo", "evil.example.net", "http://testserver/s/solo/verify"),
    ],
)
def test_links_in_mails_lead_to_the_site_whatever_the_request_claims(
    path: str, host: str, address: str, client: TestClient, settings: Settings
) -> None:
    body = {"email": "ada@example.org", "password": "correct horse"}

    client.post(f"{path}/v1/account", json=body, headers={"Host": host})

    assert address + "?token=" in mails(settings.data_dir, 1)[0].get_content()


def test_an_edit_takes_effect_without_a_restart(settings: Settings) -> None:
    seconds = [0.0]
    book = SiteBook(lambda: settings.data_dir / "sites", now=lambda: seconds[0])

    write_site(book.folder, "solo", title="Duo", hosts=["solo.example.org"])
    at_once = book.by_name("solo").title
    seconds[0] += 1

    assert (at_once, book.by_name("solo").title) == ("Solo", "Duo")


def test_a_broken_edit_keeps_the_last_good_version(settings: Settings) -> None:
    seconds = [0.0]
    book = SiteBook(lambda: settings.data_dir / "sites", now=lambda: seconds[0])
    path = book.folder / "solo" / "site.toml"
    good = path.read_text()

    path.write_text(good.replace('title = "Solo"', "titel = 7"))
    seconds[0] += 1
    kept, said = book.by_name("solo").title, book.problems()
    path.write_text(good)
    os.utime(path, ns=(1, 1))
    seconds[0] += 1

    assert kept == "Solo"
    assert {(one.line, one.key) for one in said} == {(2, "titel"), (1, "title")}
    assert "did you mean title?" in said[0].mend + said[1].mend
    assert book.problems() == ()


def test_two_sites_cannot_have_the_same_host(settings: Settings) -> None:
    write_site(settings.data_dir / "sites", "second", hosts=["solo.example.org"])

    with pytest.raises(InvalidSites, match=r"solo\.example\.org"):
        SiteBook(lambda: settings.data_dir / "sites")


def test_a_site_taken_away_is_gone(settings: Settings) -> None:
    seconds = [0.0]
    book = SiteBook(lambda: settings.data_dir / "sites", now=lambda: seconds[0])

    (book.folder / "solo" / "site.toml").unlink()
    seconds[0] += 1

    assert book.find("solo") is None
