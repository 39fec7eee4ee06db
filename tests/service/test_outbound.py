# Which addresses people can make us talk to.

from __future__ import annotations

import http.server
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from stemhouse.errors import AddressRefused, SourceUnreachable, StemhouseError
from stemhouse.http import addresses
from stemhouse.http.addresses import is_public
from stemhouse.http.outbound import OutboundPolicy, fetch
from stemhouse.settings import Settings
from stemhouse.testing.sites import write_site
from tests.service.conftest import Member
from tests.service.test_uploads import song, stored

OPEN = OutboundPolicy(allow_private=True, timeout_s=60)
STRICT = OutboundPolicy(timeout_s=60)


class Server:
    # What it answers is set per path; what it was asked is kept.
    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.pause_s = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, dict(self.headers)))
                status, headers, body = outer.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for start in range(0, len(body), 1000):
                        self.wfile.write(body[start : start + 1000])
                        time.sleep(outer.pause_s)
                except OSError:
                    pass  # the other side had enough

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def read(address: str, policy: OutboundPolicy = OPEN) -> tuple[int, bytes]:
    with fetch(address, policy) as answer:
        return answer.status, b"".join(answer.blocks)


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1"),
        *("192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::"),
        *("2002:0808:0808::1", "3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1"),
        *("ff02::1", "ff0e::1"),
    ],
)
def test_addresses_that_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1"]
)
def test_addresses_that_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "address",
    [
        *("ftp://example.org/a", "file:///etc/passwd", "gopher://example.org", "data:,x", "//x/y"),
        *("http://", "http:///x", "http://user@example.org/", "http://u:p@example.org/", "x", ""),
        *("http://example.org:22/", "http://example.org:25/", "http://example.org:0/"),
        *("http://example.org:99999/", "http://[::1/", "http://example.org/a b", "http://ä.org/"),
        *("http://example.org/\r\nX: y", "http://exa\tmple.org/", "http://" + "a" * 5000),
    ],
)
def test_what_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        read(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
        *("0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]"),
        *("169.254.169.254", "10.0.0.1", "192.168.1.1", "100.64.0.1", "[fe80::1]", "[fd00::1]"),
        *("LOCALHOST", "localhost.", "224.0.0.1"),
    ],
)
def test_private_hosts_are_refused_however_they_are_written(server: Server, host: str) -> None:
    with pytest.raises((AddressRefused, SourceUnreachable)) as raised:
        read(f"http://{host}:{server.port}/", STRICT)

    assert server.seen == []
    assert not raised.value.retryable


def test_a_file_is_fetched_without_compression_and_cookies(server: Server) -> None:
    server.answers["/song"] = (200, {}, b"sound" * 1000)

    assert read(f"{server.address}/song") == (200, b"sound" * 1000)
    assert server.seen[0][1]["Accept-Encoding"] == "identity"
    assert "Cookie" not in server.seen[0][1]


def test_redirects_are_followed_a_few_times(server: Server) -> None:
    server.answers["/a"] = (302, {"Location": "/b"}, b"")
    server.answers["/b"] = (307, {"Location": f"{server.address}/c"}, b"")
    server.answers["/c"] = (200, {}, b"here")
    server.answers["/round"] = (301, {"Location": "/round"}, b"")

    assert read(f"{server.address}/a") == (200, b"here")
    with pytest.raises(AddressRefused, match="too often"):
        read(f"{server.address}/round")


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "http://a:b/", "//:99999/", "x:"])
def test_redirects_to_what_is_no_address_are_refused(server: Server, location: str) -> None:
    server.answers["/a"] = (302, {"Location": location}, b"")

    with pytest.raises(AddressRefused):
        read(f"{server.address}/a")


def resolving(
    monkeypatch: pytest.MonkeyPatch, answers: Callable[[str, int], list[str]]
) -> list[str]:
    # The network's names are faked where the operating system is asked; all else is real.
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host[0].isdigit():  # connecting to an address looks that up as well
            return real(host, port, *args, **kwargs)
        asked.append(host)
        found = answers(host, len(asked))
        if not found:
            raise socket.gaierror("unknown")
        return [entry for one in found for entry in real(one, port, *args, **kwargs)]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    return asked


