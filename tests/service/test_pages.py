from __future__ import annotations

import re
from importlib.resources import files

import pytest
from fastapi.testclient import TestClient

from tests.service.browser import Browser

ASSETS = sorted(file.name for file in (files("stemhouse.pages") / "assets").iterdir())


def test_the_first_page_takes_songs_from_anybody(client: TestClient) -> None:
    page = client.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'data-visitor="nobody"' in page.text
    assert 'type="file"' in page.text
    assert client.head("/").status_code == 200


def test_the_first_page_knows_who_is_signed_in(client: TestClient) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")

    page = browser.get("/")

    assert 'data-visitor="user"' in page.text
    assert f'data-token="{browser.csrf}"' in page.text
    assert "ada@example.org" in page.text
    assert page.headers["cache-control"] == "no-store"


def test_the_first_page_knows_guests(client: TestClient) -> None:
    browser = Browser(client)
    browser.post("/v1/session/guest")

    page = browser.get("/")

    assert 'data-visitor="guest"' in page.text


def test_a_wrong_cookie_or_key_still_sees_the_page(client: TestClient) -> None:
    client.cookies.set("stemhouse_default_session", "made up")

    page = client.get("/", headers={"Authorization": "Bearer made-up"})

    assert page.status_code == 200
    assert 'data-visitor="nobody"' in page.text


def test_names_of_people_are_no_markup(client: TestClient) -> None:
    browser = Browser(client)
    browser.sign_up('"a<b>&c"@example.org')

    page = browser.get("/")

    assert "<b>" not in page.text


def test_browsers_may_run_our_own_scripts_alone(client: TestClient) -> None:
    page = client.get("/")

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", page.text)


@pytest.mark.parametrize("name", ["/", *(f"/assets/{name}" for name in ASSETS)])
def test_nothing_comes_from_elsewhere(name: str, client: TestClient) -> None:
    text = client.get(name).text

    addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)
    assert set(addresses) <= {"http://www.w3.org"}  # the name of SVG, which nobody fetches


@pytest.mark.parametrize("name", ASSETS)
def test_assets_are_sent_once(name: str, client: TestClient) -> None:
    first = client.get(f"/assets/{name}")

    again = client.get(f"/assets/{name}", headers={"If-None-Match": first.headers["etag"]})

    assert first.status_code == 200
    assert first.headers["x-content-type-options"] == "nosniff"
    assert (again.status_code, again.content) == (304, b"")


def test_files_outside_are_not_assets(client: TestClient) -> None:
    assert client.get("/assets/..%2Ffirst.py").status_code == 404
    assert client.get("/assets/nothing.js").json()["error"]["code"] == "not_found"
