"""What people take home: a stem in any format, or all of them in a ZIP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from zipstream import ZIP_STORED, ZipStream  # type: ignore[import-untyped]

from stemhouse.engine.codec import OutputFormat
from stemhouse.errors import InvalidOption
from stemhouse.results.mixing import Mix, StemLevel
from stemhouse.results.names import archive_name, stem_file_name
from stemhouse.results.reader import ResultReader
from stemhouse.results.transcode import EncoderSetup, encode, with_flac_length
from stemhouse.results.wav import Blocks, WavLayout

MIX_NAME: Final = "mix"
"""Stands in a mix's file name and title where a stem has its name."""


class Download(Protocol):
    """One file that can be sent; made anew by every call of `stream`."""

    @property
    def name(self) -> str:
        """Its file name, for `content_disposition`."""
        ...

    @property
    def mime(self) -> str:
        """Its media type."""
        ...

    @property
    def size_bytes(self) -> int | None:
        """Its size where that is known before it is made."""
        ...

    @property
    def ranged(self) -> bool:
        """Whether a part can be sent alone, the same bytes every time."""
        ...

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the file, or the bytes from `start` up to `end` of a ranged file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """A file whose size is known when it is finished."""

    name: str
    mime: str
    blocks: Blocks
    setup: EncoderSetup
    size_bytes: int | None = None
    ranged: bool = False

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        assert start == 0, "this file is sent whole"
        assert end is None, "this file is sent whole"
        data = encode(self.blocks(0, self.setup.length_samples), self.setup)
        return _with_length(data, self.setup) if self.setup.format.name == "flac" else data


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wav:
    """A WAV file: computed from any byte on."""

    name: str
    mime: str
    blocks: Blocks
    layout: WavLayout
    ranged: bool = True

    @property
    def size_bytes(self) -> int:
        return self.layout.size_bytes

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        last = self.size_bytes if end is None else min(end, self.size_bytes)
        return self.layout.stream(self.blocks, start, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Archive:
    """A ZIP made while it is sent."""

    name: str
    files: Sequence[Download]
    mime: str = "application/zip"
    ranged: bool = False  # the checksums at the end need all bytes before them

    @property
    def size_bytes(self) -> int | None:
        if any(file.size_bytes is None for file in self.files):
            return None
        return len(self._zip())

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        assert start == 0, "an archive is sent whole"
        assert end is None, "an archive is sent whole"
        return iter(self._zip())

    def _zip(self) -> ZipStream:
        sizes = [file.size_bytes for file in self.files]
        made = ZipStream(compress_type=ZIP_STORED, sized=None not in sizes)
        for file, size in zip(self.files, sizes, strict=True):
            # Nothing is read here: every file is made when its turn comes.
            made.add(_lazily(file), file.name, size=size)
        return made


def stem_download(reader: ResultReader, stem: str, format: OutputFormat) -> Download:
    """Return a stem as a file.

    Parameters
    ----------
    reader : ResultReader
        A complete result.
    stem : str
        Name of the stem.
    format : OutputFormat
        Any format that the engine writes.

    Raises
    ------
    NotFound
        The result has no such stem, or the song's picture is gone.

    Notes
    -----
    WAV has a known size and ranges. FLAC, Ogg and Opus are sent while they are made, MP3 and M4A
    after they were made whole (their headers need it); neither knows its size beforehand.
    """
    reader.stem(stem)  # it is there
    return _download(reader, stem, format, blocks=partial(reader.blocks, stem))


def mix_download(
    reader: ResultReader, levels: Sequence[StemLevel], format: OutputFormat, *, gain_db: float = 0.0
) -> Download:
    """Return stems, mixed as `levels` say, as a file like that of a stem.

    Raises
    ------
    NotFound
        The result has no such stem.
    InvalidOption
        A stem is there twice, or none.
    """
    names = [level.stem for level in levels]
    if not names or len(set(names)) < len(names):
        raise InvalidOption("a mix needs stems, each of them once")
    for name in names:
        reader.stem(name)
    mix = Mix(reader, levels, gain_db)
    return _download(reader, MIX_NAME, format, blocks=mix.blocks, channels=mix.channels)


def _download(
    reader: ResultReader,
    what: str,
    format: OutputFormat,
    *,
    blocks: Blocks,
    channels: int | None = None,
) -> Download:
    manifest = reader.manifest
    name = stem_file_name(manifest.song, what, format.extension)
    setup = EncoderSetup(
        format=format,
        sample_rate=manifest.sample_rate,
        channels=channels or manifest.channels,
        length_samples=manifest.length_samples,
        tags=_tags(reader, what),
        cover=None if format.name == "wav" else reader.cover(),
    )
    if format.name == "wav":
        return _Wav(name=name, mime=format.mime, blocks=blocks, layout=WavLayout(setup))
    return _Live(name=name, mime=format.mime, blocks=blocks, setup=setup)


def archive(reader: ResultReader, format: OutputFormat, stems: Sequence[str] = ()) -> Download:
    """Return stems (all of them by default) as one ZIP, stored without further compression."""
    names = tuple(stems) or tuple(stem.name for stem in reader.manifest.stems)
    files = [stem_download(reader, name, format) for name in names]
    return _Archive(name=archive_name(reader.manifest.song), files=files)


def _tags(reader: ResultReader, stem: str) -> Mapping[str, str]:
    # As the engine tags the files that it writes itself (engine.output.stem_tags).
    song, provenance = reader.manifest.song, reader.manifest.provenance.text
    comment = song.tags.get("comment")
    return {
        **song.tags,
        "title": f"{song.tags.get('title') or song.name} ({stem})",
        "comment": f"{provenance}; {comment}" if comment else provenance,
    }


def _lazily(file: Download) -> Iterator[bytes]:
    yield from file.stream()


def _with_length(data: Iterator[bytes], setup: EncoderSetup) -> Iterator[bytes]:
    first = next(data, b"")
    yield with_flac_length(first, setup.length_samples)
    yield from data
