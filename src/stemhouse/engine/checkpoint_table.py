"""The two file formats inside ``model.index``: a LevelDB-style table and protocol-buffer fields.

Source: the LevelDB table format (``doc/table_format.md`` of LevelDB) as TensorFlow writes it for
its V2 checkpoints, and the protocol-buffer wire format. This is a reader only, for untrusted
bytes: every length, offset and varint is checked before it is used, blocks must carry the right
CRC32C, and memory is bounded by the limits below whatever the file says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import google_crc32c

from stemhouse.errors import ModelChecksumMismatch, ModelIncompatible

MAX_INDEX_BYTES = 4 * 1024 * 1024
"""Largest index read, in bytes: the largest Spleeter index is 13 kB."""

MAX_ENTRIES = 10_000
"""Most entries read from a table: the largest Spleeter index has about 400."""

MAX_KEY_BYTES = 512
"""Longest key read, in bytes: keys are tensor names. Bounds what prefix compression can unfold."""

_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_TABLE_MAGIC = 0xDB4775248B80FB57
_CRC_MASK_DELTA = 0xA282EAD8
_UINT64_MAX = 2**64 - 1

WireValue = int | bytes


def unmask_crc(masked: int) -> int:
    """Return the CRC32C that LevelDB's masking hid in `masked` (both unsigned 32-bit)."""
    rotated = (masked - _CRC_MASK_DELTA) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read an unsigned base-128 number.

    Parameters
    ----------
    data : bytes
        Where to read.
    position : int
        Index of the first byte of the number, 0 to ``len(data)``.

    Returns
    -------
    tuple of int
        The value, 0 to 2^64 - 1, and the position after it.

    Raises
    ------
    ModelIncompatible
        The data ends within the number, or the number needs more than 64 bits.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ModelIncompatible("the model index is damaged: a number is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _UINT64_MAX:
                break
            return value, position
    raise ModelIncompatible("the model index is damaged: a number has more than 64 bits")


def read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over the entries of a LevelDB-style table, in key order.

    Parameters
    ----------
    data : bytes
        The whole file, at most 4 MiB.

    Yields
    ------
    tuple of bytes
        Key (at most 512 bytes) and value. Keys come in strictly increasing order.

    Raises
    ------
    ModelIncompatible
        Not a table, or one that is cut off, compressed, out of order or beyond the limits.
    ModelChecksumMismatch
        A block is not the bytes that were written.
    """
    if len(data) > MAX_INDEX_BYTES:
        raise ModelIncompatible(
            f"the model index has {len(data)} bytes; at most {MAX_INDEX_BYTES} are read",
            size_bytes=len(data),
        )
    if len(data) < _FOOTER_BYTES:
        raise ModelIncompatible(
            f"the model index is cut off: it has {len(data)} bytes and a footer alone has "
            f"{_FOOTER_BYTES}",
            size_bytes=len(data),
        )
    footer = data[-_FOOTER_BYTES:]
    if int.from_bytes(footer[-8:], "little") != _TABLE_MAGIC:
        raise ModelIncompatible(
            "this is not the index of a TensorFlow V2 checkpoint, or it is cut off: "
            "the mark at its end is missing"
        )
    position = 0
    handles: list[tuple[int, int]] = []
    for _ in ("meta index", "index"):
        offset, position = read_varint(footer[:-8], position)
        size, position = read_varint(footer[:-8], position)
        handles.append((offset, size))
    for _ in _block_entries(_read_block(data, *handles[0])):
        raise ModelIncompatible("the model index has a filter block, which TensorFlow never writes")
    yield from _data_entries(data, *handles[1])


def _data_entries(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    previous: bytes | None = None
    count = 0
    end = 0
    for _, handle in _block_entries(_read_block(data, offset, size)):
        block_offset, position = read_varint(handle, 0)
        block_size, _ = read_varint(handle, position)
        # One after the other, as they are written: no block can be asked for a thousand times.
        if block_offset < end:
            raise ModelIncompatible("the model index is damaged: its blocks overlap")
        end = block_offset + block_size + _TRAILER_BYTES
        for key, value in _block_entries(_read_block(data, block_offset, block_size)):
            count += 1
            if count > MAX_ENTRIES:
                raise ModelIncompatible(f"the model index has more than {MAX_ENTRIES} entries")
            # Order across blocks too: it is what rules out the same name twice.
            if previous is not None and key <= previous:
                raise ModelIncompatible(
                    "the model index is damaged: its names are doubled or out of order"
                )
            previous = key
            yield key, value


def _read_block(data: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + _TRAILER_BYTES > len(data) - _FOOTER_BYTES:
        raise ModelIncompatible(
            "the model index is damaged or cut off: a block lies outside the file"
        )
    stored = unmask_crc(int.from_bytes(data[end + 1 : end + _TRAILER_BYTES], "little"))
    if google_crc32c.value(data[offset : end + 1]) != stored:
        raise ModelChecksumMismatch(
            "the model index is damaged: a block fails its CRC32C check. Fetch the weights again"
        )
    if data[end] != 0:
        raise ModelIncompatible(
            f"the model index is compressed (kind {data[end]}), which TensorFlow does not do "
            "for checkpoints; save it without compression"
        )
    return data[offset:end]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise ModelIncompatible("the model index is damaged: a block has no end")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 * (restarts + 1)
    if restarts == 0 or end < 0:
        raise ModelIncompatible("the model index is damaged: a block has wrong restart points")
    position = 0
    key = b""
    while position < end:
        shared, position = read_varint(block, position)
        unshared, position = read_varint(block, position)
        value_size, position = read_varint(block, position)
        if shared > len(key) or position + unshared + value_size > end:
            raise ModelIncompatible("the model index is damaged: an entry leaves its block")
        if shared + unshared > MAX_KEY_BYTES:
            raise ModelIncompatible(f"the model index has a name of over {MAX_KEY_BYTES} bytes")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + value_size]
        position += value_size


def read_fields(data: bytes) -> Iterator[tuple[int, WireValue]]:
    """Iterate over the fields of a protocol-buffer message.

    Parameters
    ----------
    data : bytes
        The message.

    Yields
    ------
    tuple of int and (int or bytes)
        Field number and value: an unsigned number for varint and fixed fields, bytes for
        length-delimited ones.

    Raises
    ------
    ModelIncompatible
        The message is cut off, or uses field number 0 or an unknown wire type.
    """
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ModelIncompatible("the model index is damaged: a field has the number 0")
        if wire_type == 0:
            value, position = read_varint(data, position)
            yield number, value
            continue
        if wire_type == 2:
            size, position = read_varint(data, position)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ModelIncompatible(f"the model index is damaged: field type {wire_type}")
        chunk = data[position : position + size]
        if len(chunk) != size:
            raise ModelIncompatible("the model index is damaged: a field is cut off")
        position += size
        yield number, chunk if wire_type == 2 else int.from_bytes(chunk, "little")
