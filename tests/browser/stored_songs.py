# Results as the service stores them, of sound that is known to the sample, behind a small server
# that can misbehave.

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

import stemhouse
from stemhouse.results import Provenance, ResultShape, ResultWriter, Song

PLAYER = Path(stemhouse.__file__).parent / "_ui" / "player.js"
PROVENANCE = Provenance(
    engine_version="1.0", model="tiny", model_sha256="a" * 64, quality="standard"
)
STEMS = ("upper", "lower", "left over", "rest")
SONG = Song(name="song", tags={"title": "Paper Boats", "artist": "The Quiet Machine"})
LOUDNESS = 1 / 8

Stems = dict[str, np.ndarray]


def noise(stems: int, *, seconds: float, rate: int, channels: int = 2, seed: int = 1) -> Stems:
    # On the grid of 24 bits and quiet enough that sums are exact in float32: what comes out of the
    # loudspeaker can be compared bit for bit.
    random = np.random.default_rng(seed)
    shape = (channels, round(seconds * rate))
    most = round(LOUDNESS * 2**20)
    return {
        name: (random.integers(-most, most, shape) / 2**20).astype(np.float32)
        for name in STEMS[:stems]
    }


def store(folder: Path, stems: Stems, *, rate: int, segment_s: float = 1.0) -> None:
    def keep(name: str, data: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    channels = next(iter(stems.values())).shape[0]
    shape = ResultShape(
        stems=tuple(stems),
        sample_rate=rate,
        channels=channels,
        segment_samples=round(segment_s * rate),
    )
    with ResultWriter(keep, shape, song=SONG, provenance=PROVENANCE) as writer:
        for name, samples in stems.items():
            for start in range(0, samples.shape[1], 65_536):
                writer.write(name, samples[:, start : start + 65_536])


def lengthened(folder: Path, times: int) -> None:
    # The same segments again and again: an hour without an hour's writing.
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    length = manifest["length_samples"]
    for stem in manifest["stems"]:
        stem["segments"] = [
            {**segment, "offset_samples": segment["offset_samples"] + length * turn}
            for turn in range(times)
            for segment in stem["segments"]
        ]
    manifest["length_samples"] = length * times
    path.write_text(json.dumps(manifest))


def shown_until(folder: Path, segments: int | None) -> dict[str, Any]:
    # The manifest as it was when so many segments of each stem were there; None: all of it.
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    if segments is None:
        return manifest
    manifest["complete"] = False
    for stem in manifest["stems"]:
        stem["segments"] = stem["segments"][:segments]
        stem["waveform"] = None
    last = [stem["segments"][-1] for stem in manifest["stems"]]
    manifest["length_samples"] = min(one["offset_samples"] + one["length_samples"] for one in last)
    return manifest


Answer = tuple[int, bytes]


@dataclass
class SongServer:
    folder: Path
    url: str = ""
    # Paths that are answered otherwise; a status of 0 cuts the line.
    instead: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def refuse(self, path: str, status: int, details: dict[str, str]) -> None:
        error = {"code": "not_found", "message": "no", "details": details, "request_id": "r"}
        body = {"error": error}
        self.instead[path] = lambda: (status, json.dumps(body).encode())


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, server: SongServer, *more: Any) -> None:
        self._songs = server
        super().__init__(*more, directory=str(server.folder))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self._songs.asked.append(path)
        special = self._songs.instead.get(path)
        if path == "/player.js":
            self._send(200, PLAYER.read_bytes(), "text/javascript")
        elif special is not None:
            status, body = special()
            if status:
                self._send(status, body, "application/json")
            else:
                self.close_connection = True
        elif path == "/":
            self._send(200, b"<!doctype html><html lang=en><title>Songs</title>", "text/html")
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        return

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        # A player that jumps lets go of what it no longer wants: the line breaks.
        return


@contextmanager
def song_server(folder: Path) -> Iterator[SongServer]:
    songs = SongServer(folder)
    server = _Server(("127.0.0.1", 0), partial(_Handler, songs))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    songs.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield songs
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
