# What comes over a connection that is no request: too much, too slowly, or nothing at all.

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from stemhouse.api.protocol import BODY_BYTES, HEAD_BYTES, PatientProtocol
from tests.service.serving import free_port

HEAD_S, WINDOW_S = PatientProtocol.head_within_s, PatientProtocol.body_window_s
PATIENCE_S = 60.0


class ClockedLoop(asyncio.SelectorEventLoop):
    # Time passes where a test says so, and stands still while a busy machine does something else.
    passed_s = 0.0

    def time(self) -> float:
        return self.passed_s


class Server:
    # It counts what of a body has come, and answers /busy when it is let.
    def __init__(self) -> None:
        self.port = free_port()
        self.came_bytes = 0
        self.let = asyncio.Event()
        self._loop = ClockedLoop()
        config = uvicorn.Config(
            self._app(), port=self.port, log_config=None, http=PatientProtocol, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._server.serve(),)
        )

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        while self._thread.is_alive():
            self.pass_s(1)
            self._thread.join(0.05)
        self._loop.close()

    def pass_s(self, seconds: float) -> None:
        # Once what is due by then has been done.
        done = threading.Event()

        def pass_on() -> None:
            self._loop.passed_s += seconds
            # Behind the timers that are due now, which come before what they call for.
            self._loop.call_later(0, self._loop.call_soon, done.set)

        self._loop.call_soon_threadsafe(pass_on)
        assert done.wait(PATIENCE_S)

    def let_go(self) -> None:
        self._loop.call_soon_threadsafe(self.let.set)

    @property
    def connected(self) -> int:
        return len(self._server.server_state.connections)

    @property
    def holds_back(self) -> bool:
        return any(one.flow.read_paused for one in self._server.server_state.connections)

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/echo")
        def echo(request: Request) -> int:
            return sum(len(value) for value in request.headers.values())

        @app.post("/early")
        async def early() -> StreamingResponse:
            async def words() -> AsyncIterator[bytes]:
                yield b"so far"
                await self.let.wait()

            return StreamingResponse(words())

        @app.post("/busy")
        async def busy(request: Request) -> int:
            await self.let.wait()
            return len(await request.body())

        @app.post("/slow")
        async def slow(request: Request) -> int:
            async for piece in request.stream():
                self.came_bytes += len(piece)
            return self.came_bytes

        return app


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.let_go()
    server.stop()


@contextmanager
def connection(server: Server) -> Iterator[socket.socket]:
    address = ("127.0.0.1", server.port)
    with closing(socket.create_connection(address, timeout=PATIENCE_S)) as one:
        until(lambda: server.connected == 1)
        yield one


def exchanged(server: Server, *parts: bytes) -> bytes:
    # Send, and read until the other side closes.
    with connection(server) as one:
        for part in parts:
            one.sendall(part)
        return rest(one)


def rest(one: socket.socket) -> bytes:
    answer = b""
    while piece := one.recv(65_536):
        answer += piece
    return answer


