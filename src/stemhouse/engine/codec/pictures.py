"""Cover art as FLAC, Ogg and FFmpeg want it described."""

from __future__ import annotations

import base64
import struct

from stemhouse.engine.codec.info import Cover

_FRONT_COVER = 3


def picture_size(cover: Cover) -> tuple[int, int]:
    """Return width and height of a JPEG or PNG in pixels; (0, 0) when they cannot be found."""
    data = cover.data
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    return _jpeg_size(data) if data[:2] == b"\xff\xd8" else (0, 0)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a marker may be padded with any number of these
            at += 1
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0


def picture_block(cover: Cover) -> str:
    """Return `cover` as the value of a Vorbis comment ``METADATA_BLOCK_PICTURE``.

    Source: RFC 9639 (FLAC), section 8.8, in base64 as the Xiph wiki describes for Ogg.
    """
    width, height = picture_size(cover)
    mime = cover.mime.encode("ascii", "replace")
    block = (
        struct.pack(">II", _FRONT_COVER, len(mime)) + mime
        + struct.pack(">IIIIII", 0, width, height, 24, 0, len(cover.data)) + cover.data
    )  # fmt: skip
    return base64.b64encode(block).decode("ascii")
