# Downloads that are made while they are sent: asked for twice, in parts, resumed, and by a link.

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.tables import Account
from stemhouse.results import KeptDownloads
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import MakeMember, Member
from tests.service.disks import small_disk
from tests.service.foreign import Owner

MADE = ["flac", "mp3", "m4a", "ogg", "opus"]


@pytest.fixture
def dialect() -> str:
    # How downloads are kept has nothing to do with the database.
    return "sqlite"


@pytest.fixture
def job_id(app: FastAPI, client: TestClient, sessions: SessionFactory, member: Member) -> str:
    return Owner(app, client, sessions, member).value("job_id")


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.data_dir / "downloads"


@pytest.fixture
def stem(client: TestClient, member: Member, job_id: str) -> str:
    job = client.get(f"/v1/jobs/{job_id}", headers=member.headers).json()
    return str(job["result"]["stems"][0]["name"])


@pytest.fixture
def path(job_id: str, stem: str) -> str:
    return f"/v1/jobs/{job_id}/stems/{stem}"


# --- in parts


@pytest.mark.parametrize("format", [*MADE, "wav"])
def test_a_download_asked_for_twice_is_the_same(
    client: TestClient, member: Member, path: str, format: str
) -> None:
    first = client.get(path, params={"format": format}, headers=member.headers)
    second = client.get(path, params={"format": format}, headers=member.headers)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert second.headers["content-length"] == str(len(second.content))
    assert second.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("format", MADE)
def test_a_part_can_be_asked_for_first(
    client: TestClient, member: Member, path: str, folder: Path, format: str
) -> None:
    asked = {**member.headers, "Range": "bytes=1000-1999"}

    part = client.get(path, params={"format": format}, headers=asked)
    # Made anew, as after a while or by another process.
    for file in folder.iterdir():
        file.unlink()
    whole = client.get(path, params={"format": format}, headers=member.headers)

    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    assert part.content == whole.content[1000:2000]
    assert part.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize("format", MADE)
def test_what_was_broken_off_goes_on_with_the_same_bytes(
    client: TestClient, member: Member, path: str, format: str
) -> None:
    whole = client.get(path, params={"format": format}, headers=member.headers)
    begun, rest = whole.content[:3000], {"Range": "bytes=3000-", "If-Range": whole.headers["etag"]}

    resumed = client.get(path, params={"format": format}, headers={**member.headers, **rest})

    assert resumed.status_code == 206
    assert begun + resumed.content == whole.content


def test_other_bytes_than_were_begun_with_come_whole(
    client: TestClient, member: Member, path: str
) -> None:
    asked = {**member.headers, "Range": "bytes=3000-", "If-Range": '"another"'}

    answer = client.get(path, params={"format": "mp3"}, headers=asked)

    assert answer.status_code == 200
    assert answer.content[:3] in (b"ID3", b"\xff\xfb\x90")


