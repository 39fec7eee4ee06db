# Songs on their way in, as their senders see it.

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.uploads.discarding import remove_discarded
from stemhouse.domains.uploads.service import ready_song
from stemhouse.domains.uploads.sweeping import remove_expired, remove_orphans
from stemhouse.errors import Conflict, DiskFull, ExternalError, NotFound
from stemhouse.settings import Settings
from stemhouse.storage import Storage
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.browser import PASSWORD, Browser
from tests.service.conftest import MakeMember, Member

RATE = 8_000
TUS = {"Tus-Resumable": "1.0.0"}


def song(seconds: float = 2.0, format: str = "WAV", silent: bool = False) -> bytes:
    random = np.random.default_rng(1)
    length = round(seconds * RATE)
    samples = np.zeros(length) if silent else random.uniform(-0.5, 0.5, length)
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format)
    return file.getvalue()


@pytest.fixture(scope="module")
def wav() -> bytes:
    return song()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_site(
        settings.data_dir / "sites",
        plans__free__max_upload_bytes=2_000_000,
        plans__free__max_duration_s=60,
        plans__free__max_files_at_once=3,
    )
    return settings.model_copy(update={"allow_private_addresses": True, "probe_cpu_s": 10.0})


@pytest.fixture
def storage(app: FastAPI, client: TestClient) -> Storage:
    found: Storage = app.state.storage
    return found


Send = Callable[..., object]


def send(client: TestClient, member: Member, data: bytes, name: str = "song.wav"):  # type: ignore[no-untyped-def]
    return client.post("/v1/uploads", files={"file": (name, data)}, headers=member.headers)


def stored(storage: Storage) -> list[str]:
    return sorted(found.key for found in storage.list("uploads/"))


# --- one request ---------------------------------------------------------------------------------


def test_a_song_is_examined_and_kept(
    client: TestClient, member: Member, storage: Storage, wav: bytes
) -> None:
    answer = send(client, member, wav, "Größe – Ω.wav")

    assert answer.status_code == 201
    upload = answer.json()
    assert upload["id"].startswith("upl_")
    assert upload["state"] == "ready"
    assert upload["name"] == "Größe – Ω.wav"
    assert upload["size_bytes"] == upload["received_bytes"] == len(wav)
    assert upload["sha256"] == sha256(wav).hexdigest()
    assert (upload["container"], upload["codec"]) == ("wav", "pcm_s16le")
    assert (upload["duration_s"], upload["sample_rate"], upload["channels"]) == (2.0, RATE, 1)
    assert upload["error"] is None
    assert stored(storage) == [f"uploads/{upload['id']}/song"]
    assert storage.get(stored(storage)[0]) == wav


def test_uploads_are_shown_listed_and_deleted(
    client: TestClient, member: Member, storage: Storage, wav: bytes
) -> None:
    first, second = (send(client, member, wav).json() for _ in range(2))

    listed = client.get("/v1/uploads", headers=member.headers).json()
    shown = client.get(f"/v1/uploads/{first['id']}", headers=member.headers)
    deleted = client.delete(f"/v1/uploads/{first['id']}", headers=member.headers)
    again = client.get(f"/v1/uploads/{first['id']}", headers=member.headers)

    assert [upload["id"] for upload in listed["data"]] == [second["id"], first["id"]]
    assert shown.json() == first
    assert deleted.status_code == 204
    assert again.status_code == 404
    assert stored(storage) == [f"uploads/{second['id']}/song"]


def test_a_name_cannot_lead_anywhere(
    client: TestClient, member: Member, storage: Storage, wav: bytes
) -> None:
    upload = send(client, member, wav, "../../etc/pass\\wd.wav").json()

    assert "/" not in upload["name"]
    assert upload["name"] == "wd.wav"
    assert stored(storage) == [f"uploads/{upload['id']}/song"]


