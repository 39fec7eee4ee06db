# The reader of TensorFlow V2 checkpoints: what it reads, and that no damage gets past it.

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemhouse.engine.checkpoint import (
    DATA_NAME,
    INDEX_NAME,
    TensorEntry,
    parse_index,
    read_checkpoint,
)
from stemhouse.engine.checkpoint_table import read_table
from stemhouse.errors import ModelChecksumMismatch, ModelError, ModelIncompatible, ModelNotFound

TINY = {stems: Path(__file__).parent.parent / "data" / f"tiny-{stems}stems" for stems in (2, 4, 5)}
GOLDEN_INDEX = (TINY[2] / INDEX_NAME).read_bytes()
GOLDEN_ENTRIES = parse_index(GOLDEN_INDEX)
HEADER = b"\x08\x01\x1a\x02\x08\x01"  # one shard, little-endian, version 1
CRC_FIELD = 6 << 3 | 5


# --- a writer of tables, so that damage can be made that no checksum catches


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries
    )
    return body + struct.pack("<II", 0, 1)


def sealed(blocks: list[bytes], kind: int = 0, start: int = 0) -> tuple[bytes, list[bytes]]:
    out, handles = b"", []
    for content in blocks:
        handles.append(varint(start + len(out)) + varint(len(content)))
        out += content + bytes([kind])
        out += struct.pack("<I", masked(google_crc32c.value(content + bytes([kind]))))
    return out, handles


def table(*data_blocks: bytes, kind: int = 0) -> bytes:
    out, handles = sealed(list(data_blocks), kind)
    index_block = block([(b"~%d" % number, handle) for number, handle in enumerate(handles)])
    out, handles = sealed([*data_blocks, block([]), index_block], kind)
    footer = (handles[-2] + handles[-1]).ljust(40, b"\0")
    return out + footer + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(
    shape: tuple[int, ...] = (2, 3),
    *,
    kind: int = 1,
    offset: int = 0,
    size: int | None = None,
    extra: bytes = b"",
) -> bytes:
    axes = b"".join(
        b"\x12" + varint(len(axis)) + axis for axis in (b"\x08" + varint(n) for n in shape)
    )
    size = 4 * math.prod(shape) & (2**64 - 1) if size is None else size
    return (
        (b"\x08" + varint(kind) + b"\x12" + varint(len(axes)) + axes)
        + (b"\x20" + varint(offset) + b"\x28" + varint(size))
        + (bytes([CRC_FIELD]) + b"\0\0\0\0" + extra)
    )


def index_of(*entries: tuple[bytes, bytes], header: bytes = HEADER) -> bytes:
    return table(block([(b"", header), *entries]))


def copy_of_tiny(folder: Path, stems: int = 2) -> Path:
    for name in (INDEX_NAME, DATA_NAME):
        (folder / name).write_bytes((TINY[stems] / name).read_bytes())
    return folder


# --- what is read


@pytest.mark.parametrize("stems", [2, 4, 5])
def test_a_checkpoint_holds_every_tensor_of_every_stem(stems: int) -> None:
    checkpoint = read_checkpoint(TINY[stems], verify=True)

    # Per stem: kernel and bias of 7 + 6 convolutions, four vectors of 12 norms.
    assert len(checkpoint) == stems * (2 * 13 + 4 * 12)
    assert checkpoint["conv2d/kernel"].shape == (5, 5, 2, 4)
    assert checkpoint[f"conv2d_{7 * stems - 1}/kernel"].shape == (4, 4, 1, 2)
    assert all(np.isfinite(tensor).all() for tensor in checkpoint.values())


def test_tensors_are_the_bytes_of_the_data_file() -> None:
    data = (TINY[2] / DATA_NAME).read_bytes()
    checkpoint = read_checkpoint(TINY[2])

    for item in checkpoint.entries:
        raw = data[item.offset_bytes : item.offset_bytes + item.size_bytes]
        expected = np.frombuffer(raw, "<f4").reshape(item.shape)
        np.testing.assert_array_equal(checkpoint[item.name], expected)


def test_tensors_are_read_only_float32() -> None:
    tensor = read_checkpoint(TINY[2])["conv2d/kernel"]

    assert tensor.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        tensor[0] = 0


def test_a_prefix_works_like_its_folder() -> None:
    by_folder = read_checkpoint(TINY[2])

    by_prefix = read_checkpoint(TINY[2] / "model")

    assert by_prefix.entries == by_folder.entries


