# What docs/api.md shows works, as it stands there.

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from standardwebhooks import Webhook

from stemhouse.settings import Settings
from tests.service.installation import noise
from tests.service.running import order, running_server, send, sign_up, written

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def dialect() -> str:
    # What is tried is the guide; the service has its own tests on both databases.
    return "sqlite"


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx2.Client]:
    with (
        running_server(settings) as server,
        server.client(sign_up(server, "ada@example.org")) as client,
    ):
        yield client


def example(name: str) -> dict[str, Any]:
    found = re.search(rf"<!-- example:{name} -->\n```py\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {"time": time}
    exec(found[1], names)
    return names


@pytest.mark.slow
def test_the_guides_programs_separate_a_song_and_list_jobs(
    client: httpx2.Client, tmp_path: Path
) -> None:
    song = written(tmp_path, "song.wav", noise(1))

    job = example("song")["separate"](client, song, tmp_path)
    orders = [order(client, send(client, noise(1, seed=number)))["id"] for number in range(4)]
    listed = [one["id"] for one in example("pages")["all_jobs"](client)]

    assert (tmp_path / "vocals.mp3").stat().st_size > 1_000
    assert (tmp_path / "accompaniment.mp3").stat().st_size > 1_000
    assert listed == [*reversed(orders), job["id"]]


def test_the_guides_receiver_takes_what_is_signed() -> None:
    body = json.dumps({"type": "job.succeeded", "data": {"id": "job_1"}})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "whd_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("whd_1", now, body),
    }

    kind, data = example("webhook")["receive"](SECRET, body, headers)

    assert (kind, data) == ("job.succeeded", {"id": "job_1"})


def test_the_guide_names_addresses_that_exist(app: FastAPI) -> None:
    known = {re.sub(r"\{\w+\}", "X", path) for path in app.openapi()["paths"]}

    found = re.findall(r"(/v1/[\w/{}…-]*[\w}…])", GUIDE)
    named = {path for path in found if path.count("{") == path.count("}")}

    shown = {re.sub(r"\{\w+\}|(?:job|upl)_…|vocals", "X", path) for path in named}
    assert shown <= known
