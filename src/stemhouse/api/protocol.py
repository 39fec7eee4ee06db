"""What a connection may cost until a request has come: bytes and seconds."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from stemhouse.api.errors import error_answer
from stemhouse.db.ids import new_id

HEAD_BYTES: Final = 65_536
"""Address and headers together. Proxies take half of that."""

BODY_BYTES: Final = 8_192
"""What has to come of a body in each `body_window_s`: a fortieth of what a modem brought."""


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 that waits for a request only so long and reads of its head only so much.

    The parser keeps a head until it is whole, and the server has no limit of its own: a single
    header without an end would fill the memory, and connections that say nothing, or one byte of
    an upload a minute, would stay.
    """

    head_within_s = 30.0
    """From the connection, or from the first byte of another request on it, to the last header."""

    body_window_s = 60.0
    """How often it is looked whether a body still comes."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._head_bytes = 0
        self._pace: asyncio.TimerHandle | None = None
        self._in_body = False
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._head_is_here()
        self._body_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Let a request in whose head is small enough, however it came."""
        fields = sum(len(name) + len(value) for name, value in self.headers)
        self._head_bytes = max(self._head_bytes, len(self.url) + fields)
        if self._head_bytes > HEAD_BYTES:
            # The parser makes its own error of it, and that becomes an answer below.
            raise ValueError("the head of the request is too large")
        self._in_head, self._in_body = False, True
        self._body_bytes = 0
        self._head_is_here()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what comes."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count no more."""
        self._in_body = False
        self._body_is_here()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        # Of what came with the end of something else it is not known how much belongs to the head.
        counted = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        if counted and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response("")
                return
        if self._in_body and self._pace is None:
            self._wait_for_body()
        # It is None until the first head is whole, whatever its type says.
        cycle: RequestResponseCycle | None = self.cycle
        answered = cycle is None or cycle.response_complete
        if answered and self.timeout_keep_alive_task is None and self._deadline is None:
            self._wait_for_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too large a one, with the one error body."""
        if self._head_bytes > HEAD_BYTES:
            status, code = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large"
            told = f"address and headers are larger than {HEAD_BYTES:,} bytes together"
        else:
            status, code, told = HTTPStatus.BAD_REQUEST, "bad_request", msg
        self._refuse(status, code, told)

    def _refuse(self, status: HTTPStatus, code: str, told: str) -> None:
        body = error_answer(status, code, told, request_id=new_id("req")).body
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + bytes(body))
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_within_s, self.timeout_keep_alive_handler)

    def _wait_for_body(self) -> None:
        self._pace = self.loop.call_later(self.body_window_s, self._look_at_body)

    def _look_at_body(self) -> None:
        self._pace = None
        came_bytes, self._body_bytes = self._body_bytes, 0
        # Where reading is paused, the slow ones are we.
        if self.flow.read_paused or came_bytes >= BODY_BYTES:
            self._wait_for_body()
        elif self.cycle.response_started:
            self.transport.close()
        else:
            told = f"of the request's body less than {BODY_BYTES:,} bytes came in "
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                "body_too_slow",
                f"{told}{self.body_window_s:.0f} seconds; send it again, or in parts (tus)",
            )

    def _body_is_here(self) -> None:
        if self._pace is not None:
            self._pace.cancel()
            self._pace = None

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
