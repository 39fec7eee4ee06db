"""What the child does with a song: separate it and write its result into a folder, file by file."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stemhouse._version import __version__
from stemhouse.engine.options import Options
from stemhouse.engine.progress import CancelToken, Progress
from stemhouse.engine.result import Separation
from stemhouse.engine.runtime import RuntimeOptions
from stemhouse.engine.separator import Separator
from stemhouse.engine.stream import SeparationStream
from stemhouse.engine.weights import ModelStore
from stemhouse.jobs.child.messages import ChildEvent, SeparationTask
from stemhouse.jobs.room import room_for
from stemhouse.results.manifest import MANIFEST_NAME, Manifest, Provenance, Song, StemRecord
from stemhouse.results.names import song_name
from stemhouse.results.writer import ResultShape, ResultWriter

Tell = Callable[[ChildEvent], None]

_MOST_MODELS = 3
"""Loaded at once, about 250 MB each; the one that was used longest ago makes room."""


class SongBench:
    """Separates songs with models that stay loaded.

    Parameters
    ----------
    models : Path or None
        Where weights are kept; None is the user's cache folder.
    runtime : RuntimeOptions
        What computes the network.
    """

    def __init__(self, models: Path | None, runtime: RuntimeOptions) -> None:
        self._store = ModelStore(models)
        self._runtime = runtime
        self._separators: dict[str, Separator] = {}

    def separate(self, task: SeparationTask, cancel: CancelToken, tell: Tell) -> dict[str, Any]:
        """Separate a song; its files are told one by one, as they are finished.

        Returns
        -------
        dict
            The facts of the result, for its rows.
        """
        options = Options(
            stems=task.stems,
            residual=task.residual,
            quality=task.quality,  # type: ignore[arg-type]  # checked by Options itself
            max_duration_s=task.max_duration_s,
        )
        began_s = time.process_time()

        def used() -> None:
            # Of all threads; the song before was somebody else's.
            spent_s = time.process_time() - began_s
            tell(ChildEvent("used", task.task_id, {"processor_s": spent_s}))

        def progress(now: Progress) -> None:
            tell(ChildEvent("progress", task.task_id, _progress_data(now)))
            used()

        try:
            separator = self._separator(task.model)
            stream = separator.stream(task.source, options, progress=progress, cancel=cancel)
            return self._write(task, separator, stream, tell)
        finally:
            used()

    def _write(
        self, task: SeparationTask, separator: Separator, opened: SeparationStream, tell: Tell
    ) -> dict[str, Any]:
        with opened as stream:
            with self._writer(task, separator, stream, tell) as writer:
                for block in stream:
                    for name, samples in block.stems.items():
                        writer.write(name, samples)
            manifest = writer.close()
            return _facts(stream.result, manifest)

    def _writer(
        self, task: SeparationTask, separator: Separator, stream: SeparationStream, tell: Tell
    ) -> ResultWriter:
        card = separator.card
        weights = max(card.files.values(), key=lambda file: file.size_bytes)
        return ResultWriter(
            _sink(task, tell),
            ResultShape(
                stems=stream.tracks,
                sample_rate=stream.info.sample_rate,
                channels=stream.channels,
            ),
            song=Song(name=song_name(task.name), tags=dict(stream.info.tags)),
            provenance=Provenance(
                engine_version=__version__,
                model=card.name,
                model_sha256=weights.sha256,
                quality=task.quality,
            ),
            cover=stream.info.cover,
        )

    def _separator(self, model: str) -> Separator:
        separator = self._separators.pop(model, None)
        if separator is None:
            separator = Separator(
                model, runtime=self._runtime, store=self._store, allow_download=False
            )
        # The newest at the end.
        self._separators[model] = separator
        if len(self._separators) > _MOST_MODELS:
            self._separators.pop(next(iter(self._separators))).close()
        return separator


def _sink(task: SeparationTask, tell: Tell) -> Callable[[str, bytes], None]:
    # Numbered, because the manifest comes again and again and the worker may lag behind.
    numbers = itertools.count()

    def keep(name: str, data: bytes) -> None:
        path = Path(task.folder) / str(next(numbers))
        with room_for("the scratch folder"):
            path.write_bytes(data)
        tell(ChildEvent("file", task.task_id, {"name": name, "file": str(path)}))

    return keep


def _progress_data(now: Progress) -> dict[str, Any]:
    return {
        "done_samples": now.done_samples,
        "total_samples": now.total_samples,
        "remaining_s": now.remaining_s,
    }


def _facts(result: Separation, manifest: Manifest) -> dict[str, Any]:
    return {
        "manifest": MANIFEST_NAME,
        "model": result.model,
        "model_sha256": result.model_sha256,
        "engine_version": result.engine_version,
        "runtime": asdict(result.runtime),
        "sample_rate": result.sample_rate,
        "channels": manifest.channels,
        "length_samples": manifest.length_samples,
        "size_bytes": sum(stem.size_bytes for stem in manifest.stems),
        "notices": [asdict(notice) for notice in result.notices],
        "timings": dict(result.timings),
        "stems": [
            _stem_facts(stem, silent=result.stems[stem.name].silent) for stem in manifest.stems
        ],
    }


def _stem_facts(stem: StemRecord, *, silent: bool) -> dict[str, Any]:
    digests = "".join(segment.sha256 for segment in stem.segments)
    return {
        "name": stem.name,
        "silent": silent,
        "peak": stem.peak,
        "size_bytes": stem.size_bytes,
        # One digest for many files: of their digests, in order.
        "sha256": hashlib.sha256(bytes.fromhex(digests)).hexdigest(),
    }
