# The client against a real server, over good lines and bad ones.

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile

from stemhouse.client import (
    AsyncClient,
    Client,
    Connection,
    MixPart,
    RequestRefused,
    Retries,
    ServiceFault,
    ServiceUnreachable,
    calls,
)
from stemhouse.client.uploading import PART_BYTES
from stemhouse.errors import (
    Cancelled,
    Conflict,
    InvalidOption,
    NotFound,
    OutputNotWritable,
    RateLimited,
    SourceNotFound,
    StemhouseError,
    Timeout,
    Unauthenticated,
    UnsupportedAudio,
)
from tests.service.installation import MODEL, noise
from tests.service.lines import Line
from tests.service.serving import Served, served
from tests.service.webhook_receiver import Receiver

QUICK = Connection(retries=Retries(first_wait_s=0.01, longest_wait_s=0.1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def key(server: Served) -> str:
    return server.key()


@pytest.fixture
def client(server: Served, key: str) -> Iterator[Client]:
    with Client(server.url, key, connection=QUICK) as client:
        yield client


@pytest.fixture
def line(server: Served) -> Iterator[Line]:
    line = Line(server.port)
    yield line
    line.end()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "Ada - Song.wav"
    path.write_bytes(noise(2))
    return path


@pytest.fixture
def large_song(tmp_path: Path) -> Path:
    path = tmp_path / "Large.wav"
    path.write_bytes(noise(100))  # 17.6 MB: three parts
    assert path.stat().st_size > 2 * PART_BYTES
    return path


def test_a_song_goes_there_and_its_stems_come_back(
    client: Client, song: Path, tmp_path: Path
) -> None:
    seen: list[str] = []

    upload = client.upload(song)
    job = client.create_job(upload.id, quality="fast")
    job = client.wait(job.id, timeout_s=120, watch=lambda one: seen.append(one.status))
    files = [
        client.download_stem(job.id, stem.name, tmp_path / "out" / f"{stem.name}.wav")
        for stem in job.stems_or_raise()
    ]

    assert (upload.name, upload.state) == ("Ada - Song.wav", "ready")
    assert seen[-1] == job.status == "succeeded"
    assert [path.name for path in files] == ["vocals.wav", "accompaniment.wav"]
    assert {soundfile.info(path).frames for path in files} == {2 * 44_100}
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in files
    )


def test_the_same_with_asyncio(server: Served, key: str, song: Path, tmp_path: Path) -> None:
    async def work() -> tuple[list[str], list[str], Path, str]:
        async with AsyncClient(server.url, key, connection=QUICK) as client:
            upload = await client.upload(song)
            job = await client.create_job(upload.id, quality="fast")
            kinds = [event.kind async for event in client.events(job.id)]
            job = await client.wait(job.id)
            archive = await client.download_archive(job.id, tmp_path / "all.zip", format="flac")
            listed = [one.id async for one in client.list_jobs()]
            with pytest.raises(NotFound):
                await client.get_job("job_of_nobody")
            return kinds, listed, archive, job.id

    kinds, listed, archive, job_id = asyncio.run(work())

    assert [kinds[0], kinds[-1]] == ["job.queued", "job.succeeded"]
    assert listed == [job_id]
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert len(opened.namelist()) == 2


def test_a_large_song_is_sent_in_parts(client: Client, large_song: Path) -> None:
    told: list[tuple[int, int]] = []
    begun: list[str] = []

    upload = client.upload(
        large_song, sent=lambda done, total: told.append((done, total)), begun=begun.append
    )

    size = large_song.stat().st_size
    assert [done for done, _ in told] == [0, PART_BYTES, 2 * PART_BYTES, size]
    assert begun == [upload.id]
    assert upload.sha256 == hashlib.sha256(large_song.read_bytes()).hexdigest()


def test_an_upload_outlives_lost_connections(line: Line, key: str, large_song: Path) -> None:
    line.up = [3_000_000, 9_000_000, 1_000_000]
    with Client(line.url, key, connection=QUICK) as client:
        upload = client.upload(large_song)

    assert line.breaks == 3
    assert upload.sha256 == hashlib.sha256(large_song.read_bytes()).hexdigest()


def test_an_upload_is_resumed_by_another_program(
    server: Served, key: str, large_song: Path
) -> None:
    class Stopped(Exception):
        pass

    begun: list[str] = []

    def stop(done: int, _total: int) -> None:
        if done:
            raise Stopped

    with Client(server.url, key) as first, pytest.raises(Stopped):
        first.upload(large_song, sent=stop, begun=begun.append)
    told: list[int] = []
    with Client(server.url, key) as second:
        upload = second.resume_upload(
            begun[0], large_song, sent=lambda done, _total: told.append(done)
        )

    assert told[0] == PART_BYTES
    assert upload.sha256 == hashlib.sha256(large_song.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("format", "cuts"),
    # The last one is cut after its last byte, and before the end of the answer.
    [("wav", 2), ("flac", 2), ("m4a-512", 1), ("opus-510", 1), ("opus", 1)],
)
def test_a_download_goes_on_where_the_line_was_cut(
    *, client: Client, line: Line, key: str, song: Path, tmp_path: Path, format: str, cuts: int
) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)
    line.down = [30_000] * cuts
    told: list[int] = []

    with Client(line.url, key, connection=QUICK) as far:
        path = far.download_stem(
            job.id,
            "vocals",
            tmp_path / "cut",
            format=format,
            received=lambda done, _total: told.append(done),
        )

    whole = client.download_stem(job.id, "vocals", tmp_path / "whole", format=format)
    assert line.breaks == cuts
    assert path.read_bytes() == whole.read_bytes()
    assert told == sorted(told), "no byte was fetched twice"