def test_every_redirect_is_checked_like_the_first(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The test's server plays a public host; the private one behind the redirect is refused.
    monkeypatch.setattr(addresses, "is_public", lambda a: str(a) == "127.0.0.1")
    resolving(monkeypatch, lambda host, _: {"good": ["127.0.0.1"], "bad": ["127.0.0.2"]}[host])
    server.answers["/bad"] = (302, {"Location": f"http://bad:{server.port}/x"}, b"")
    server.answers["/file"] = (302, {"Location": "file:///etc/passwd"}, b"")
    server.answers["/good"] = (302, {"Location": f"http://good:{server.port}/x"}, b"")
    server.answers["/x"] = (200, {}, b"x")

    assert read(f"http://good:{server.port}/good", STRICT) == (200, b"x")
    for path in ("/bad", "/file"):
        with pytest.raises(AddressRefused):
            read(f"http://good:{server.port}{path}", STRICT)


def test_the_checked_address_is_the_one_that_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A host that changes its answer between check and use: there is only one look-up.
    monkeypatch.setattr(addresses, "is_public", lambda a: str(a) == "127.0.0.1")
    asked = resolving(monkeypatch, lambda host, n: ["127.0.0.1"] if n == 1 else ["10.0.0.1"])
    server.answers["/x"] = (200, {}, b"x")

    assert read(f"http://rebinding:{server.port}/x", STRICT) == (200, b"x")
    assert asked == ["rebinding"]


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, lambda host, _: ["8.8.8.8", "127.0.0.1"])

    with pytest.raises(AddressRefused):
        read("http://mixed/", STRICT)


def test_a_host_that_dribbles_does_not_outlast_the_time(server: Server) -> None:
    server.answers["/slow"] = (200, {}, bytes(1_000_000))
    server.pause_s = 0.1

    with pytest.raises(SourceUnreachable, match="too long"):
        read(f"{server.address}/slow", OutboundPolicy(allow_private=True, timeout_s=0.7))


def test_a_host_that_is_not_there_is_said(server: Server) -> None:
    server.stop()

    for address in (f"{server.address}/", "http://name.invalid/"):
        with pytest.raises(SourceUnreachable):
            read(address)


# --- through the API -----------------------------------------------------------------------------


@pytest.fixture
def settings(settings: Settings) -> Settings:
    write_site(settings.data_dir / "sites", plans__free__max_upload_bytes=500_000)
    changes = {"fetch_timeout_s": 60.0, "allow_private_addresses": True}
    return settings.model_copy(update=changes)


def ask(client: TestClient, member: Member, url: str, **more: str):  # type: ignore[no-untyped-def]
    return client.post("/v1/uploads/from-url", json={"url": url, **more}, headers=member.headers)


def test_a_song_is_fetched_examined_and_kept(
    client: TestClient, member: Member, server: Server
) -> None:
    server.answers["/music/My%20song.wav"] = (200, {}, song())

    answer = ask(client, member, f"{server.address}/music/My%20song.wav")
    named = ask(client, member, f"{server.address}/music/My%20song.wav", name="Other.wav")

    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["name"]) == ("ready", "My song.wav")
    assert named.json()["name"] == "Other.wav"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((404, {}, b""), 400, "source_unreachable"),
        ((500, {}, b""), 400, "source_unreachable"),
        ((200, {"Content-Encoding": "gzip"}, b"x"), 400, "source_unreachable"),
        ((200, {}, b"<html>a page, not a song</html>" * 50), 400, "unsupported_audio"),
        ((200, {}, bytes(600_000)), 413, "upload_too_large"),
        ((200, {"Content-Length": "99999999"}, b"x"), 413, "upload_too_large"),
        ((200, {"Content-Length": "90000"}, b"cut off"), 400, "source_unreachable"),
    ],
    ids=["404", "500", "gzip", "page", "large", "announced", "cut"],
)
def test_what_is_no_song_is_refused(
    client: TestClient,
    member: Member,
    server: Server,
    answer: tuple[int, dict[str, str], bytes],
    status: int,
    code: str,
) -> None:
    server.answers["/x"] = answer

    got = ask(client, member, f"{server.address}/x")

    assert (got.status_code, got.json()["error"]["code"]) == (status, code)
    assert stored(client.app.state.storage) == []  # type: ignore[attr-defined]
    assert client.get("/v1/uploads", headers=member.headers).json()["data"] == []


def test_private_addresses_are_refused_by_default() -> None:
    assert Settings().allow_private_addresses is False


def test_errors_of_addresses_do_not_tell_what_lies_behind(server: Server) -> None:
    messages = set()
    for address in (f"http://127.0.0.1:{server.port}/", "http://127.0.0.1:1/", "http://10.1.2.3/"):
        with pytest.raises(StemhouseError) as raised:
            read(address, STRICT)
        messages.add(raised.value.message if "port" not in raised.value.message else "port")

    assert len(messages - {"port"}) == 1
