"""Writing WAV: 16 and 24 bits and float, RF64 beyond 4 GiB, LIST INFO tags."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec.encoder import EncoderJob, can_seek
from stemhouse.engine.codec.quantise import Quantiser

_UNKNOWN_SIZE = 0xFFFF_FFFF
"""Size of a stream whose end is not known: what readers take as "until the end"."""

_DS64_BYTES = 28

_INFO_KEYS = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "date": b"ICRD",
    "genre": b"IGNR",
    "comment": b"ICMT",
    "track": b"ITRK",
    "copyright": b"ICOP",
    "encoder": b"ISFT",
    "language": b"ILNG",
}

_SPEAKER_MASKS = {1: 0x4, 2: 0x3}
_FLOAT_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


class WavEncoder:
    """Writes a WAV file, straight from NumPy.

    Parameters
    ----------
    file : BinaryIO
        Target. Where it cannot seek, sizes come from `EncoderJob.length_samples`, or are the
        "until the end" value that streaming WAV uses.
    job : EncoderJob
        What to write.

    Notes
    -----
    The header keeps room for RF64's 64-bit sizes (a ``JUNK`` chunk, as EBU Tech 3306 describes),
    so that a file that outgrows 4 GiB becomes RF64 by mending its header. No copy of the song is
    held; a block is converted once and written once.
    """

    def __init__(self, file: BinaryIO, job: EncoderJob) -> None:
        self._file = file
        self._job = job
        self._float = job.format.bit_depth == "float"
        self._bits = job.format.bits
        self._quantiser = None if self._float else Quantiser(self._bits)
        self._data_bytes = 0
        self._seekable = can_seek(file)
        self._start = file.tell() if self._seekable else 0
        promised = job.length_samples
        size = None if promised is None else promised * job.channels * self._bits // 8
        self._promised = size
        file.write(self._header(size))

    @property
    def clipped_samples(self) -> int:
        """Samples that did not fit."""
        return self._quantiser.clipped_samples if self._quantiser else 0

    def write(self, samples: Samples, peak: float) -> None:
        """Append `samples`, float32 (C, T)."""
        if self._quantiser is None:
            data = np.ascontiguousarray(samples.T, "<f4")  # (C, T) -> (T, C)
        else:
            data = self._quantiser.interleave(samples, peak).astype(
                "<i2" if self._bits == 16 else "<i4", copy=False
            )
            if self._bits == 24:
                # The three low bytes of each little-endian 32-bit word.
                data = np.ascontiguousarray(data.view(np.uint8).reshape(-1, 4)[:, :3])
        _write_all(self._file, memoryview(data.data).cast("B"))
        self._data_bytes += data.nbytes

    def finish(self) -> None:
        """Pad the data to even length and mend the sizes in the header."""
        if self._data_bytes % 2:
            self._file.write(b"\0")
        if self._seekable and self._data_bytes != self._promised:
            end = self._file.tell()
            self._file.seek(self._start)
            self._file.write(self._header(self._data_bytes))
            self._file.seek(end)

    def discard(self) -> None:
        """Nothing is held."""

    def _header(self, data_bytes: int | None) -> bytes:
        body = self._format_chunk() + _info_chunk(self._job.tags)
        before_data = 4 + (8 + _DS64_BYTES) + len(body) + 8
        if data_bytes is None:
            form, riff_size, data_size, sizes = b"RIFF", _UNKNOWN_SIZE, _UNKNOWN_SIZE, None
        else:
            riff_size, data_size = before_data + data_bytes + data_bytes % 2, data_bytes
            form, sizes = b"RIFF", None
            if riff_size > 0xFFFF_FFFE:
                frames = data_bytes // (self._job.channels * self._bits // 8)
                form, sizes = b"RF64", struct.pack("<QQQI", riff_size, data_bytes, frames, 0)
                riff_size = data_size = _UNKNOWN_SIZE
        room = _chunk(b"ds64", sizes) if sizes else _chunk(b"JUNK", bytes(_DS64_BYTES))
        return (
            form + struct.pack("<I", riff_size) + b"WAVE" + room + body
            + b"data" + struct.pack("<I", data_size)
        )  # fmt: skip

    def _format_chunk(self) -> bytes:
        channels, rate = self._job.channels, self._job.sample_rate
        frame_bytes = channels * self._bits // 8
        code = 3 if self._float else 1
        basic = (channels, rate, rate * frame_bytes, frame_bytes, self._bits)
        if self._bits == 16:
            return _chunk(b"fmt ", struct.pack("<HHIIHH", code, *basic))
        # WAVE_FORMAT_EXTENSIBLE, which the specification wants for more than 16 bits.
        extra = struct.pack("<HHIH", 22, self._bits, _SPEAKER_MASKS.get(channels, 0), code)
        body = struct.pack("<HHIIHH", 0xFFFE, *basic) + extra + _FLOAT_GUID_TAIL
        return _chunk(b"fmt ", body)


def _info_chunk(tags: Mapping[str, str]) -> bytes:
    fields = b"".join(
        _chunk(_INFO_KEYS[key], value.encode("utf-8") + b"\0")
        for key, value in tags.items()
        if key in _INFO_KEYS
    )
    return _chunk(b"LIST", b"INFO" + fields) if fields else b""


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _write_all(file: BinaryIO, data: memoryview) -> None:
    while len(data):
        data = data[file.write(data) :]  # an unbuffered file may take only a part
