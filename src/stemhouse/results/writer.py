"""Writing a whole result while it is being computed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import Cover
from stemhouse.errors import InvalidOption
from stemhouse.results.manifest import (
    MANIFEST_NAME,
    MANIFEST_VERSION,
    CoverFile,
    Manifest,
    Provenance,
    Song,
    StemRecord,
    StoredFile,
)
from stemhouse.results.segments import SegmentWriter, Sink

PUBLISH_S = 0.25
"""Shortest time between two manifests of an unfinished result."""

_SILENCE = 1e-6  # -120 dB of full scale, which the engine calls digital silence
_BLOCKS_AHEAD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultShape:
    """What will be written.

    Attributes
    ----------
    stems : tuple of str
        Names of the stems, in the model's order.
    sample_rate : int
        Rate in Hz.
    channels : int
        1 or 2.
    bit_depth : 16 or 24
        Of the segments; see `SegmentWriter`.
    segment_samples : int or None
        Length of a segment; 10 s when None.
    """

    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    bit_depth: Literal[16, 24] = 24
    segment_samples: int | None = None


class ResultWriter:
    """Writes the stems of one song as segments, with a manifest that grows.

    Parameters
    ----------
    sink : callable
        Keeps one file by its name in the result. Called from several threads.
    shape : ResultShape
        What will be written.
    song : Song
        Facts for names and tags; without a cover, which is a parameter of its own.
    provenance : Provenance
        What computes it.
    cover : Cover, optional
        The song's picture, kept beside the segments.
    on_publish : callable, optional
        Called with every manifest that was written, from the thread that wrote it.

    Notes
    -----
    Each stem has a thread that encodes a few blocks behind, so that separation does not wait.
    The manifest is written again when every stem has a further segment, at most four times a
    second: a player that reads it finds only segments that are there. An error of a thread is
    raised by the next `write` or by `close`. As a context manager it closes on success.
    """

    def __init__(
        self,
        sink: Sink,
        shape: ResultShape,
        *,
        song: Song,
        provenance: Provenance,
        cover: Cover | None = None,
        on_publish: Callable[[Manifest], None] | None = None,
    ) -> None:
        if len(set(shape.stems)) < len(shape.stems) or not shape.stems:
            raise InvalidOption("a result needs stems, each with a name of its own")
        self._sink, self._shape, self._provenance = sink, shape, provenance
        self._song = song if cover is None else _with_cover(sink, song, cover)
        self._on_publish = on_publish
        self._writers = {
            name: SegmentWriter(
                sink,
                str(number),
                sample_rate=shape.sample_rate,
                channels=shape.channels,
                bit_depth=shape.bit_depth,
                segment_samples=shape.segment_samples,
            )
            for number, name in enumerate(shape.stems)
        }
        self._threads = {name: ThreadPoolExecutor(1, "stemhouse-segments") for name in shape.stems}
        self._pending: dict[str, list[Future[None]]] = {name: [] for name in shape.stems}
        self._publishing = threading.Lock()
        self._published_segments, self._published_at = 0, 0.0
        self._final: Manifest | None = None

    def write(self, stem: str, samples: Samples) -> None:
        """Append samples, float32 (C, T), to a stem. They must not be changed afterwards."""
        pending = self._pending[stem]
        if len(pending) >= _BLOCKS_AHEAD:
            pending.pop(0).result()
        pending.append(self._threads[stem].submit(self._encode, stem, samples))

    def close(self, *, silent: Collection[str] = ()) -> Manifest:
        """Finish all stems and the manifest; a second call returns the same manifest.

        `silent` names the stems that are no part of the song by the engine's judgement; those of
        digital silence are found here.
        """
        if self._final is None:
            self._drain()
            for name, thread in self._threads.items():
                self._pending[name].append(thread.submit(self._writers[name].close))
            self._drain()
            waveforms = {name: self._keep_waveform(name) for name in self._shape.stems}
            self._stop_threads()
            self._final = self._manifest(waveforms, silent)
            self._publish(self._final)
        return self._final

    def abort(self) -> None:
        """Stop. What was written stays for whoever removes the whole result."""
        self._stop_threads()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                self.close()
            finally:
                self._stop_threads()
        else:
            self.abort()

    def _encode(self, stem: str, samples: Samples) -> None:
        if self._writers[stem].write(samples):
            self._publish_if_due()

    def _publish_if_due(self) -> None:
        with self._publishing:
            common = min(len(writer.segments) for writer in self._writers.values())
            due = time.monotonic() - self._published_at >= PUBLISH_S
            if common > self._published_segments and due:
                self._publish(self._manifest(None))
                self._published_segments, self._published_at = common, time.monotonic()

    def _publish(self, manifest: Manifest) -> None:
        self._sink(MANIFEST_NAME, manifest.to_json())
        if self._on_publish is not None:
            self._on_publish(manifest)

    def _manifest(
        self, waveforms: Mapping[str, StoredFile] | None, silent: Collection[str] = ()
    ) -> Manifest:
        stems = tuple(
            StemRecord(
                name=name,
                peak=writer.peak,
                silent=name in silent or writer.peak <= _SILENCE,
                segments=tuple(writer.segments),
                waveform=None if waveforms is None else waveforms[name],
            )
            for name, writer in self._writers.items()
        )
        return Manifest(
            version=MANIFEST_VERSION,
            complete=waveforms is not None,
            sample_rate=self._shape.sample_rate,
            channels=1 if self._shape.channels == 1 else 2,
            bit_depth=self._shape.bit_depth,
            length_samples=min(stem.length_samples for stem in stems),
            stems=stems,
            song=self._song,
            provenance=self._provenance,
        )

    def _keep_waveform(self, stem: str) -> StoredFile:
        data = self._writers[stem].waveform.build().to_bytes()
        return _keep(self._sink, f"{self._shape.stems.index(stem)}/waveform.bin", data)

    def _drain(self) -> None:
        for pending in self._pending.values():
            while pending:
                pending.pop(0).result()

    def _stop_threads(self) -> None:
        for thread in self._threads.values():
            thread.shutdown(wait=True, cancel_futures=True)


def _with_cover(sink: Sink, song: Song, cover: Cover) -> Song:
    kept = _keep(sink, "cover", cover.data)
    return song.model_copy(update={"cover": CoverFile(**kept.model_dump(), mime=cover.mime)})


def _keep(sink: Sink, name: str, data: bytes) -> StoredFile:
    sink(name, data)
    return StoredFile(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
