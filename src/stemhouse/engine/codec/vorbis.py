"""Writing Ogg Vorbis: libvorbis makes the sound, this module puts tags and cover in.

FFmpeg's own Vorbis encoder is poor, and libsndfile, which has the good one, writes no cover and few
tags. So libsndfile's pages pass through `_Retagger`, which replaces the comment packet on the way.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec.encoder import EncoderJob
from stemhouse.engine.codec.pictures import picture_block

_WRITE_SAMPLES = 4_096
"""libvorbis keeps what it is handed on the stack: large blocks overflow it."""

_COMMENT_NAMES = {
    "track": "TRACKNUMBER",
    "disc": "DISCNUMBER",
    "album_artist": "ALBUMARTIST",
    "comment": "DESCRIPTION",
}
"""The names that FFmpeg uses, so that tags of FLAC, Opus and Vorbis are the same."""

_CONTINUED = 0x01
_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class VorbisEncoder:
    """Writes Ogg Vorbis, in one pass, to any target.

    Parameters
    ----------
    file : BinaryIO
        Target; never sought.
    job : EncoderJob
        What to write. ``vbr_quality`` q is libvorbis's quality q / 10.
    """

    clipped_samples = 0

    def __init__(self, file: BinaryIO, job: EncoderJob) -> None:
        self._pages = _Retagger(file, _comment_packet(job))
        self._sink = _Sink()
        quality = 6.0 if job.format.vbr_quality is None else job.format.vbr_quality
        self._sound = soundfile.SoundFile(
            self._sink,
            "w",
            samplerate=job.sample_rate,
            channels=job.channels,
            format="OGG",
            subtype="VORBIS",
            compression_level=1.0 - quality / 10.0,
        )

    def write(self, samples: Samples, peak: float) -> None:  # noqa: ARG002 - floats cannot clip
        """Encode `samples`, float32 (C, T)."""
        interleaved = np.ascontiguousarray(samples.T)  # (C, T) -> (T, C)
        for start in range(0, len(interleaved), _WRITE_SAMPLES):
            self._sound.write(interleaved[start : start + _WRITE_SAMPLES])
        self._pages.feed(self._sink.take())

    def finish(self) -> None:
        """Write the last pages."""
        self._sound.close()
        self._pages.feed(self._sink.take())

    def discard(self) -> None:
        """Free the encoder."""
        self._sound.close()


class _Sink(io.RawIOBase):
    """Where libsndfile writes to. Memory only: an error in a callback from C would be lost."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()
        self._position = 0

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._data += view
        self._position += len(view)
        return len(view)

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - it only asks for the end
        return self._position

    def tell(self) -> int:
        return self._position


class _Retagger:
    """Passes Ogg pages on with another comment packet.

    Notes
    -----
    Vorbis I, appendix A: the identification header is a page by itself, comment and setup headers
    follow, the first audio packet begins a page. So only header pages change their shape; audio
    pages get a new number and a new checksum.
    """

    def __init__(self, file: BinaryIO, comment: bytes) -> None:
        self._file = file
        self._comment = comment
        self._waiting = b""
        self._pages_in = self._pages_out = 0
        self._header = bytearray()
        self._packets: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take libsndfile's bytes; write all whole pages."""
        self._waiting += data
        out = bytearray()
        while (size := _page_size(self._waiting)) is not None:
            page, self._waiting = self._waiting[:size], self._waiting[size:]
            for made in self._translate(page):
                out += made
        if out:
            view = memoryview(out)
            while len(view):
                view = view[self._file.write(view) :]

    def _translate(self, page: bytes) -> Iterator[bytes]:
        self._pages_in += 1
        if self._pages_in == 1 or len(self._packets) == 2:
            yield self._numbered(page)
            return
        segments = page[27 : 27 + page[26]]
        at = 27 + len(segments)
        for size in segments:
            self._header += page[at : at + size]
            at += size
            if size < 255:
                self._packets.append(bytes(self._header))
                self._header.clear()
        if len(self._packets) == 2:
            serial = page[14:18]
            for made in _paginate([self._comment, self._packets[1]], serial):
                yield self._numbered(made)

    def _numbered(self, page: bytes) -> bytes:
        number = struct.pack("<I", self._pages_out)
        self._pages_out += 1
        blank = page[:18] + number + bytes(4) + page[26:]
        return blank[:22] + struct.pack("<I", ogg_checksum(blank)) + blank[26:]


def ogg_checksum(page: bytes) -> int:
    """Return the CRC-32 of an Ogg page whose checksum field is zero.

    Notes
    -----
    Ogg's CRC has zlib's polynomial but takes the bits of a byte from the other end, starts from
    zero and is not inverted. Reversing the bits before and after lets zlib do it at its speed.
    """
    value = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(value.to_bytes(4, "little").translate(_REVERSED_BITS), "big")


def _page_size(data: bytes) -> int | None:
    if len(data) < 27 or len(data) < 27 + data[26]:
        return None
    size = 27 + data[26] + sum(data[27 : 27 + data[26]])
    return size if len(data) >= size else None


def _paginate(packets: list[bytes], serial: bytes) -> Iterator[bytes]:
    """Yield unnumbered pages that hold `packets`, which end with the last page."""
    sizes: list[int] = []
    for packet in packets:
        sizes += [255] * (len(packet) // 255) + [len(packet) % 255]
    body, at = b"".join(packets), 0
    for start in range(0, len(sizes), 255):
        part = sizes[start : start + 255]
        flags = _CONTINUED if start and sizes[start - 1] == 255 else 0
        # No packet ends on this page: its position is -1, as the Ogg specification has it.
        position = 0 if any(size < 255 for size in part) else -1
        head = b"OggS" + struct.pack("<BBq", 0, flags, position) + serial + bytes(8)
        yield head + bytes([len(part), *part]) + body[at : at + sum(part)]
        at += sum(part)


def _comment_packet(job: EncoderJob) -> bytes:
    comments = [_comment(key, value) for key, value in job.tags.items()]
    if job.cover is not None:
        comments.append(_comment("METADATA_BLOCK_PICTURE", picture_block(job.cover)))
    vendor = _text(f"{soundfile.__libsndfile_version__} libsndfile, libvorbis")
    body = vendor + struct.pack("<I", len(comments)) + b"".join(comments)
    return b"\x03vorbis" + body + b"\x01"


def _comment(key: str, value: str) -> bytes:
    return _text(f"{_COMMENT_NAMES.get(key, key.upper())}={value}")


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<I", len(data)) + data