def test_a_name_is_cut_however_long_it_is(client: TestClient, member: Member, wav: bytes) -> None:
    name = "é" * 5_000 + ".wav"

    upload = send(client, member, wav, name).json()

    assert upload["name"] == name[: len(upload["name"])]
    assert len(upload["name"]) > 100


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"these are the words of a song\n" * 100, "unsupported_audio"),
        (b"", "empty_audio"),
        (bytes(50_000), "unsupported_audio"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + b"text in an mp3's clothes" * 50, None),
        (song()[:9_000], "corrupt_audio"),
        (song(format="FLAC")[:9_000], "corrupt_audio"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "unsupported_audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "unsupported_audio"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_audio"),
    ],
    ids=["text", "empty", "zeros", "id3", "cut wav", "cut flac", "m3u", "concat", "svg"],
)
def test_what_is_no_song_is_refused_and_leaves_nothing(
    client: TestClient, member: Member, storage: Storage, data: bytes, code: str | None
) -> None:
    answer = send(client, member, data, "song.mp3")

    assert answer.status_code == 400
    if code is not None:
        assert answer.json()["error"]["code"] == code
    assert stored(storage) == []
    assert client.get("/v1/uploads", headers=member.headers).json()["data"] == []


def test_silence_without_end_is_refused_by_its_length(client: TestClient, member: Member) -> None:
    bomb = song(3 * 3600.0, "FLAC", silent=True)
    unknown = bytearray(bomb)
    unknown[21:26] = bytes([unknown[21] & 0xF0, 0, 0, 0, 0])  # the header says nothing of it

    answers = [send(client, member, data) for data in (bomb, bytes(unknown))]

    assert len(bomb) < 1_000_000
    assert [answer.status_code for answer in answers] == [413, 413]
    assert {answer.json()["error"]["code"] for answer in answers} == {"audio_too_long"}


