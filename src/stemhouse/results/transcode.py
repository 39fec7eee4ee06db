"""From blocks of samples to the bytes of a file in any output format."""

from __future__ import annotations

import io
import platform
import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import BinaryIO, cast

import av
import soundfile

from stemhouse._version import __version__
from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import AudioWriter, Cover, OutputFormat
from stemhouse.engine.runtime.processor import abilities

NEEDS_SEEKING = frozenset({"mp3", "m4a"})
"""Formats that are whole before the first byte is sent: their headers say at the end how much of
the decoder's output is the song (MP3), or hold the index and the picture (M4A)."""

_COPY_BYTES = 256 * 1024
_STREAMINFO_TOTAL = slice(18, 26)
_TOTAL_BITS = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSetup:
    """How sound becomes a file.

    Attributes
    ----------
    format : OutputFormat
        The file's format.
    sample_rate, channels : int
        Of the blocks.
    length_samples : int
        Samples per channel that the blocks have together.
    tags : Mapping
        Tags with lower-case keys.
    cover : Cover or None
        Picture to attach.
    """

    format: OutputFormat
    sample_rate: int
    channels: int
    length_samples: int
    tags: Mapping[str, str] = field(default_factory=dict)
    cover: Cover | None = None


@cache
def encoders() -> str:
    """Return what may change the bytes of a file although nothing of the sound has changed.

    Encoders compute in floating point, in other instructions on other processors.
    """
    libraries = {name: ".".join(map(str, av.library_versions[name])) for name in _LIBRARIES}
    processor = abilities() or platform.processor() or platform.machine()
    return f"{__version__} {libraries} {soundfile.__libsndfile_version__} {processor}"


_LIBRARIES = ("libavcodec", "libavformat")


def encode(blocks: Iterable[Samples], setup: EncoderSetup) -> Iterator[bytes]:
    """Yield the bytes of a file while its blocks come in.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, shape (C, T)
        The sound.
    setup : EncoderSetup
        How to write it.

    Yields
    ------
    bytes
        The file. WAV, FLAC, Ogg and Opus come as they are made, in the memory of a block; MP3 and
        M4A are made in a temporary file first (`NEEDS_SEEKING`).

    Raises
    ------
    DiskFull
        No room for the temporary file.
    """
    if setup.format.name in NEEDS_SEEKING:
        with tempfile.TemporaryFile() as file:
            with _writer(cast(BinaryIO, file), setup) as writer:
                for block in blocks:
                    writer.write(block)
            file.seek(0)
            while data := file.read(_COPY_BYTES):
                yield data
        return
    sent = _Sent()
    with _writer(cast(BinaryIO, sent), setup) as writer:
        for block in blocks:
            writer.write(block)
            if sent.size_bytes:
                yield sent.take()
    yield sent.take()


def encode_whole(blocks: Iterable[Samples], setup: EncoderSetup, target: BinaryIO) -> int:
    """Write the whole file into a seekable `target`; return its size in bytes."""
    with _writer(target, setup) as writer:
        for block in blocks:
            writer.write(block)
    return writer.close().size_bytes


def _writer(target: BinaryIO, setup: EncoderSetup) -> AudioWriter:
    return AudioWriter(
        target,
        setup.format,
        sample_rate=setup.sample_rate,
        channels=setup.channels,
        tags=setup.tags,
        cover=setup.cover,
        length_samples=setup.length_samples,
    )


def with_flac_length(first: bytes, length_samples: int) -> bytes:
    """Write the number of samples into the beginning of a FLAC stream.

    A FLAC encoder that cannot seek leaves it at "unknown", and players then show no length. Here
    it is known beforehand. The field is 36 bits in STREAMINFO (RFC 9639, section 8.2).
    """
    if first[:4] != b"fLaC" or len(first) < _STREAMINFO_TOTAL.stop:
        return first
    (packed,) = struct.unpack(">Q", first[_STREAMINFO_TOTAL])
    total = length_samples if length_samples < 1 << _TOTAL_BITS else 0
    packed = packed >> _TOTAL_BITS << _TOTAL_BITS | total
    return first[:18] + struct.pack(">Q", packed) + first[26:]


class _Sent(io.RawIOBase):
    """A target that cannot seek and hands out what was written."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: object) -> int:
        copy = bytes(memoryview(data).cast("B"))  # type: ignore[arg-type]
        self._parts.append(copy)
        self.size_bytes += len(copy)
        return len(copy)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        self.size_bytes = 0
        return data