def test_integers_are_checked_and_left_out(tmp_path: Path) -> None:
    step = entry((), kind=9, offset=24, size=8)
    (tmp_path / INDEX_NAME).write_bytes(index_of((b"a", entry()), (b"global_step", step)))
    (tmp_path / DATA_NAME).write_bytes(bytes(32))

    checkpoint = read_checkpoint(tmp_path)

    assert list(checkpoint) == ["a"]
    assert [item.name for item in checkpoint.entries] == ["a", "global_step"]


def test_a_table_of_several_blocks_is_read_in_order() -> None:
    first = block([(b"", HEADER), (b"a", entry())])
    second = block([(b"b", entry(offset=24))])

    entries = parse_index(table(first, second))

    assert [item.name for item in entries] == ["a", "b"]


@pytest.mark.parametrize(("stems", "data_bytes"), [(4, 157_228_152), (5, 196_535_188)])
def test_the_published_index_files_are_read(
    stems: int, data_bytes: int, shared_folder: Path
) -> None:
    path = shared_folder / "golden" / "official-index" / f"{stems}stems" / INDEX_NAME
    if not path.is_file():
        pytest.skip("the published index files are not beside this checkout")

    entries = parse_index(path.read_bytes())

    assert len(entries) == stems * 74 + 1  # and global_step
    assert max(item.offset_bytes + item.size_bytes for item in entries) == data_bytes
    kernel = next(item for item in entries if item.name == "conv2d/kernel")
    assert kernel.shape == (5, 5, 2, 16)


# --- what is refused


def test_missing_files_say_what_a_model_is(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"model\.index .* cannot be read"):
        read_checkpoint(tmp_path)


def test_missing_data_is_named(tmp_path: Path) -> None:
    (tmp_path / INDEX_NAME).write_bytes(GOLDEN_INDEX)

    with pytest.raises(ModelNotFound, match="data-00000-of-00001"):
        read_checkpoint(tmp_path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX_NAME).mkdir()

    with pytest.raises(ModelIncompatible, match="not a regular file"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("size", [0, 1, 184_471])
def test_cut_off_data_is_refused(tmp_path: Path, size: int) -> None:
    folder = copy_of_tiny(tmp_path)
    (folder / DATA_NAME).write_bytes((TINY[2] / DATA_NAME).read_bytes()[:size])

    with pytest.raises(ModelIncompatible, match="cut off"):
        read_checkpoint(folder)


def test_a_changed_tensor_fails_its_checksum_and_is_named(tmp_path: Path) -> None:
    folder = copy_of_tiny(tmp_path)
    data = bytearray((folder / DATA_NAME).read_bytes())
    victim = GOLDEN_ENTRIES[7]
    data[victim.offset_bytes] ^= 1
    (folder / DATA_NAME).write_bytes(data)

    with pytest.raises(ModelChecksumMismatch, match=victim.name):
        read_checkpoint(folder, verify=True)


def test_a_changed_index_fails_its_checksum() -> None:
    damaged = bytearray(GOLDEN_INDEX)
    damaged[100] ^= 1

    with pytest.raises(ModelChecksumMismatch):
        parse_index(bytes(damaged))


def test_other_files_are_told_apart_by_their_end() -> None:
    with pytest.raises(ModelIncompatible, match="not the index of a TensorFlow V2 checkpoint"):
        parse_index(b"\x89PNG" + bytes(100))


def test_huge_files_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / INDEX_NAME).open("wb") as file:
        file.truncate(10**12)  # sparse: takes no space

    with pytest.raises(ModelIncompatible, match="at most"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (table(block([])), "is empty"),
        (table(block([(b"", HEADER)]), kind=1), "compressed"),
        (index_of((b"a", entry()), (b"a", entry(offset=24))), "doubled or out of order"),
        (index_of((b"b", entry()), (b"a", entry(offset=24))), "doubled or out of order"),
        (index_of((b"a", entry()), (b"b", entry(offset=20))), "overlaps"),
        (index_of((b"a", entry()), (b"b", entry(offset=0))), "overlaps"),
        (index_of((b"a", entry(size=25))), "do not agree"),
        (index_of((b"a", entry((2**62, 2**62)))), "do not agree|not a number"),
        (index_of((b"a", entry((2**64 - 1,), size=4))), "not a number from 0 up"),
        (index_of((b"a", entry(offset=2**64 - 4))), "not a number from 0 up"),
        (index_of((b"a", entry((1,) * 9))), "more than 8 axes"),
        (index_of((b"a", entry(kind=7))), "type 7"),
        (index_of((b"a", entry(kind=2, size=48))), "type 2"),
        (index_of((b"a", entry(extra=b"\x18\x01"))), "data file that does not exist"),
        (index_of((b"a", entry(extra=b"\x3a\x00"))), "partitioned"),
        (index_of((b"a", entry(extra=b"\x08\x01"))), "comes twice"),
        (index_of((b"a", b"\x08\xff")), "cut off"),
        (index_of((b"a", b"\x08" + b"\xff" * 10 + b"\x01")), "more than 64 bits"),
        (index_of((b"a", b"\x0b")), "field type 3"),
        (index_of((b"a", b"\x00\x00")), "number 0"),
        (index_of((b"a", b"\x12\x7f")), "cut off"),
        (index_of((b"\xff", entry())), "not UTF-8"),
        (index_of((b"a\x1b[2J", entry())), "control characters"),
        (index_of((b"a" * 513, entry())), "512 bytes"),
        (index_of(header=b"\x08\x02"), "split into 2"),
        (index_of(header=b"\x08\x01\x10\x01"), "big-endian"),
        (table(block([(b"a", entry())])), "no header"),
        (table(b""), "no end"),
        (table(struct.pack("<I", 0)), "restart points"),
        (table(struct.pack("<I", 2**31)), "restart points"),
        (table(b"\x05\x00\x00" + struct.pack("<II", 0, 1)), "leaves its block"),
        (table(b"\x00\x00\x7f" + struct.pack("<II", 0, 1)), "leaves its block"),
    ],
)
def test_contradictions_are_refused_even_with_right_checksums(index: bytes, message: str) -> None:
    with pytest.raises(ModelIncompatible, match=message):
        parse_index(index)