def test_more_bytes_than_the_plan_allows_are_refused_before_they_came(
    client: TestClient, member: Member, storage: Storage
) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(1_000):
            yield bytes(64_000)

    announced = send(client, member, bytes(3_000_000))
    hidden = client.post(
        "/v1/uploads",
        content=endless(),
        headers={**member.headers, "Content-Type": "multipart/form-data; boundary=x"},
    )

    assert announced.status_code == hidden.status_code == 413
    assert announced.json()["error"]["code"] == hidden.json()["error"]["code"] == "upload_too_large"
    assert hidden.json()["error"]["details"] == {"max_bytes": 2_000_000}
    assert stored(storage) == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"junk", "multipart/form-data; boundary=x"),
        (b"junk", "multipart/form-data"),
        (b"{}", "application/json"),
        (b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--x--\r\n', None),
        (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF', None),
        (b"--x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", None),
        (b"--x\r\n" + b"A" * 100_000, None),
    ],
    ids=["empty", "junk", "boundary", "json", "no file", "cut", "headers", "long header"],
)
def test_a_form_without_a_whole_file_is_refused(
    client: TestClient, member: Member, body: bytes, kind: str | None
) -> None:
    headers = {**member.headers, "Content-Type": kind or "multipart/form-data; boundary=x"}

    answer = client.post("/v1/uploads", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_option"
    assert client.get("/v1/uploads", headers=member.headers).json()["data"] == []


def test_a_song_in_another_field_is_refused_with_the_right_name(
    client: TestClient, member: Member, wav: bytes
) -> None:
    answer = client.post("/v1/uploads", files={"song": ("a.wav", wav)}, headers=member.headers)

    assert answer.status_code == 400
    assert "'file'" in answer.json()["error"]["message"]


def test_only_whom_the_key_allows_may_upload(
    client: TestClient, make_member: MakeMember, wav: bytes
) -> None:
    reader = make_member(scopes=frozenset({"jobs:read"}))

    assert send(client, reader, wav).status_code == 403
    assert client.post("/v1/uploads", files={"file": wav}).status_code == 401


def test_the_uploads_of_others_do_not_exist(
    client: TestClient, make_member: MakeMember, wav: bytes
) -> None:
    mine, other = make_member(), make_member()
    upload = send(client, mine, wav).json()["id"]
    resumable = begin(client, mine, 100).headers["location"]
    headers = other.headers | TUS

    answers = [
        client.get(f"/v1/uploads/{upload}", headers=other.headers),
        client.delete(f"/v1/uploads/{upload}", headers=other.headers),
        client.head(resumable, headers=headers),
        client.patch(resumable, headers=headers | part_headers(0), content=b"x"),
        client.delete(resumable, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert client.get("/v1/uploads", headers=other.headers).json()["data"] == []
    assert client.head(resumable, headers=mine.headers | TUS).headers["upload-offset"] == "0"


# --- what jobs see -------------------------------------------------------------------------------


def test_a_job_gets_a_ready_song_and_keeps_it(
    client: TestClient,
    make_member: MakeMember,
    sessions: SessionFactory,
    settings: Settings,
    storage: Storage,
    clock: ManualClock,
    wav: bytes,
) -> None:
    mine, other = make_member(), make_member()
    upload = send(client, mine, wav).json()

    with transaction(sessions) as session:
        found = ready_song(session, mine.site_id, mine.account_id, upload["id"])
        with pytest.raises(NotFound):
            ready_song(session, other.site_id, other.account_id, upload["id"])
    clock.advance(settings.upload_ttl_s + 1)
    remove_expired(sessions, clock())
    remove_discarded(sessions, storage)

    assert storage.get(found.key) == wav
    assert (found.sha256, found.duration_s) == (upload["sha256"], 2.0)


def test_a_job_cannot_have_an_unfinished_song(
    client: TestClient, member: Member, sessions: SessionFactory
) -> None:
    upload_id = begin(client, member, 100).headers["location"].rsplit("/", 1)[-1]

    with transaction(sessions) as session, pytest.raises(Conflict):
        ready_song(session, member.site_id, member.account_id, upload_id)


# --- resumable -----------------------------------------------------------------------------------


def begin(client: TestClient, member: Member, length: int, name: str = "song.wav"):  # type: ignore[no-untyped-def]
    metadata = f"filename {base64.b64encode(name.encode()).decode()},filetype YXVkaW8="
    headers = {"Upload-Length": str(length), "Upload-Metadata": metadata}
    return client.post("/v1/uploads/resumable", headers=member.headers | TUS | headers)


def part_headers(offset: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}


def send_part(client: TestClient, member: Member, address: str, offset: int, data: bytes):  # type: ignore[no-untyped-def]
    headers = member.headers | TUS | part_headers(offset)
    return client.patch(address, headers=headers, content=data)


def test_a_song_arrives_in_parts(
    client: TestClient, member: Member, storage: Storage, wav: bytes
) -> None:
    created = begin(client, member, len(wav), "Ω.wav")
    address = created.headers["location"]

    offsets = []
    for start in range(0, len(wav), 10_000):
        answer = send_part(client, member, address, start, wav[start : start + 10_000])
        offsets.append((answer.status_code, int(answer.headers["upload-offset"])))
        seen = client.head(address, headers=member.headers | TUS)
        assert seen.headers["upload-offset"] == answer.headers["upload-offset"]
        assert seen.headers["upload-length"] == str(len(wav))
    upload_id = address.rsplit("/", 1)[-1]
    upload = client.get(f"/v1/uploads/{upload_id}", headers=member.headers).json()

    assert created.status_code == 201
    assert created.headers["tus-resumable"] == "1.0.0"
    assert "upload-expires" in created.headers
    assert offsets[-1] == (204, len(wav))
    assert upload["state"] == "ready"
    assert (upload["name"], upload["sha256"]) == ("Ω.wav", sha256(wav).hexdigest())
    assert stored(storage) == [f"uploads/{upload_id}/song"]
    assert storage.get(stored(storage)[0]) == wav


def test_a_song_may_come_with_its_creation(client: TestClient, member: Member, wav: bytes) -> None:
    headers = member.headers | TUS | {"Upload-Length": str(len(wav))}

    answer = client.post(
        "/v1/uploads/resumable",
        headers=headers | {"Content-Type": "application/offset+octet-stream"},
        content=wav,
    )

    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(wav)))


def test_large_requests_are_kept_part_by_part(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch, wav: bytes
) -> None:
    monkeypatch.setattr("stemhouse.domains.uploads.routes_resumable.PART_BYTES", 3_000)
    address = begin(client, member, len(wav)).headers["location"]

    answer = send_part(client, member, address, 0, wav)

    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(len(wav)))


def test_a_part_at_another_place_is_refused(client: TestClient, member: Member) -> None:
    address = begin(client, member, 100).headers["location"]
    send_part(client, member, address, 0, bytes(40))

    answers = [send_part(client, member, address, offset, bytes(10)) for offset in (0, 39, 41)]
    right = send_part(client, member, address, 40, bytes(10))

    assert [answer.status_code for answer in answers] == [409] * 3
    assert answers[0].json()["error"]["details"]["offset"] == 40
    assert right.headers["upload-offset"] == "50"