def test_what_cannot_be_ranged_is_fetched_anew(
    client: Client, line: Line, key: str, song: Path, tmp_path: Path
) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)
    line.down = [60_000]

    with Client(line.url, key, connection=QUICK) as far:
        path = far.download_archive(job.id, tmp_path / "cut.zip", format="flac")

    assert line.breaks == 1
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None


def test_a_link_downloads_without_the_client(client: Client, song: Path, tmp_path: Path) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)
    link = client.link(job.id, "vocals", format="flac", expires_in_s=600)

    answer = httpx2.get(link.url)

    own = client.download_stem(job.id, "vocals", tmp_path / "own.flac", format="flac")
    assert answer.content == own.read_bytes()
    assert 500 < (link.expires_at - datetime.now(UTC)).total_seconds() <= 601


def test_a_link_to_a_mix_leads_there_until_links_are_ended(
    client: Client, song: Path, tmp_path: Path
) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)
    quiet = [MixPart("vocals", gain_db=-20)]
    link = client.link(job.id, parts=quiet, format="wavfloat")
    before = httpx2.get(link.url)

    client.end_links(job.id)

    own = client.download_mix(job.id, tmp_path / "own.wav", parts=quiet, format="wavfloat")
    assert before.content == own.read_bytes()
    assert httpx2.get(link.url).status_code == 404


def test_stems_are_mixed_as_they_were_set(client: Client, song: Path, tmp_path: Path) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)
    loud, quiet = MixPart("vocals"), MixPart("vocals", gain_db=-20)

    whole = client.download_mix(job.id, tmp_path / "whole.wav", format="wavfloat")
    one = client.download_mix(job.id, tmp_path / "one.wav", parts=[loud], format="wavfloat")
    less = client.download_mix(job.id, tmp_path / "less.wav", parts=[quiet], format="wavfloat")
    soft = client.download_mix(job.id, tmp_path / "soft.wav", parts=[loud], gain_db=-20)
    vocals = client.download_stem(job.id, "vocals", tmp_path / "vocals.wav", format="wavfloat")

    sound = {path: soundfile.read(path)[0] for path in (whole, one, less, soft, vocals)}
    assert np.array_equal(sound[one], sound[vocals])
    assert np.allclose(sound[less], sound[vocals] / 10, atol=1e-7)
    assert np.allclose(sound[soft], sound[less], atol=2**-15)  # a step of 16 bits
    assert sound[whole].shape == sound[one].shape
    assert not np.allclose(sound[whole], sound[one], atol=1e-3)


def test_a_share_plays_without_a_key_until_it_is_taken_back(client: Client, song: Path) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)

    made = client.share(job.id, expires_in_s=3600)
    listed = client.shares(job.id)
    open_to_all = httpx2.get(made.manifest_url)
    client.end_share(job.id, made.id)

    assert listed == [made]
    assert open_to_all.json()["complete"] is True
    assert 3500 < (made.expires_at - datetime.now(UTC)).total_seconds() <= 3601
    assert httpx2.get(made.manifest_url).status_code == 404
    assert client.shares(job.id) == []


def test_a_download_that_is_stopped_leaves_nothing(
    client: Client, song: Path, tmp_path: Path
) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)

    def stop(_done: int, _total: int | None) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        client.download_stem(job.id, "vocals", tmp_path / "out" / "vocals.wav", received=stop)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_cannot_be_written_is_an_error_of_ours(
    client: Client, song: Path, tmp_path: Path
) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)
    (tmp_path / "file").touch()

    with pytest.raises(OutputNotWritable):
        client.download_stem(job.id, "vocals", tmp_path / "file" / "vocals.wav")


