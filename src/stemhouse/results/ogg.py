"""Ogg streams that come out the same every time."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from stemhouse.engine.codec.vorbis import ogg_checksum

_SERIAL: Final = b"STEM"
_HEAD: Final = 27


def with_fixed_serial(data: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an Ogg file whose stream bears one number always, where encoders draw lots.

    Parameters
    ----------
    data : iterable of bytes
        One whole Ogg file with one stream, cut anywhere.

    Notes
    -----
    The number tells streams within one file apart (RFC 3533); with a single one, any will do.
    """
    rest = bytearray()
    for block in data:
        rest += block
        done = bytearray()
        while (size := _page_size(rest)) is not None:
            done += _renumbered(bytes(rest[:size]))
            del rest[:size]
        if done:
            yield bytes(done)
    if rest:
        raise ValueError("the Ogg file ends within a page")


def _page_size(data: bytearray) -> int | None:
    if len(data) < _HEAD or len(data) < _HEAD + data[26]:
        return None
    size = _HEAD + data[26] + sum(data[_HEAD : _HEAD + data[26]])
    return size if len(data) >= size else None


def _renumbered(page: bytes) -> bytes:
    # Serial number, page number, checksum: four bytes each, from byte 14 on.
    blank = page[:14] + _SERIAL + page[18:22] + bytes(4) + page[26:]
    return blank[:22] + struct.pack("<I", ogg_checksum(blank)) + blank[26:]
