"""What people take home: a stem in any format, or all of them in a ZIP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from zipstream import ZIP_STORED, ZipStream  # type: ignore[import-untyped]

from stemhouse.engine.codec import OutputFormat
from stemhouse.errors import InvalidOption
from stemhouse.results.mixing import Mix, StemLevel
from stemhouse.results.names import archive_name, stem_file_name
from stemhouse.results.ogg import with_fixed_serial
from stemhouse.results.reader import ResultReader
from stemhouse.results.transcode import EncoderSetup, encode, encoders, with_flac_length
from stemhouse.results.wav import Blocks, WavLayout

MIX_NAME: Final = "mix"
"""Stands in a mix's file name and title where a stem has its name."""


class Sendable(Protocol):
    """One file that can be sent."""

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
        """Its size, where that is known beforehand."""
        ...

    @property
    def ranged(self) -> bool:
        """Whether a part can be sent alone, the same bytes every time."""
        ...

    def finish(self) -> None:
        """See to it that its size is known, if it is ranged."""
        ...

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the file, or the bytes from `start` up to `end` of a ranged file."""
        ...


class Download(Sendable, Protocol):
    """A stem, a mix or all stems; made anew by every call of `stream`."""

    @property
    def identity(self) -> str | None:
        """What stands for its bytes: where it is the same they are. None if they never are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """A file whose size is known when it is finished."""

    name: str
    mime: str
    identity: str
    blocks: Blocks
    setup: EncoderSetup
    size_bytes: int | None = None
    ranged: bool = False

    def finish(self) -> None:
        """There is nothing to finish."""

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        assert start == 0, "this file is sent whole"
        assert end is None, "this file is sent whole"
        data = encode(self.blocks(0, self.setup.length_samples), self.setup)
        match self.setup.format.name:
            case "flac":
                return _with_length(data, self.setup)
            case "ogg" | "opus":
                return with_fixed_serial(data)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wav:
    """A WAV file: computed from any byte on."""

    name: str
    mime: str
    identity: str
    blocks: Blocks
    layout: WavLayout
    ranged: bool = True

    @property
    def size_bytes(self) -> int:
        return self.layout.size_bytes

    def finish(self) -> None:
        """Its size is known from the beginning."""

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        last = self.size_bytes if end is None else min(end, self.size_bytes)
        return self.layout.stream(self.blocks, start, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Archive:
    """A ZIP made while it is sent."""

    name: str
    files: Sequence[Download]
    mime: str = "application/zip"
    identity: None = None  # the time of packing is in it
    ranged: bool = False  # the checksums at the end need all bytes before them

    @property
    def size_bytes(self) -> int | None:
        if any(file.size_bytes is None for file in self.files):
            return None
        return len(self._zip())

    def finish(self) -> None:
        """There is nothing to finish."""

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
    after they were made whole (their headers need it); neither knows its size beforehand. The
    bytes are the same every time all the same: `KeptDownloads` gives them sizes and ranges.
    """
    reader.stem(stem)  # it is there
    sound = _Sound(stem, partial(reader.blocks, stem), reader.manifest.channels)
    return _download(reader, sound, format)


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
    recipe = [gain_db, *([one.stem, one.gain_db, one.pan] for one in levels)]
    sound = _Sound(MIX_NAME, mix.blocks, mix.channels, recipe)
    return _download(reader, sound, format)


@dataclass(frozen=True, slots=True)
class _Sound:
    """What a file is made of: its blocks, and what they were made by beside the result."""

    what: str
    blocks: Blocks
    channels: int
    recipe: Sequence[object] = ()


def _download(reader: ResultReader, sound: _Sound, format: OutputFormat) -> Download:
    manifest = reader.manifest
    setup = EncoderSetup(
        format=format,
        sample_rate=manifest.sample_rate,
        channels=sound.channels,
        length_samples=manifest.length_samples,
        tags=_tags(reader, sound.what),
        cover=None if format.name == "wav" else reader.cover(),
    )
    name = stem_file_name(manifest.song, sound.what, format.extension)
    mime, identity = format.mime, _identity(reader, sound, format)
    if format.name == "wav":
        layout = WavLayout(setup)
        return _Wav(name=name, mime=mime, identity=identity, blocks=sound.blocks, layout=layout)
    return _Live(name=name, mime=mime, identity=identity, blocks=sound.blocks, setup=setup)


def _identity(reader: ResultReader, sound: _Sound, format: OutputFormat) -> str:
    made_of = [sound.what, sound.recipe, repr(format), encoders()]
    digest = hashlib.sha256(json.dumps(made_of).encode())
    digest.update(reader.manifest.to_json())
    return digest.hexdigest()[:32]


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
