# What comes over a connection that is no request: too much, too slowly, or nothing at all.

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from stemhouse.api.protocol import BODY_BYTES, HEAD_BYTES, PatientProtocol
from tests.service.serving import free_port


class Hasty(PatientProtocol):
    head_within_s = 0.5
    body_window_s = 1.5


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = FastAPI()

    @app.get("/echo")
    def echo(request: Request) -> int:
        return sum(len(value) for value in request.headers.values())

    @app.post("/early")
    async def early() -> StreamingResponse:
        async def words() -> AsyncIterator[bytes]:
            yield b"so far"
            await asyncio.sleep(60)

        return StreamingResponse(words())

    @app.post("/busy")
    async def busy(request: Request) -> int:
        await asyncio.sleep(4)
        return len(await request.body())

    @app.post("/slow")
    async def slow(request: Request) -> int:
        return len(await request.body())

    config = uvicorn.Config(app, port=(chosen := free_port()), log_config=None, http=Hasty)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield chosen
    server.should_exit = True
    thread.join()


def exchanged(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    # Send, and read until the other side closes.
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as one:
        for part in parts:
            one.sendall(part)
            time.sleep(pause_s)
        answer = b""
        while piece := one.recv(65_536):
            answer += piece
    return answer


def refusal(answer: bytes) -> tuple[str, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.splitlines()[0].decode(), json.loads(body)["error"]["code"]


def test_a_head_just_below_the_limit_is_answered(port: int) -> None:
    value = b"a" * (HEAD_BYTES - 1_000)

    answer = exchanged(
        port, b"GET /echo HTTP/1.1\r\nConnection: close\r\nX: " + value + b"\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 200")
    assert int(answer.rpartition(b"\r\n")[2]) >= len(value)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /echo HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES + b"\r\n\r\n",
        b"GET /echo HTTP/1.1\r\n" + b"X: aaaaaaa\r\n" * (HEAD_BYTES // 8 + 1) + b"\r\n",
        b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["one header", "many headers", "the address"],
)
def test_too_large_a_head_is_refused(port: int, head: bytes) -> None:
    assert refusal(exchanged(port, head)) == (
        "HTTP/1.1 431 Request Header Fields Too Large",
        "head_too_large",
    )


def test_a_header_without_an_end_is_cut_off(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as one:
        one.sendall(b"GET /echo HTTP/1.1\r\nX: ")

        with pytest.raises(ConnectionError):
            one.sendall(b"a" * 50_000_000)


def test_what_is_no_http_is_refused_with_the_one_body(port: int) -> None:
    assert refusal(exchanged(port, b"\x16\x03\x01 hello\r\n\r\n")) == (
        "HTTP/1.1 400 Bad Request",
        "bad_request",
    )


@pytest.mark.parametrize(
    "begun",
    [b"", b"\r\n", b"GET /echo HT", b"GET /echo HTTP/1.1\r\nX: a"],
    ids=["nothing", "an empty line", "half a line", "half a head"],
)
def test_who_does_not_say_what_they_want_is_not_waited_for(port: int, begun: bytes) -> None:
    began = time.monotonic()

    answer = exchanged(port, begun)

    assert answer == b""
    assert time.monotonic() - began < 10


def test_headers_that_trickle_are_not_waited_for_for_ever(port: int) -> None:
    drops = [b"GET /echo HTTP/1.1\r\n", *[b"X: a\r\n"] * 10]

    with pytest.raises(ConnectionError):
        exchanged(port, *drops, pause_s=0.2)


def test_a_body_may_take_its_time(port: int) -> None:
    head = b"POST /slow HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"

    answer = exchanged(port, head, b"so", b"ng", pause_s=0.6)

    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("drops", [0, 10], ids=["nothing comes", "it trickles"])
def test_a_body_that_does_not_come_is_not_waited_for(port: int, drops: int) -> None:
    head = b"POST /slow HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    began = time.monotonic()

    answer = exchanged(port, head, *[b"a"] * drops, pause_s=0.1)

    assert refusal(answer) == ("HTTP/1.1 408 Request Timeout", "body_too_slow")
    assert time.monotonic() - began < 10


def test_a_body_that_stops_after_the_answer_began_is_not_waited_for(port: int) -> None:
    head = b"POST /early HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    began = time.monotonic()

    answer = exchanged(port, head)

    assert answer.startswith(b"HTTP/1.1 200")
    assert time.monotonic() - began < 10


def test_a_body_that_comes_steadily_may_take_as_long_as_it_wants(port: int) -> None:
    piece = b"a" * BODY_BYTES
    size = len(piece) * 5
    head = f"POST /slow HTTP/1.1\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()

    answer = exchanged(port, head, *[piece] * 5, pause_s=0.7)

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(size).encode())


def test_a_body_that_is_not_read_is_nobodys_fault(port: int) -> None:
    body = b"a" * 3_000_000
    head = f"POST /busy HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"

    answer = exchanged(port, head.encode(), body)

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(len(body)).encode())


def test_a_connection_is_used_again(port: int) -> None:
    ask = b"GET /echo HTTP/1.1\r\nX: a\r\n\r\n"
    last = ask.replace(b"X: a", b"Connection: close")

    answer = exchanged(port, ask, ask, last, pause_s=0.3)

    assert answer.count(b"HTTP/1.1 200") == 3