def test_a_part_beyond_the_end_is_refused(client: TestClient, member: Member, path: str) -> None:
    size = len(client.get(path, params={"format": "ogg"}, headers=member.headers).content)

    asked = {**member.headers, "Range": f"bytes={size}-"}
    answer = client.get(path, params={"format": "ogg"}, headers=asked)

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert "content-disposition" not in answer.headers
    error = answer.json()["error"]
    assert error["code"] == "range_not_satisfiable"
    assert error["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("given", ["{etag}", '"x", W/{etag}', "*"])
def test_who_has_it_already_gets_nothing(
    client: TestClient, member: Member, path: str, given: str
) -> None:
    etag = client.head(path, params={"format": "opus"}, headers=member.headers).headers["etag"]

    asked = {**member.headers, "If-None-Match": given.format(etag=etag)}
    answer = client.get(path, params={"format": "opus"}, headers=asked)

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag


def test_formats_and_mixes_are_told_apart(
    client: TestClient, member: Member, job_id: str, path: str, stem: str
) -> None:
    def etag(where: str, **params: str) -> str:
        return str(client.head(where, params=params, headers=member.headers).headers["etag"])

    mix = f"/v1/jobs/{job_id}/mix"

    etags = [
        etag(path, format="mp3"),
        etag(path, format="mp3-128"),
        etag(path, format="wav"),
        etag(mix, format="mp3"),
        etag(mix, format="mp3", gain_db="-3"),
        etag(mix, format="mp3", stem=f"{stem},-3"),
        etag(mix, format="mp3", stem=f"{stem},-3,0.5"),
    ]

    assert len(set(etags)) == len(etags)
    assert etag(mix, format="mp3", gain_db="-3") == etags[4]


def test_files_are_named_and_titled_as_their_job_is_called_now(
    client: TestClient, member: Member, job_id: str, path: str
) -> None:
    # The result is kept once, also for jobs that came to it later, under names of their own.
    asked = {"name": "Дом feat. Ada.wav"}
    client.patch(f"/v1/jobs/{job_id}", json=asked, headers=member.headers)
    linked = path_of(make_link(client, member, job_id, format="wav"))

    file = client.get(path, params={"format": "wav"}, headers=member.headers)
    mix = client.get(f"/v1/jobs/{job_id}/mix?format=wav", headers=member.headers)
    packed = client.get(linked)

    name = quote("Дом feat. Ada", safe="")
    assert f"UTF-8''{name}%20%28vocals%29.wav" in file.headers["content-disposition"]
    assert f"UTF-8''{name}%20%28mix%29.wav" in mix.headers["content-disposition"]
    assert f"UTF-8''{name}%20%28stems%29.zip" in packed.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.namelist()[0] == "Дом feat. Ada (vocals).wav"
    assert "Дом feat. Ada (vocals)".encode() in file.content


def test_an_archive_promises_no_parts(client: TestClient, member: Member, job_id: str) -> None:
    asked = {**member.headers, "Range": "bytes=100-"}

    answer = client.get(f"/v1/jobs/{job_id}/archive", headers=asked)

    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")
    assert answer.content[:2] == b"PK"


# --- how long they are kept


def test_a_kept_file_goes_when_nobody_asks_for_it(
    app: FastAPI, client: TestClient, member: Member, path: str, folder: Path
) -> None:
    client.get(path, params={"format": "flac"}, headers=member.headers)
    client.get(path, params={"format": "ogg"}, headers=member.headers)
    (file, other) = folder.iterdir()
    hours_ago = time.time() - 7200
    os.utime(file, (hours_ago, hours_ago))

    app.state.kept_downloads.sweep()

    assert list(folder.iterdir()) == [other]


def test_room_is_made_for_the_newest(
    tmp_path: Path, client: TestClient, app: FastAPI, member: Member, path: str
) -> None:
    app.state.kept_downloads = kept = KeptDownloads(tmp_path / "small", 1)

    for format in MADE:
        client.get(path, params={"format": format}, headers=member.headers)
        kept.sweep()
        assert len(list((tmp_path / "small").iterdir())) == 1


def test_without_room_for_any_nothing_is_promised(
    tmp_path: Path, client: TestClient, app: FastAPI, member: Member, path: str
) -> None:
    app.state.kept_downloads = KeptDownloads(tmp_path / "none", 0)
    asked = {**member.headers, "Range": "bytes=100-"}

    answer = client.get(path, params={"format": "mp3"}, headers=asked)

    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")
    assert not (tmp_path / "none").exists()


def test_where_nothing_can_be_written_nothing_is_promised(
    tmp_path: Path, client: TestClient, app: FastAPI, member: Member, path: str
) -> None:
    (tmp_path / "file").touch()
    app.state.kept_downloads.stop()
    app.state.kept_downloads = kept = KeptDownloads(tmp_path / "file" / "downloads", 10**9)
    kept.start()
    asked = {**member.headers, "Range": "bytes=100-"}

    answer = client.get(path, params={"format": "mp3"}, headers=asked)

    kept.stop()
    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")


class Endless:
    # A download that would take forever: whoever made it whole would never answer.
    name, mime, identity, ranged, size_bytes = "endless.ogg", "audio/ogg", "endless", False, None

    def finish(self) -> None:
        raise AssertionError

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        while True:
            yield bytes(1000)


def test_a_whole_download_is_sent_while_it_is_made_and_leaves_nothing_when_broken_off(
    tmp_path: Path,
) -> None:
    stream = KeptDownloads(tmp_path, 10**9).keep(Endless()).stream()

    blocks = [next(stream) for _ in range(5)]
    stream.close()  # type: ignore[attr-defined]

    assert blocks == [bytes(1000)] * 5
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_refuses_a_part_and_lets_the_whole_pass(
    tmp_path: Path, client: TestClient, app: FastAPI, member: Member, path: str
) -> None:
    asked = {**member.headers, "Range": "bytes=5-"}
    with small_disk(tmp_path / "small", 64):
        app.state.kept_downloads = KeptDownloads(tmp_path / "small", 10**9)

        whole = client.get(path, params={"format": "flac"}, headers=member.headers)
        part = client.get(path, params={"format": "flac"}, headers=asked)

        left = list((tmp_path / "small").iterdir())
    assert (whole.status_code, whole.content[:4]) == (200, b"fLaC")
    assert len(whole.content) > 64 * 1024
    assert (part.status_code, part.json()["error"]["code"]) == (503, "disk_full")
    assert left == []


# --- links


def make_link(client: TestClient, member: Member, job_id: str, **body: Any) -> Any:
    return client.post(f"/v1/jobs/{job_id}/links", json=body, headers=member.headers)


def path_of(answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    return urlsplit(answer.json()["url"]).path


def test_a_link_downloads_a_stem_without_a_key(
    client: TestClient, member: Member, job_id: str, stem: str, path: str
) -> None:
    link = make_link(client, member, job_id, stem=stem, format="mp3")

    answer = client.get(path_of(link))
    part = client.get(path_of(link), headers={"Range": "bytes=0-99"})

    own = client.get(path, params={"format": "mp3"}, headers=member.headers)
    assert answer.content == own.content
    assert answer.headers["content-disposition"] == own.headers["content-disposition"]
    assert (part.status_code, part.content) == (206, own.content[:100])


@pytest.mark.parametrize("body", [{}, {"mix": {}}, {"stem": "vocals"}])
def test_a_link_has_no_name_that_web_servers_hide(
    client: TestClient, member: Member, job_id: str, body: dict[str, Any]
) -> None:
    path = path_of(make_link(client, member, job_id, **body))

    assert not path.rpartition("/")[2].startswith(".")


def test_a_link_without_a_stem_downloads_all(
    client: TestClient, member: Member, job_id: str
) -> None:
    answer = client.get(path_of(make_link(client, member, job_id)))

    assert (answer.status_code, answer.content[:2]) == (200, b"PK")


def test_a_link_ends_when_its_time_is_over(
    client: TestClient, member: Member, job_id: str, clock: ManualClock
) -> None:
    link = make_link(client, member, job_id, expires_in_s=60)
    clock.advance(59)
    before = client.get(path_of(link))
    clock.advance(2)

    after = client.get(path_of(link))

    assert (before.status_code, after.status_code) == (200, 404)
    assert after.json()["error"]["details"] == {"reason": "expired"}


def test_a_link_tells_that_it_ends_with_its_song(
    client: TestClient, member: Member, job_id: str, clock: ManualClock
) -> None:
    week_s = 7 * 86_400
    song_ends = client.get(f"/v1/jobs/{job_id}", headers=member.headers).json()["expires_at"]
    clock.advance((datetime.fromisoformat(song_ends) - clock()).total_seconds() - 3600)

    link = make_link(client, member, job_id, expires_in_s=week_s).json()
    shares = f"/v1/jobs/{job_id}/shares"
    share = client.post(shares, json={"expires_in_s": 2 * week_s}, headers=member.headers).json()
    listed = client.get(shares, headers=member.headers).json()["data"]
    short = make_link(client, member, job_id, expires_in_s=60).json()

    assert link["expires_at"] == share["expires_at"] == song_ends
    assert listed == [share]
    assert short["expires_at"] < song_ends


def test_a_link_that_was_changed_leads_nowhere(
    client: TestClient, member: Member, job_id: str
) -> None:
    path = path_of(make_link(client, member, job_id))

    answers = [client.get(path[:-1]), client.get(path + "x"), client.get("/v1/downloads/e30.x")]

    assert [answer.status_code for answer in answers] == [404] * 3


def test_a_link_goes_with_its_job(client: TestClient, member: Member, job_id: str) -> None:
    path = path_of(make_link(client, member, job_id))
    client.delete(f"/v1/jobs/{job_id}", headers=member.headers)

    assert client.get(path).status_code == 404


def test_a_link_of_a_blocked_account_leads_nowhere(
    client: TestClient, member: Member, job_id: str, sessions: SessionFactory, clock: ManualClock
) -> None:
    path = path_of(make_link(client, member, job_id))
    with transaction(sessions) as session:
        session.get_one(Account, member.account_id).blocked_at = clock()

    assert client.get(path).status_code == 404


def test_a_link_downloads_a_mix_as_it_was_set(
    client: TestClient, member: Member, job_id: str, stem: str
) -> None:
    levels = [f"{stem},-6,0.5"]
    link = make_link(
        client, member, job_id, mix={"stems": levels, "gain_db": -1}, format="wavfloat"
    )

    answer = client.get(path_of(link))

    params = {"stem": levels, "gain_db": "-1", "format": "wavfloat"}
    own = client.get(f"/v1/jobs/{job_id}/mix", params=params, headers=member.headers)
    assert own.status_code == 200
    assert answer.content == own.content


def test_a_link_to_a_mix_without_levels_has_all_stems(
    client: TestClient, member: Member, job_id: str
) -> None:
    answer = client.get(path_of(make_link(client, member, job_id, mix={}, format="wavfloat")))

    params = {"format": "wavfloat"}
    own = client.get(f"/v1/jobs/{job_id}/mix", params=params, headers=member.headers)
    assert answer.content == own.content


def test_links_that_were_ended_lead_nowhere_and_new_ones_do(
    client: TestClient, member: Member, job_id: str
) -> None:
    former = [path_of(make_link(client, member, job_id)) for _ in range(2)]

    ended = client.delete(f"/v1/jobs/{job_id}/links", headers=member.headers)

    fresh = path_of(make_link(client, member, job_id))
    answers = [client.get(path) for path in former]
    assert ended.status_code == 204
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["error"]["details"] == {"reason": "ended"}
    assert client.get(fresh).status_code == 200


def test_a_link_works_on_its_own_site_alone(
    client: TestClient, member: Member, job_id: str, app: FastAPI, make_member: MakeMember
) -> None:
    path = path_of(make_link(client, member, job_id))
    others = [site.name for site in app.state.services.sites.all() if site.name != member.site_id]

    answers = [client.get(f"/s/{name}{path}").status_code for name in others]

    assert answers == [404] * len(others)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"stem": "banjo"}, 404, "not_found"),
        ({"format": "midi"}, 400, "invalid_option"),
        ({"mix": {"stems": ["banjo"]}}, 404, "not_found"),
        ({"mix": {"stems": ["vocals,loud"]}}, 404, "not_found"),
        ({"mix": {"stems": ["vocals,99"]}}, 400, "invalid_option"),
        ({"mix": {"stems": ["vocals", "vocals,-6"]}}, 400, "invalid_option"),
        ({"mix": {"gain_db": 100}}, 422, "invalid_request"),
        ({"mix": {}, "stem": "vocals"}, 400, "invalid_option"),
        ({"expires_in_s": 5}, 422, "invalid_request"),
        ({"expires_in_s": 10**9}, 422, "invalid_request"),
    ],
)
def test_a_link_to_what_is_not_there_is_refused(
    client: TestClient, member: Member, job_id: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = make_link(client, member, job_id, **body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
