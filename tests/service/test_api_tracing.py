# Traces for a collector, only where one is configured.

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi.testclient import TestClient

from stemhouse.api.app import create_app
from stemhouse.errors import InvalidSettings
from stemhouse.settings import Settings


def test_a_request_is_traced_by_its_route_alone(settings: Settings) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    taken: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
    traced = settings.model_copy(update={"otel_endpoint": endpoint})

    with TestClient(create_app(traced)) as client:
        client.get("/v1/keys/key_secret?signature=abc")
    server.shutdown()
    thread.join()
    server.server_close()

    import gzip

    sent = b"".join(gzip.decompress(one) if one[:2] == b"\x1f\x8b" else one for one in taken)
    assert b"GET /v1/keys/{key_id}" in sent
    assert b"key_secret" not in sent
    assert b"abc" not in sent


def test_a_collector_without_the_packages_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    traced = settings.model_copy(update={"otel_endpoint": "http://127.0.0.1:1"})

    with pytest.raises(InvalidSettings, match=r"stemhouse\[otel\]"):
        create_app(traced)
