"""Stems into files: one writer per stem, each in a thread, all or nothing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import AudioWriter, OutputFormat, SourceInfo, WrittenFile, parse_format
from stemhouse.engine.naming import DEFAULT_TEMPLATE, NameFields, check_template, output_paths
from stemhouse.engine.notices import Notice
from stemhouse.engine.result import Separation, StemBlock
from stemhouse.engine.stream import SeparationStream
from stemhouse.errors import InvalidOption, OutputExists, OutputNotWritable

_FOLDERS = threading.Lock()
"""Held while folders are made and filled, or emptied and removed."""

PROVENANCE_TAG = "comment"
"""The tag that says what made a file: the one that every format carries and every player shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How stems become files.

    Attributes
    ----------
    format : OutputFormat or str
        The file format, or its short name as `parse_format` reads it: ``wav``, ``flac24``,
        ``mp3-320``.
    template : str
        Names of the files below the output folder; see `stemhouse.engine.naming`.
    overwrite : bool
        Whether files that are there already may be replaced.
    carry_tags : bool
        Whether the song's tags and cover go into the stems.
    index : str
        The song's place in a batch, for the template's ``{index}``.

    Raises
    ------
    InvalidOption
        No such format, or a template that cannot be used.

    Examples
    --------
    >>> from stemhouse import Output
    >>> Output(format="flac24", template="{artist}/{song} - {stem}.{ext}").file_format.bit_depth
    24
    """

    format: OutputFormat | str = "wav"
    template: str = DEFAULT_TEMPLATE
    overwrite: bool = False
    carry_tags: bool = True
    index: str = "1"

    def __post_init__(self) -> None:
        if isinstance(self.format, str):
            object.__setattr__(self, "format", parse_format(self.format))
        elif not isinstance(self.format, OutputFormat):
            raise InvalidOption(f"format must be an OutputFormat or its name, not {self.format!r}")
        check_template(self.template)

    @property
    def file_format(self) -> OutputFormat:
        """The format, parsed."""
        assert isinstance(self.format, OutputFormat)
        return self.format


class StemWriters:
    """Writes the blocks of a stream to one file per track.

    Files bear hidden temporary names until `close` has been given a result that counts. Leaving
    the context without `close` removes them, and folders that were made for them.
    """

    def __init__(
        self, stream: SeparationStream, directory: Path, output: Output, provenance: str
    ) -> None:
        self._stream = stream
        self._output = output
        self._provenance = provenance
        self._paths = self._plan(directory)
        self._made: list[Path] = []
        self._named: list[Path] = []
        self._workers: dict[str, _Worker] = {}

    def __enter__(self) -> Self:
        try:
            for name, path in self._paths.items():
                # Songs side by side may share a folder: none may vanish before a file is in it.
                with _FOLDERS:
                    self._make_folder(path.parent)
                    self._workers[name] = _Worker(self._writer(name, path))
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._abandon()

    def write(self, block: StemBlock) -> None:
        """Hand every track's samples to its writer; waits if writers are far behind."""
        for name, samples in block.stems.items():
            self._workers[name].put(samples)

    def close(self, result: Separation) -> Separation:
        """Finish the files, name them, and return `result` with them in its stems."""
        # First let all finish, so that a full disk leaves none of them.
        for worker in self._workers.values():
            worker.finish()
        files = {name: self._name(name) for name in self._workers}
        self._made.clear()
        self._named.clear()
        stems = {name: replace(stem, file=files[name]) for name, stem in result.stems.items()}
        notices = [_of_stem(name, notice) for name, f in files.items() for notice in f.notices]
        return replace(result, stems=stems, notices=result.notices + tuple(notices))

    def _name(self, track: str) -> WrittenFile:
        path = self._paths[track]
        replaced = path.exists()
        if replaced and not self._output.overwrite:
            raise _exists(path)
        file = self._workers[track].writer.close()
        if not replaced:
            self._named.append(path)
        return file

    def _plan(self, directory: Path) -> dict[str, Path]:
        info = self._stream.info
        fields = NameFields(
            song=info.name,
            ext=self._output.file_format.extension,
            model=self._stream.model,
            quality=self._stream.quality,
            tags=info.tags,
            index=self._output.index,
        )
        named = output_paths(self._output.template, fields, self._stream.tracks)
        paths = {name: directory / path for name, path in named.items()}
        there = [path for path in paths.values() if path.exists()]
        if there and not self._output.overwrite:
            raise _exists(there[0])
        return paths

    def _writer(self, name: str, path: Path) -> AudioWriter:
        info = self._stream.info
        carried = self._output.carry_tags
        return AudioWriter(
            path,
            self._output.file_format,
            sample_rate=info.sample_rate,
            channels=self._stream.channels,
            tags=stem_tags(info, name, self._provenance, carry=carried),
            cover=info.cover if carried else None,
        )

    def _make_folder(self, folder: Path) -> None:
        missing = [folder, *folder.parents]
        missing = [path for path in missing if not path.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputNotWritable(
                f"the output folder {folder} cannot be made: {error.strerror}", path=str(folder)
            ) from error
        self._made += missing

    def _abandon(self) -> None:
        for worker in self._workers.values():
            worker.abort()
        for path in self._named:
            path.unlink(missing_ok=True)
        self._named.clear()
        with _FOLDERS:
            for folder in sorted(self._made, key=lambda path: len(path.parts), reverse=True):
                # Another separation may have put its files there meanwhile.
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        self._made.clear()


def stem_tags(
    info: SourceInfo, stem: str, provenance: str, *, carry: bool = True
) -> Mapping[str, str]:
    """Return the tags of a stem's file.

    Parameters
    ----------
    info : SourceInfo
        The song.
    stem : str
        The stem, named in the title.
    provenance : str
        What made it: engine, model and quality; put before the song's own comment.
    carry : bool
        Whether the song's own tags go along.
    """
    tags = dict(info.tags) if carry else {}
    tags["title"] = f"{info.tags.get('title') or info.name} ({stem})"
    comment = tags.get(PROVENANCE_TAG)
    tags[PROVENANCE_TAG] = f"{provenance}; {comment}" if comment else provenance
    return tags


def _exists(path: Path) -> OutputExists:
    return OutputExists(
        f"{path} is there already; allow overwriting (--overwrite), or choose another folder or "
        "template",
        path=str(path),
    )


def _of_stem(name: str, notice: Notice) -> Notice:
    return Notice(notice.code, f"{name}: {notice.message}", {"stem": name, **notice.details})


class _Worker:
    """One writer in one thread, a few blocks behind the stream."""

    def __init__(self, writer: AudioWriter) -> None:
        self.writer = writer
        self._blocks: queue.Queue[Samples | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._aborted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stemhouse-write", daemon=True)
        self._thread.start()

    def put(self, samples: Samples) -> None:
        if self._error is not None:
            raise self._error
        self._blocks.put(samples)

    def finish(self) -> None:
        """Wait until everything is written but the name, and raise what went wrong."""
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """Stop and remove the temporary file; nothing after a successful close."""
        self._aborted.set()
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()
        self.writer.abort()

    def _run(self) -> None:
        # Takes blocks to the end even after an error, so that `put` never waits for ever.
        while (block := self._blocks.get()) is not None:
            self._try(partial(self.writer.write, block))
        self._try(self.writer.finish)

    def _try(self, step: Callable[[], None]) -> None:
        if self._error is None and not self._aborted.is_set():
            try:
                step()
            except BaseException as error:  # noqa: BLE001 - raised in the stream's thread
                self._error = error