def test_more_than_was_announced_is_refused(client: TestClient, member: Member) -> None:
    address = begin(client, member, 100).headers["location"]

    answer = send_part(client, member, address, 0, bytes(101))

    assert answer.status_code == 413
    error = answer.json()["error"]
    assert error["details"] == {"announced_bytes": 100}
    assert "announced" in error["message"]
    assert "plan" not in error["message"]
    assert client.head(address, headers=member.headers | TUS).headers["upload-offset"] == "0"


def test_what_is_no_song_is_told_with_its_last_part(
    client: TestClient, member: Member, storage: Storage
) -> None:
    text = b"these are the words of a song\n" * 10
    address = begin(client, member, len(text)).headers["location"]

    answer = send_part(client, member, address, 0, text)
    upload_id = address.rsplit("/", 1)[-1]
    upload = client.get(f"/v1/uploads/{upload_id}", headers=member.headers).json()

    assert answer.status_code == 400
    assert upload["state"] == "rejected"
    assert upload["error"]["code"] == answer.json()["error"]["code"] == "unsupported_audio"
    assert stored(storage) == []


def test_the_protocol_is_held(client: TestClient, member: Member) -> None:
    options = client.options("/v1/uploads/resumable")
    address = begin(client, member, 100).headers["location"]
    headers = member.headers

    assert options.headers["tus-version"] == "1.0.0"
    assert "termination" in options.headers["tus-extension"]
    assert client.head(address, headers=headers).status_code == 412
    assert client.patch(address, headers=headers | TUS, content=b"x").status_code == 415
    typed = headers | TUS | {"Content-Type": "application/offset+octet-stream"}
    assert client.patch(address, headers=typed, content=b"x").status_code == 400
    assert client.post("/v1/uploads/resumable", headers=headers | TUS).status_code == 400
    assert begin(client, member, 3_000_000).status_code == 413
    bad = headers | TUS | {"Upload-Length": "9", "Upload-Metadata": "filename !!"}
    assert client.post("/v1/uploads/resumable", headers=bad).status_code == 400
    assert client.delete(address, headers=headers | TUS).status_code == 204
    assert client.head(address, headers=headers | TUS).status_code == 404


def test_as_many_uploads_as_the_plan_allows_are_on_their_way(
    client: TestClient, member: Member, clock: ManualClock, settings: Settings
) -> None:
    begun = [begin(client, member, 100).status_code for _ in range(3)]
    refused = begin(client, member, 100)
    clock.advance(settings.upload_ttl_s + 1)
    later = begin(client, member, 100)

    assert begun == [201] * 3
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "quota_exceeded")
    assert later.status_code == 201


# --- storage and time ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DiskFull("there is no room"), "disk_full"),
        (ExternalError("the storage does not answer"), "external_error"),
    ],
    ids=["full", "cut"],
)
def test_a_storage_that_fails_is_told_and_can_be_tried_again(
    client: TestClient,
    member: Member,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    wav: bytes,
    error: Exception,
    code: str,
) -> None:
    address = begin(client, member, len(wav)).headers["location"]
    send_part(client, member, address, 0, wav[:-10])
    put = storage.put

    def fail(key: str, data: object) -> int:
        raise error

    monkeypatch.setattr(storage, "put", fail)
    whole = send(client, member, wav)
    part = send_part(client, member, address, len(wav) - 10, wav[-10:])
    monkeypatch.setattr(
        storage, "put", lambda key, data: fail(key, data) if "song" in key else put(key, data)
    )
    last = send_part(client, member, address, len(wav) - 10, wav[-10:])
    monkeypatch.setattr(storage, "put", put)
    healed = client.head(address, headers=member.headers | TUS)
    states = {u["state"] for u in client.get("/v1/uploads", headers=member.headers).json()["data"]}

    for answer in (whole, part, last):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
    assert healed.status_code == 200
    assert states == {"ready"}
    assert send(client, member, wav).status_code == 201


