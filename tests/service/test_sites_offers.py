# A site sells what its file says, and nothing else.

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stemhouse.api.app import create_app
from stemhouse.db.session import SessionFactory
from stemhouse.settings import Settings
from stemhouse.testing.sites import write_site
from tests.service.browser import Browser
from tests.service.conftest import Member
from tests.service.foreign import Owner, make_job
from tests.service.installation import noise

JSON = dict[str, Any]
VOCALS = {"name": "vocals", "title": {"en": "Vocals"}, "model": "tiny-2stems", "stems": ["vocals"]}
FOUR = {"name": "four", "title": {"en": "Four"}, "model": "tiny-4stems"}
ABSENT = {"name": "five", "title": {"en": "Five"}, "model": "spleeter-5stems"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_site(
        settings.data_dir / "sites",
        outputs=[VOCALS, FOUR, ABSENT],
        qualities=["fast", "standard"],
        formats=["mp3", "wav", "flac"],
        plans__free__qualities=["fast"],
        plans__free__formats=["mp3", "wav"],
    )
    return settings


@pytest.fixture
def upload_id(client: TestClient, member: Member) -> str:
    files = {"file": ("song.wav", noise(1.0))}
    answer = client.post("/v1/uploads", files=files, headers=member.headers)
    return str(answer.json()["id"])


def ask(client: TestClient, member: Member, upload_id: str, **wish: object) -> Any:
    body = {"upload_id": upload_id, **wish}
    return client.post("/v1/jobs?dry_run=true", json=body, headers=member.headers)


@pytest.mark.parametrize(
    ("wish", "model", "stems"),
    [
        ({}, "tiny-2stems", ["vocals"]),
        ({"output": "vocals"}, "tiny-2stems", ["vocals"]),
        ({"model": "tiny-2stems"}, "tiny-2stems", ["vocals"]),
        ({"output": "four"}, "tiny-4stems", ["vocals", "drums", "bass", "other"]),
        ({"output": "four", "stems": ["bass"]}, "tiny-4stems", ["bass"]),
        ({"stems": ["drums"]}, "tiny-4stems", ["drums"]),
        ({"model": "tiny-4stems", "stems": ["bass"], "residual": True}, "tiny-4stems", ["bass"]),
    ],
)
def test_what_is_sold_can_be_asked_for_by_output_model_or_stems(
    wish: JSON, model: str, stems: list[str], client: TestClient, member: Member, upload_id: str
) -> None:
    quote = ask(client, member, upload_id, **wish)

    assert quote.status_code == 200, quote.text
    body = quote.json()
    assert (body["model"], body["quality"]) == (model, "fast")
    assert [one for one in body["stems"] if one != "residual"] == stems


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"output": "none"}, 400, "invalid_option"),
        ({"output": "vocals", "stems": ["accompaniment"]}, 400, "invalid_option"),
        ({"model": "tiny-2stems", "stems": ["accompaniment"]}, 400, "invalid_option"),
        ({"output": "vocals", "model": "tiny-4stems"}, 400, "invalid_option"),
        ({"model": "tiny-2stems", "residual": True}, 400, "invalid_option"),
        ({"stems": ["piano"]}, 400, "invalid_option"),
        ({"model": "tiny-5stems"}, 400, "model_not_found"),
        ({"model": "spleeter-2stems"}, 400, "model_not_found"),
        ({"quality": "best"}, 400, "invalid_option"),
        ({"quality": "standard"}, 403, "quota_exceeded"),
    ],
)
def test_what_is_not_sold_is_refused(
    wish: JSON, status: int, code: str, client: TestClient, member: Member, upload_id: str
) -> None:
    answer = ask(client, member, upload_id, **wish)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("path", ["stems/vocals", "archive"])
@pytest.mark.parametrize(
    ("format", "status"), [("ogg", 400), ("flac24", 403), ("wav24", 200), ("mp3-192", 200)]
)
def test_downloads_have_the_formats_of_site_and_plan(
    path: str,
    format: str,
    status: int,
    app: FastAPI,
    client: TestClient,
    member: Member,
    sessions: SessionFactory,
) -> None:
    job_id = make_job(Owner(app, client, sessions, member))

    address = f"/v1/jobs/{job_id}/{path}?format={format}"
    answer = client.get(address, headers=member.headers)

    assert answer.status_code == status


def test_a_download_has_the_usual_format_of_the_plan(
    app: FastAPI, client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    job_id = make_job(Owner(app, client, sessions, member))

    answer = client.get(f"/v1/jobs/{job_id}/stems/vocals", headers=member.headers)

    assert answer.headers["content-type"] == "audio/mpeg"


def test_models_that_make_nothing_of_the_sites_are_not_listed(
    client: TestClient, member: Member
) -> None:
    models = client.get("/v1/models", headers=member.headers).json()["data"]

    assert [(one["name"], one["usual"]) for one in models] == [
        ("tiny-2stems", True),
        ("tiny-4stems", False),
    ]


def test_a_site_tells_what_it_sells_and_leaves_out_what_is_not_installed(
    client: TestClient,
) -> None:
    site = client.get("/v1/site").json()

    assert [(one["name"], one["stems"]) for one in site["outputs"]] == [
        ("vocals", ["vocals"]),
        ("four", ["vocals", "drums", "bass", "other"]),
    ]
    assert (site["name"], site["title"], site["unit"]) == ("default", "Stemhouse", "second")
    assert (site["guests"], site["sign_up"], site["openid"]) == (True, "open", False)
    assert [plan["name"] for plan in site["plans"]] == ["guest", "free"]


def test_a_site_tells_the_limits_of_who_asks(client: TestClient) -> None:
    browser = Browser(client)

    nobody = browser.get("/v1/site").json()["plan"]
    browser.sign_up("ada@example.org")
    ada = browser.get("/v1/site").json()["plan"]

    assert (nobody["name"], nobody["max_songs"], nobody["formats"]) == (
        "guest",
        1,
        ["mp3", "wav", "flac"],
    )
    assert (ada["name"], ada["max_songs"], ada["formats"], ada["qualities"]) == (
        "free",
        None,
        ["mp3", "wav"],
        ["fast"],
    )


def test_without_any_installed_model_it_is_said_so(
    settings: Settings, client: TestClient, member: Member, upload_id: str
) -> None:
    write_site(settings.data_dir / "sites", outputs=[ABSENT])

    with TestClient(create_app(settings)) as other:
        answer = ask(other, member, upload_id)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