def is_open(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return bool(one.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    finally:
        one.settimeout(PATIENCE_S)


def refusal(answer: bytes) -> tuple[str, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.splitlines()[0].decode(), json.loads(body)["error"]["code"]


def test_a_head_just_below_the_limit_is_answered(server: Server) -> None:
    value = b"a" * (HEAD_BYTES - 1_000)

    answer = exchanged(
        server, b"GET /echo HTTP/1.1\r\nConnection: close\r\nX: " + value + b"\r\n\r\n"
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
def test_too_large_a_head_is_refused(server: Server, head: bytes) -> None:
    assert refusal(exchanged(server, head)) == (
        "HTTP/1.1 431 Request Header Fields Too Large",
        "head_too_large",
    )


def test_a_header_without_an_end_is_cut_off(server: Server) -> None:
    with connection(server) as one:
        one.sendall(b"GET /echo HTTP/1.1\r\nX: ")

        with pytest.raises(ConnectionError):
            one.sendall(b"a" * 50_000_000)


def test_what_is_no_http_is_refused_with_the_one_body(server: Server) -> None:
    assert refusal(exchanged(server, b"\x16\x03\x01 hello\r\n\r\n")) == (
        "HTTP/1.1 400 Bad Request",
        "bad_request",
    )


@pytest.mark.parametrize(
    "begun",
    [b"", b"\r\n", b"GET /echo HT", b"GET /echo HTTP/1.1\r\nX: a"],
    ids=["nothing", "an empty line", "half a line", "half a head"],
)
def test_who_does_not_say_what_they_want_is_not_waited_for(server: Server, begun: bytes) -> None:
    with connection(server) as one:
        one.sendall(begun)
        server.pass_s(HEAD_S - 1)
        waited_for = is_open(one)
        server.pass_s(1)

        assert waited_for
        assert rest(one) == b""


def test_headers_that_trickle_are_not_waited_for_for_ever(server: Server) -> None:
    with connection(server) as one:
        one.sendall(b"GET /echo HTTP/1.1\r\n")
        for _ in range(3):
            one.sendall(b"X: a\r\n")
            server.pass_s(HEAD_S / 3)

        until(lambda: server.connected == 0)


def test_a_body_may_take_its_time(server: Server) -> None:
    with connection(server) as one:
        one.sendall(b"POST /slow HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n\r\nso")
        until(lambda: server.came_bytes == 2)
        server.pass_s(WINDOW_S - 1)
        one.sendall(b"ng")

        assert rest(one).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("drops", [0, 10], ids=["nothing comes", "it trickles"])
def test_a_body_that_does_not_come_is_not_waited_for(server: Server, drops: int) -> None:
    with connection(server) as one:
        one.sendall(b"POST /slow HTTP/1.1\r\nContent-Length: 1000000\r\n\r\na")
        until(lambda: server.came_bytes == 1)
        for drop in range(drops):
            one.sendall(b"a")
            until(lambda drop=drop: server.came_bytes == drop + 2)
            server.pass_s((WINDOW_S - 1) / drops)
        waited_for = is_open(one)
        server.pass_s(WINDOW_S if not drops else 1)

        assert waited_for
        assert refusal(rest(one)) == ("HTTP/1.1 408 Request Timeout", "body_too_slow")


def test_a_body_that_stops_after_the_answer_began_is_not_waited_for(server: Server) -> None:
    with connection(server) as one:
        one.sendall(b"POST /early HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        begun = one.recv(65_536)
        server.pass_s(WINDOW_S)

        assert (begun + rest(one)).startswith(b"HTTP/1.1 200")


def test_a_body_that_comes_steadily_may_take_as_long_as_it_wants(server: Server) -> None:
    piece, count = b"a" * BODY_BYTES, 5
    size = len(piece) * count
    head = f"POST /slow HTTP/1.1\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"

    with connection(server) as one:
        # What comes along with the head is of the body as well.
        one.sendall(head.encode() + piece)
        for number in range(1, count + 1):
            until(lambda number=number: server.came_bytes == number * BODY_BYTES)
            server.pass_s(WINDOW_S)
            one.sendall(piece if number < count else b"")
        answer = rest(one)

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(size).encode())


def test_a_body_that_is_not_read_is_nobodys_fault(server: Server) -> None:
    body = b"a" * 3_000_000
    head = f"POST /busy HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"

    with connection(server) as one:
        sending = threading.Thread(target=one.sendall, args=(head.encode() + body,))
        sending.start()
        until(lambda: server.holds_back)
        for _ in range(3):
            server.pass_s(WINDOW_S)
        server.let_go()
        answer = rest(one)
        sending.join()

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(len(body)).encode())


def test_a_connection_is_used_again(server: Server) -> None:
    ask = b"GET /echo HTTP/1.1\r\nX: a\r\n\r\n"
    last = ask.replace(b"X: a", b"Connection: close")

    with connection(server) as one:
        answers = b""
        for count in (1, 2):
            one.sendall(ask)
            while answers.count(b"HTTP/1.1 200") < count:
                answers += one.recv(65_536)
            server.pass_s(2)
        one.sendall(last)
        answers += rest(one)

    assert answers.count(b"HTTP/1.1 200") == 3
