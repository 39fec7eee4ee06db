"""Looking at the outermost boxes of an MP4 file: all of them must lie inside the file."""

from __future__ import annotations

import struct

from stemhouse.engine.codec.source import Input
from stemhouse.errors import CorruptAudio

_MOST_BOXES = 10_000
"""More are not looked at: fragmented files may hold very many, and FFmpeg notices cut-off ones."""


def check_boxes(source: Input) -> None:
    """Raise `CorruptAudio` when a box reaches beyond the end of `source`, or there is no index.

    Notes
    -----
    An MP4 whose end is missing has lost its index (``moov``) or sound (``mdat``); FFmpeg may
    open it all the same. What follows the last box and is none (padding) does not matter.
    """
    size = source.size or 0
    at, kinds = 0, set[bytes]()
    for _ in range(_MOST_BOXES):
        if at + 8 > size:
            break
        source.seek(at)
        header = source.read(16)
        (length,) = struct.unpack(">I", header[:4])
        kind = header[4:8]
        if not kind.isalnum() or not kind.isascii():
            break
        if length == 1 and len(header) == 16:
            (length,) = struct.unpack(">Q", header[8:16])
        kinds.add(kind)
        if length == 0:  # to the end of the file
            break
        if length < 8:
            break
        at += length
        if at > size and kind in (b"ftyp", b"moov", b"moof", b"mdat"):
            raise CorruptAudio(
                f"{source.name} is cut off: {at - size} bytes are missing at its end; "
                "use an intact copy of the file",
                missing_bytes=at - size,
            )
    source.seek(0)
    if at >= size and b"moov" not in kinds:
        raise CorruptAudio(
            f"{source.name} is cut off: its index is missing; use an intact copy of the file"
        )
