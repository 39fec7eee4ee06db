# What of an account can be named in an address: one maker for each parameter of a route.
# Whoever adds a route with a new parameter adds its maker here; the walk in test_api_foreign.py
# fails until then.

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.separations.lifecycle import Change, attempt_prefix
from stemhouse.domains.separations.publish import insert_result
from stemhouse.domains.separations.purse import FreePurse
from stemhouse.domains.separations.tables import Job
from stemhouse.engine.progress import CancelToken
from stemhouse.engine.runtime import RuntimeOptions
from stemhouse.jobs.child.messages import ChildEvent, SeparationTask
from stemhouse.jobs.child.songs import SongBench
from tests.service.conftest import Member
from tests.service.installation import DATA, MODEL, noise

SONG_S = 3.0


@dataclass(frozen=True)
class Owner:
    app: FastAPI
    client: TestClient
    sessions: SessionFactory
    member: Member
    made: dict[str, str] = field(default_factory=dict)

    def value(self, parameter: str) -> str:
        # One thing of each kind: a delivery is one of the endpoint that the address names.
        if parameter not in self.made:
            self.made[parameter] = MAKERS[parameter](self)
        return self.made[parameter]


Maker = Callable[[Owner], str]


def make_key(owner: Owner) -> str:
    body = {"name": "foreign", "scopes": ["jobs:read"]}
    answer = owner.client.post("/v1/keys", headers=owner.member.headers, json=body)
    return str(answer.json()["id"])


def make_upload(owner: Owner) -> str:
    # An upload in parts, begun and not finished: no audio is needed for it.
    headers = {**owner.member.headers, "Tus-Resumable": "1.0.0", "Upload-Length": "1000"}
    answer = owner.client.post("/v1/uploads/resumable", headers=headers)
    return answer.headers["location"].rstrip("/").rpartition("/")[2]


def make_endpoint(owner: Owner) -> str:
    body = {"url": "https://8.8.8.8/hook"}
    answer = owner.client.post("/v1/webhooks", headers=owner.member.headers, json=body)
    return str(answer.json()["id"])


def make_delivery(owner: Owner) -> str:
    path = f"/v1/webhooks/{owner.value('endpoint_id')}/test"
    return str(owner.client.post(path, headers=owner.member.headers).json()["id"])


def make_job(owner: Owner) -> str:
    # A job that has ended, with all its files: nothing but the account hides it.
    files, facts = separated_song()
    now = datetime.now(UTC)
    job = begun_job(owner, now)
    with transaction(owner.sessions) as session:
        session.add(job)
        session.flush()
        change = Change(session, owner.app.state.job_queue, FreePurse(), now)
        job.result_id = insert_result(change, job, facts)
        job.state, job.finished_at, job.expires_at = "succeeded", now, now + timedelta(days=1)
    for name, data in files.items():
        owner.app.state.storage.put(attempt_prefix(job, 1) + name, data)
    return job.id


def begun_job(owner: Owner, now: datetime) -> Job:
    return Job(
        id=new_id("job"),
        site_id=owner.member.site_id,
        account_id=owner.member.account_id,
        state="processing",
        upload_id=new_id("upl"),
        name="A song",
        song_key="uploads/song",
        song_sha256="0" * 64,
        duration_s=SONG_S,
        model=MODEL,
        residual=False,
        quality="fast",
        recipe_key="0" * 64,
        price=3,
        unit="second",
        urgency=1,
        running_cap=1,
        created_at=now,
        started_at=now,
        retention_s=86_400.0,
        attempt=1,
        failures=0,
        done_samples=0,
        last_event=0,
    )


@lru_cache
def separated_song() -> tuple[dict[str, bytes], dict[str, Any]]:
    files: dict[str, bytes] = {}

    def keep(event: ChildEvent) -> None:
        if event.kind == "file":
            files[event.data["name"]] = Path(event.data["file"]).read_bytes()

    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song"
        song.write_bytes(noise(SONG_S))
        task = SeparationTask(
            task_id="foreign",
            name="A song",
            source=str(song),
            folder=folder,
            model=str(DATA / MODEL),
            quality="fast",
        )
        facts = SongBench(None, RuntimeOptions()).separate(task, CancelToken(), keep)
    return files, dict(facts)


def make_share(owner: Owner) -> str:
    path = f"/v1/jobs/{owner.value('job_id')}/shares"
    answer = owner.client.post(path, headers=owner.member.headers, json={})
    return str(answer.json()["id"])


def a_segment(_owner: Owner) -> str:
    files, _ = separated_song()
    return next(name for name in sorted(files) if name.endswith(".flac"))


def a_stem(_owner: Owner) -> str:
    _, facts = separated_song()
    return str(facts["stems"][0]["name"])


MAKERS: dict[str, Maker] = {
    "key_id": make_key,
    "upload_id": make_upload,
    "endpoint_id": make_endpoint,
    "delivery_id": make_delivery,
    "job_id": make_job,
    "share_id": make_share,
    # Names within a job.
    "name": a_segment,
    "stem": a_stem,
}

# Parameters that name nothing of an account: what they stand for is said beside them.
NOBODYS: dict[str, str] = {
    "key": "a key of the storage: the link's signature decides, not the account",
    "token": "a link for everybody: its signature decides, not the account",
    "built_name": "a file of the pages, which everybody may have",
}