def test_abandoned_and_unused_uploads_are_swept(
    client: TestClient,
    member: Member,
    storage: Storage,
    sessions: SessionFactory,
    clock: ManualClock,
    settings: Settings,
    wav: bytes,
) -> None:
    abandoned = begin(client, member, len(wav)).headers["location"]
    send_part(client, member, abandoned, 0, wav[:100])
    unused = send(client, member, wav).json()["id"]
    before = remove_expired(sessions, clock())

    clock.advance(settings.upload_ttl_s)
    busy = remove_expired(sessions, clock(), lambda session, ids: [unused])
    remove_discarded(sessions, storage)
    left = stored(storage)
    clock.advance(7_200)
    after = remove_expired(sessions, clock())
    remove_discarded(sessions, storage)

    assert (before, busy, after) == (0, 1, 1)
    assert left == [f"uploads/{unused}/song"]
    assert stored(storage) == []


def test_songs_go_with_their_account(
    client: TestClient, member: Member, storage: Storage, sessions: SessionFactory, wav: bytes
) -> None:
    browser = Browser(client)
    browser.sign_up("ada@example.org")
    others = send(client, member, wav).json()["id"]
    browser.post("/v1/uploads", files={"file": ("song.wav", wav)})

    deletion = {"password": PASSWORD, "confirm": "delete everything"}
    deleted = browser.post("/v1/account/deletion", json=deletion)
    remove_discarded(sessions, storage)

    assert deleted.status_code == 204
    # At once, not when the hourly sweep finds that nobody knows them.
    assert stored(storage) == [f"uploads/{others}/song"]


def test_files_without_a_row_are_swept(
    client: TestClient,
    member: Member,
    storage: Storage,
    sessions: SessionFactory,
    clock: ManualClock,
    wav: bytes,
) -> None:
    known = send(client, member, wav).json()["id"]
    storage.put("uploads/upl_gone/song", b"x")
    newest = max(found.modified_at for found in storage.list("uploads/"))

    early = remove_orphans(sessions, storage, newest)
    late = remove_orphans(sessions, storage, newest + timedelta(hours=2))

    assert (early, late) == (0, 1)
    assert stored(storage) == [f"uploads/{known}/song"]


# --- signed links --------------------------------------------------------------------------------


def test_a_signed_link_reads_a_file_in_whole_and_in_part(
    client: TestClient, member: Member, storage: Storage, wav: bytes
) -> None:
    upload = send(client, member, wav).json()["id"]
    link = storage.link(f"uploads/{upload}/song", timedelta(minutes=1), site="default")

    whole = client.get(link)
    part = client.get(link, headers={"Range": "bytes=10-19"})
    tail = client.get(link, headers={"Range": "bytes=-5"})
    same = client.get(link, headers={"If-None-Match": whole.headers["etag"]})
    stale = client.get(link, headers={"Range": "bytes=10-19", "If-Range": '"other"'})
    beyond = client.get(link, headers={"Range": f"bytes={len(wav)}-"})
    head = client.head(link)

    assert (whole.status_code, whole.content) == (200, wav)
    assert (part.status_code, part.content) == (206, wav[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(wav)}"
    assert tail.content == wav[-5:]
    assert same.status_code == 304
    assert (stale.status_code, stale.content) == (200, wav)
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(wav)}")
    assert head.headers["content-length"] == str(len(wav))
    assert head.content == b""


def test_other_links_are_refused(
    client: TestClient, member: Member, storage: Storage, wav: bytes
) -> None:
    upload = send(client, member, wav).json()["id"]
    link = storage.link(f"uploads/{upload}/song", timedelta(minutes=1), site="default")

    for other in (
        link.replace("/song", "/sung"),
        link + "&expires=9999999999",
        link + "x",
        link.partition("?")[0],
        "/v1/files/../../etc/passwd",
        storage.link(f"uploads/{upload}/song", timedelta(seconds=-2), site="default"),
    ):
        answer = client.get(other)
        assert answer.status_code in (403, 404)
        assert answer.content != wav


@pytest.fixture
def local_folder(settings: Settings) -> Path:
    return settings.data_dir / "incoming"


def test_no_temporary_file_stays(
    client: TestClient, member: Member, local_folder: Path, wav: bytes
) -> None:
    send(client, member, wav)
    send(client, member, b"text")

    assert list(local_folder.iterdir()) == []
