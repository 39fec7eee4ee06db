"""Many clients in one light process: a common HTTP library would take more of the cores than what
is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.server import HOST, ServiceFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a number of readers saw.

    Attributes
    ----------
    waits_s : list of float
        How long each answer took, sorted.
    wall_s : float
        How long they read.
    """

    waits_s: list[float]
    wall_s: float

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return len(self.waits_s) / self.wall_s

    def quantile_s(self, share: float) -> float:
        """Return the wait that this share of answers stayed below."""
        return quantile(self.waits_s, share)


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def read(port: int, key: str, path: str, *, clients: int, seconds: float) -> Reads:
    """Have clients read an address one answer after the other, each over one connection."""
    return asyncio.run(_read(port, _request(key, path), clients, seconds))


def read_steadily(
    port: int, key: str, path: str, *, per_second: float, clients: int, seconds: float
) -> Reads:
    """Have an address read at even times, whether or not the answers before have come.

    A wait counts from the time at which its read was due: who is kept waiting by others waits too.
    """
    return asyncio.run(_read(port, _request(key, path), clients, seconds, 1 / per_second))


async def _read(
    port: int, request: bytes, clients: int, seconds: float, pace_s: float = 0.0
) -> Reads:
    lines = [await asyncio.open_connection(HOST, port) for _ in range(clients)]
    waits: list[float] = []
    began = time.perf_counter()
    due = _due(began, began + seconds, pace_s)
    async with asyncio.TaskGroup() as group:
        for reader, writer in lines:
            group.create_task(_reader(reader, writer, request, due, waits))
    return Reads(waits_s=waits, wall_s=time.perf_counter() - began)


def _due(began: float, until: float, pace_s: float) -> Iterator[float]:
    """Yield when each read is to begin: at even times, or at once where there is no pace."""
    due = began
    while due < until:
        yield due
        due = due + pace_s if pace_s else time.perf_counter()


async def _reader(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: bytes,
    due: Iterator[float],
    waits: list[float],
) -> None:
    try:
        for asked in due:
            await asyncio.sleep(asked - time.perf_counter())
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ServiceFailed(head.decode(errors="replace"))
            await reader.readexactly(_length(head))
            waits.append(time.perf_counter() - asked)
    finally:
        writer.close()


@dataclass(slots=True)
class Watchers:
    """Clients that follow a job.

    Attributes
    ----------
    connected, told_end : int
        How many have their stream; how many saw its end.
    events : int
        What they were told altogether.
    ended_at : list of float
        When each saw the end, seconds of `time.time`.
    """

    connected: int = 0
    told_end: int = 0
    events: int = 0
    ended_at: list[float] = field(default_factory=list)


async def watch(port: int, key: str, path: str, watchers: Watchers) -> None:
    """Follow a job's events until the stream ends."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(_request(key, path))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ServiceFailed(head.decode(errors="replace"))
        watchers.connected += 1
        while line := await reader.readline():
            watchers.events += line.startswith(b"event:")
            if line.startswith(b"event: job.succeeded"):
                watchers.told_end += 1
                watchers.ended_at.append(time.time())
                return
    finally:
        writer.close()


def _request(key: str, path: str) -> bytes:
    return (f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\r\n").encode()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ServiceFailed("an answer without a length")