def test_names_that_unfold_without_end_are_refused() -> None:
    entries = [(b"%05d" % number, entry((0,))) for number in range(10_001)]

    with pytest.raises(ModelIncompatible, match="more than 10000"):
        parse_index(index_of(*entries))


def test_a_block_cannot_be_read_twice() -> None:
    out, (handle,) = sealed([struct.pack("<I", 0) * 1000 + struct.pack("<I", 1000)])
    index_block = block([(b"%d" % number, handle) for number in range(1000)])
    rest, handles = sealed([struct.pack("<II", 0, 1), index_block], start=len(out))
    footer = (handles[0] + handles[1]).ljust(40, b"\0")

    with pytest.raises(ModelIncompatible, match="blocks overlap"):
        parse_index(out + rest + footer + struct.pack("<Q", 0xDB4775248B80FB57))


def test_a_tensor_beyond_the_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX_NAME).write_bytes(index_of((b"a", entry(offset=2**40))))
    (tmp_path / DATA_NAME).write_bytes(bytes(64))

    with pytest.raises(ModelIncompatible, match="cut off"):
        read_checkpoint(tmp_path)


# --- any damage at all: the same result or an error of the tree


def same_or_refused(read: Callable[[], tuple[TensorEntry, ...]]) -> None:
    try:
        entries = read()
    except ModelError:
        return
    assert entries == GOLDEN_ENTRIES


@given(flips=st.lists(st.tuples(st.integers(0, len(GOLDEN_INDEX) - 1), st.integers(1, 255))))
@settings(max_examples=200)
def test_flipped_bytes_never_change_what_is_read(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(GOLDEN_INDEX)
    for position, bits in flips:
        damaged[position] ^= bits

    same_or_refused(lambda: parse_index(bytes(damaged)))


@given(start=st.integers(0, len(GOLDEN_INDEX)), stop=st.integers(0, len(GOLDEN_INDEX)))
@settings(max_examples=200)
def test_truncated_indexes_are_refused(start: int, stop: int) -> None:
    same_or_refused(lambda: parse_index(GOLDEN_INDEX[start:stop]))


@given(data=st.data())
@settings(max_examples=200)
def test_damage_under_right_checksums_ends_in_entries_or_an_error(data: st.DataObject) -> None:
    contents = bytearray(block(list(read_table(GOLDEN_INDEX))))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(contents) - 1))
        contents[position] = data.draw(st.integers(0, 255))

    try:
        entries = parse_index(table(bytes(contents)))
    except ModelError:
        return
    assert all(item.size_bytes >= 0 and item.offset_bytes >= 0 for item in entries)


@given(contents=st.binary(max_size=400))
@settings(max_examples=200)
def test_random_blocks_end_in_entries_or_an_error(contents: bytes) -> None:
    try:
        parse_index(table(contents))
    except ModelError:
        return


@given(message=st.binary(max_size=60))
@settings(max_examples=300)
def test_random_entries_end_in_entries_or_an_error(message: bytes) -> None:
    try:
        parse_index(index_of((b"a", message)))
    except ModelError:
        return