def test_events_go_on_after_a_lost_connection(
    line: Line, key: str, song: Path, client: Client
) -> None:
    job = client.create_job(client.upload(song).id, quality="fast")
    line.down = [500, 700]

    with Client(line.url, key, connection=QUICK) as far:
        events = list(far.events(job.id))

    numbers = [event.number for event in events if event.number is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (events[-1].kind, events[-1].last) == ("job.succeeded", True)


def test_events_of_an_ended_job_are_told_and_end(client: Client, song: Path) -> None:
    job = client.wait(client.create_job(client.upload(song).id, quality="fast").id)

    kinds = [event.kind for event in client.events(job.id) if event.number is not None]
    after = [event.kind for event in client.events(job.id, after=len(kinds))]

    assert kinds[-1] == "job.succeeded"
    assert "job.succeeded" not in after


def test_a_job_can_be_cancelled_and_deleted(client: Client, large_song: Path) -> None:
    job = client.create_job(client.upload(large_song).id, quality="best")

    client.cancel_job(job.id)
    ended = client.wait(job.id, timeout_s=120)
    with pytest.raises(Cancelled):
        ended.stems_or_raise()
    client.delete_job(job.id)

    assert ended.status == "canceled"
    with pytest.raises(NotFound):
        client.get_job(job.id)
    assert client.balance().held == 0


def test_waiting_has_an_end(client: Client, large_song: Path) -> None:
    job = client.create_job(client.upload(large_song).id, quality="best")

    with pytest.raises(Timeout):
        client.wait(job.id, timeout_s=0.3)
    client.cancel_job(job.id)


def test_prices_models_and_lists(client: Client, song: Path) -> None:
    uploads = [client.upload(song).id for _ in range(2)]

    quote = client.quote(uploads[0], stems=["vocals"])
    job = client.create_job(uploads[0], quality="fast", stems=["vocals"], wait_s=30)
    job = client.wait(job.id, timeout_s=120)

    assert (quote.price.amount, quote.stems) == (2, ["vocals"])
    assert [stem.name for stem in job.stems_or_raise()] == ["vocals"]
    assert [one.id for one in client.list_jobs(status="succeeded")] == [job.id]
    assert [one.id for one in client.list_uploads()] == uploads[::-1]
    assert [(model.name, model.usual) for model in client.models()] == [(MODEL, True)]


def test_lists_go_over_all_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGE", 2)
    made = [client.create_webhook("https://8.8.8.8/hook").id for _ in range(5)]

    listed = [one.id for one in client.list_webhooks()]

    assert listed == made[::-1]


def test_webhooks_by_the_client(client: Client) -> None:
    receiver = Receiver()
    endpoint = client.create_webhook(receiver.url, events=["job.failed"], description="Mixer")
    delivery = client.test_webhook(endpoint.id)
    (received,) = receiver.wait(1)
    receiver.stop()

    assert received.verified(endpoint.secret)["type"] == "webhook.test"
    assert client.get_delivery(endpoint.id, delivery.id).payload["type"] == "webhook.test"
    assert [one.id for one in client.list_deliveries(endpoint.id)] == [delivery.id]
    assert client.rotate_webhook_secret(endpoint.id).secret != endpoint.secret
    assert client.redeliver(endpoint.id, delivery.id).state == "pending"
    paused = client.change_webhook(endpoint.id, paused=True)
    assert paused.paused is not None
    assert paused.events == ["job.failed"]
    assert client.get_webhook(endpoint.id).description == "Mixer"
    client.delete_webhook(endpoint.id)
    assert list(client.list_webhooks()) == []


# --- refusals ------------------------------------------------------------------------------------


def test_errors_have_the_servers_code_and_request(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        client.get_job("job_of_nobody")

    assert caught.value.details["status"] == 404
    assert caught.value.details["request_id"].startswith("req_")


def test_a_wrong_key_is_told(server: Served) -> None:
    with Client(server.url, "shk_wrong") as client, pytest.raises(Unauthenticated):
        client.balance()


def test_what_is_no_song_is_told(client: Client) -> None:
    with pytest.raises(UnsupportedAudio):
        client.upload(io.BytesIO(b"just text, no music"), name="notes.txt")


def test_a_file_that_is_not_there_is_told(client: Client, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        client.upload(tmp_path / "missing.wav")


def test_the_same_key_with_another_wish_is_a_conflict(client: Client, song: Path) -> None:
    upload = client.upload(song)
    first = client.create_job(upload.id, quality="fast", idempotency_key="mine")
    again = client.create_job(upload.id, quality="fast", idempotency_key="mine")

    with pytest.raises(Conflict):
        client.create_job(upload.id, quality="best", idempotency_key="mine")

    assert first.id == again.id


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with (
        Client("http://127.0.0.1:9", connection=QUICK) as client,
        pytest.raises(ServiceUnreachable) as caught,
    ):
        client.models()

    assert caught.value.retryable


@pytest.mark.parametrize("server", ["", "stems.example.org", "ftp://stems.example.org", "http://"])
def test_an_address_that_is_none_is_told(server: str) -> None:
    with pytest.raises(InvalidOption):
        Client(server)


# --- trying again --------------------------------------------------------------------------------


class Answers:
    # A server of canned answers: what nobody can make a real one do on demand.
    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


BALANCE = {"unit": "second", "available": 10, "held": 0}


def refusal(status: int, code: str, **headers: str) -> httpx2.Response:
    error = {"code": code, "message": "not now", "details": {}, "request_id": "req_1"}
    return httpx2.Response(status, json={"error": error}, headers=headers)


def asked(answers: Answers, retries: Retries | None = None) -> Any:
    connection = Connection(retries=retries or QUICK.retries)
    with Client(
        "http://server", "shk_k", connection=connection, transport=httpx2.MockTransport(answers)
    ) as client:
        return client.balance()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: refusal(429, "rate_limited", **{"retry-after": "0"}),
        lambda: refusal(503, "not_ready"),
        lambda: httpx2.Response(502, text="<html>bad gateway</html>"),
        lambda: httpx2.ConnectError("refused"),
        lambda: httpx2.ReadError("cut"),
        lambda: httpx2.ReadTimeout("slow"),
    ],
)
def test_what_waiting_can_help_is_asked_again(
    bad: Callable[[], httpx2.Response | Exception],
) -> None:
    answers = Answers(bad(), bad(), httpx2.Response(200, json=BALANCE))

    balance = asked(answers)

    assert balance.available == 10
    assert len(answers.seen) == 3


def test_there_is_an_end_to_asking_again() -> None:
    answers = Answers(*[refusal(503, "not_ready") for _ in range(10)])

    with pytest.raises(StemhouseError, match="not now"):
        asked(answers)

    assert len(answers.seen) == 5


def test_the_server_says_how_long_to_wait() -> None:
    waits = Retries(first_wait_s=100)

    assert waits.wait_s(0, "3") == 3
    assert waits.wait_s(0, "soon") is not None
    assert waits.wait_s(0, "3600") is None
    assert 50 <= (Retries(first_wait_s=100, longest_wait_s=1e9).wait_s(0) or 0) <= 100


def test_a_server_that_asks_for_too_long_a_wait_is_an_error_at_once() -> None:
    answers = Answers(refusal(429, "rate_limited", **{"retry-after": "3600"}))

    with pytest.raises(RateLimited):
        asked(answers)


def test_a_refusal_is_not_asked_again() -> None:
    answers = Answers(refusal(403, "quite_new_code"))

    with pytest.raises(RequestRefused) as caught:
        asked(answers)

    assert caught.value.details == {"code": "quite_new_code", "status": 403, "request_id": "req_1"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"unit": 1}'])
def test_answers_of_something_else_are_told(body: bytes) -> None:
    with pytest.raises(ServiceFault):
        asked(Answers(httpx2.Response(500, content=body)))
    with pytest.raises(ServiceFault):
        asked(Answers(httpx2.Response(200, content=body)))


def test_repeats_of_a_job_bear_the_same_key() -> None:
    answers = Answers(httpx2.ReadError("cut"), refusal(404, "not_found"))
    transport = httpx2.MockTransport(answers)

    with (
        Client("http://server", connection=QUICK, transport=transport) as client,
        pytest.raises(NotFound),
    ):
        client.create_job("upl_1")

    keys = {request.headers["idempotency-key"] for request in answers.seen}
    assert len(answers.seen) == 2
    assert len(keys) == 1


def test_what_would_be_done_twice_is_not_repeated_after_a_cut() -> None:
    answers = Answers(httpx2.ReadError("cut"))
    transport = httpx2.MockTransport(answers)

    with (
        Client("http://server", connection=QUICK, transport=transport) as client,
        pytest.raises(ServiceUnreachable),
    ):
        client.rotate_webhook_secret("whe_1")


# --- what it is made of --------------------------------------------------------------------------


def test_the_client_loads_neither_the_engine_nor_the_server() -> None:
    code = "import sys, json, stemhouse.client; print(json.dumps(sorted(sys.modules)))"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    loaded = json.loads(answer.stdout)
    ours = {name for name in loaded if name.startswith("stemhouse.")}
    roots = {name.partition(".")[0] for name in loaded}
    assert {
        name
        for name in ours
        if not name.startswith(("stemhouse.client", "stemhouse.errors", "stemhouse._version"))
    } == set()
    assert not roots & {"numpy", "openvino", "fastapi", "sqlalchemy", "dbos", "typer", "rich"}
