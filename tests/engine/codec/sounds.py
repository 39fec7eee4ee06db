import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from stemhouse.engine.audio import Samples
from stemhouse.engine.codec import AudioWriter, open_source, parse_format

SONGS = Path(__file__).parents[2] / "data" / "voice-over-guitars"


class OneWay(io.RawIOBase):
    """A stream like a socket: bytes go one way, nothing can be sought."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__()
        self.data = bytearray(data)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        taken = bytes(self.data[:size] if size >= 0 else self.data)
        del self.data[: len(taken)]
        return taken

    def write(self, data: object) -> int:
        self.data += memoryview(data)
        return len(memoryview(data))


def read_all(source: object) -> Samples:
    with open_source(source) as reader:
        return np.concatenate(list(reader.blocks()), axis=1)


def encode(samples: Samples, rate: int, text: str, target: BinaryIO | None = None, **more) -> bytes:
    file = io.BytesIO() if target is None else target
    with AudioWriter(
        file, parse_format(text), sample_rate=rate, channels=samples.shape[0], **more
    ) as writer:
        writer.write(samples)
    return bytes(file.data) if isinstance(file, OneWay) else file.getvalue()


def encode_with(container: str, codec: str, kind: str, samples: Samples, rate: int = 44_100):
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[samples.shape[0]]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.layout, stream.codec_context.format = layout, kind
        if codec.startswith("wma"):
            stream.bit_rate = 192_000
        data = samples
        if kind == "s16p":
            data = np.rint(samples * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), kind, layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def wav_of(fields: bytes, data: bytes, data_size: int | None = None) -> bytes:
    size = len(data) if data_size is None else data_size
    body = b"WAVEfmt " + struct.pack("<I", len(fields)) + fields
    body += b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(4 + len(body), 0xFFFF_FFFF)) + body


def pcm_fields(channels: int, rate: int, bits: int = 16) -> bytes:
    size = channels * bits // 8
    return struct.pack("<HHIIHH", 1, channels, rate, (rate * size) & 0xFFFF_FFFF, size, bits)
