"""Read a TensorFlow V2 checkpoint (``model.index`` and ``model.data-00000-of-00001``).

The index is a small table that says, for every tensor, its type, shape, place in the data file
and CRC32C; the data file is the tensors' raw little-endian bytes. Neither TensorFlow nor protobuf
is needed. Weights come from the internet or from a user's folder, so both files are treated as
untrusted: damage of any kind is a `ModelIncompatible` or a `ModelChecksumMismatch`, found before
any memory of the size that the file claims is touched.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from stemhouse.engine.checkpoint_table import (
    MAX_INDEX_BYTES,
    WireValue,
    read_fields,
    read_table,
    unmask_crc,
)
from stemhouse.errors import ModelChecksumMismatch, ModelIncompatible, ModelNotFound

INDEX_NAME = "model.index"
"""File name of the index in every published Spleeter checkpoint."""

DATA_NAME = "model.data-00000-of-00001"
"""File name of the tensors: one shard, as Spleeter publishes them."""

_MAX_RANK = 8
_CRC_CHUNK_BYTES = 1024 * 1024

# TensorFlow's DataType numbers. Only float32 becomes a tensor here; integers (global_step) are
# checked and left out; anything else is not a Spleeter checkpoint.
_FLOAT32 = 1
_ITEM_BYTES = {_FLOAT32: 4, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8}


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where a tensor lies in the data file.

    Attributes
    ----------
    name : str
        TensorFlow's variable name, such as ``conv2d_1/kernel``.
    data_type : int
        TensorFlow's DataType number: 1 is float32, 9 is int64.
    shape : tuple of int
        Lengths of the axes, each ≥ 0; at most 8 axes.
    offset_bytes, size_bytes : int
        Place in the data file.
    crc32c : int
        CRC32C of the tensor's bytes, unmasked.
    """

    name: str
    data_type: int
    shape: tuple[int, ...]
    offset_bytes: int
    size_bytes: int
    crc32c: int


class Checkpoint(Mapping[str, NDArray[np.float32]]):
    """The float32 tensors of a checkpoint by name, read from the disk only when touched.

    Made by `read_checkpoint`. Each tensor is a read-only view of one memory map of the data file;
    nothing is copied. The map is closed when the checkpoint and the last view are gone.

    Notes
    -----
    Replace weights by renaming a new file over the old one, as `ModelStore` does. Truncating a
    mapped file in place ends the process, as with every memory map.
    """

    def __init__(self, entries: tuple[TensorEntry, ...], data: NDArray[np.uint8]) -> None:
        self._all = entries
        self._entries = {entry.name: entry for entry in entries if entry.data_type == _FLOAT32}
        self._data = data

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        entry = self._entries[name]
        raw = self._data[entry.offset_bytes : entry.offset_bytes + entry.size_bytes]
        return raw.view("<f4").reshape(entry.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[TensorEntry, ...]:
        """Every entry of the index, integers included, in the order of their names."""
        return self._all

    def verify(self) -> None:
        """Compare every tensor's bytes with the CRC32C in the index.

        Raises
        ------
        ModelChecksumMismatch
            A tensor is not the bytes that were saved; the details name it.

        Notes
        -----
        Reads the whole data file (80 MB for two stems), 1 MiB at a time.
        """
        for entry in self._all:
            if self._crc32c(entry) != entry.crc32c:
                raise ModelChecksumMismatch(
                    f"the weights are damaged: the tensor {entry.name} fails its CRC32C check. "
                    "Fetch the weights again",
                    tensor=entry.name,
                )

    def _crc32c(self, entry: TensorEntry) -> int:
        crc = 0
        end = entry.offset_bytes + entry.size_bytes
        for start in range(entry.offset_bytes, end, _CRC_CHUNK_BYTES):
            chunk = self._data[start : min(start + _CRC_CHUNK_BYTES, end)].tobytes()
            crc = google_crc32c.extend(crc, chunk)
        return crc


def read_checkpoint(folder_or_prefix: Path, *, verify: bool = False) -> Checkpoint:
    """Open a TensorFlow V2 checkpoint.

    Parameters
    ----------
    folder_or_prefix : Path
        Folder that holds ``model.index`` and ``model.data-00000-of-00001``, or the path of such a
        pair without the endings (``…/model``).
    verify : bool
        Also compare every tensor with its CRC32C now, which reads the whole data file. Off by
        default because `ModelStore` has already checked the files' SHA-256.

    Returns
    -------
    Checkpoint
        Mapping from names to read-only float32 arrays, each shaped as it was saved. Integer
        variables (``global_step``) are checked and left out.

    Raises
    ------
    ModelNotFound
        A file is missing or may not be read.
    ModelIncompatible
        The files are not such a checkpoint, are cut off or contradict each other, or hold types
        other than float32 and integers.
    ModelChecksumMismatch
        The index, or with `verify` a tensor, fails its CRC32C check.

    Notes
    -----
    Costs about a millisecond; the data file is mapped, not read.

    Source: ``tensor_bundle.h`` and ``tensor_bundle.proto`` of TensorFlow. Unlike TensorFlow's
    reader this one takes a single shard and no partitioned or big-endian tensors.
    """
    prefix = folder_or_prefix / "model" if folder_or_prefix.is_dir() else folder_or_prefix
    index_path = prefix.with_name(prefix.name + ".index")
    data_path = prefix.with_name(prefix.name + ".data-00000-of-00001")
    entries = parse_index(_read_index(index_path))
    checkpoint = Checkpoint(entries, _map_data(data_path, entries))
    if verify:
        checkpoint.verify()
    return checkpoint


def parse_index(index: bytes) -> tuple[TensorEntry, ...]:
    """Read the contents of an index file.

    Parameters
    ----------
    index : bytes
        The file, at most 4 MiB.

    Returns
    -------
    tuple of TensorEntry
        In the order of their names; no two overlap in the data file.

    Raises
    ------
    ModelIncompatible, ModelChecksumMismatch
        As in `read_checkpoint`.
    """
    header_seen = False
    entries: list[TensorEntry] = []
    for key, value in read_table(index):
        if not header_seen:
            _check_header(key, value)
            header_seen = True
            continue
        entries.append(_parse_entry(_decode_name(key), value))
    if not header_seen:
        raise ModelIncompatible("the model index is empty")
    _check_overlaps(entries)
    return tuple(entries)


def _read_index(path: Path) -> bytes:
    size = _regular_file_size(path)
    if size > MAX_INDEX_BYTES:
        raise ModelIncompatible(
            f"{path.name} has {size} bytes; the index of a model has at most {MAX_INDEX_BYTES}",
            file=path.name,
            size_bytes=size,
        )
    try:
        with path.open("rb") as file:
            # One byte more than allowed, so that a file that grew meanwhile is still refused.
            return file.read(MAX_INDEX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error


def _map_data(path: Path, entries: tuple[TensorEntry, ...]) -> NDArray[np.uint8]:
    size = _regular_file_size(path)
    data: NDArray[np.uint8] = np.zeros(0, np.uint8)
    try:
        if size:  # an empty file cannot be mapped
            data = np.asarray(np.memmap(path, np.uint8, mode="r"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    data.flags.writeable = False
    needed = max((entry.offset_bytes + entry.size_bytes for entry in entries), default=0)
    if needed > data.size:
        raise ModelIncompatible(
            f"{path.name} is cut off: its index needs {needed} bytes and it has {data.size}. "
            "Fetch the weights again",
            file=path.name,
            expected_bytes=needed,
            actual_bytes=int(data.size),
        )
    return data


def _regular_file_size(path: Path) -> int:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise ModelIncompatible(f"{path.name} is not a regular file", file=path.name)
    return status.st_size


def _unreadable(path: Path, error: Exception) -> ModelNotFound:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ModelNotFound(
        f"{path.name} of the model cannot be read ({reason}). A model is a folder with "
        f"{INDEX_NAME} and {DATA_NAME}",
        file=path.name,
    )


def _decode_name(key: bytes) -> str:
    try:
        name = key.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelIncompatible("the model index has a name that is not UTF-8") from error
    if not name.isprintable():
        raise ModelIncompatible("the model index has a name with control characters")
    return name


def _singular(message: bytes, repeated: frozenset[int] = frozenset()) -> dict[int, WireValue]:
    """Fields by number; a field twice is refused, for no writer does that."""
    fields: dict[int, WireValue] = {}
    for number, value in read_fields(message):
        if number in fields and number not in repeated:
            raise ModelIncompatible(f"the model index is damaged: field {number} comes twice")
        fields[number] = value
    return fields


def _number(fields: Mapping[int, WireValue], number: int, what: str) -> int:
    value = fields.get(number, 0)
    # Negative int64 values are written as huge unsigned ones.
    if not isinstance(value, int) or value >= 2**63:
        raise ModelIncompatible(f"the model index is damaged: {what} is not a number from 0 up")
    return value


def _check_header(key: bytes, value: bytes) -> None:
    if key != b"":
        raise ModelIncompatible("the model index has no header")
    fields = _singular(value)
    shards = _number(fields, 1, "the number of shards")
    if shards != 1:
        raise ModelIncompatible(
            f"the checkpoint is split into {shards} data files; only one is supported",
            shards=shards,
        )
    if _number(fields, 2, "the byte order") != 0:
        raise ModelIncompatible("the checkpoint is big-endian; only little-endian is supported")


def _parse_entry(name: str, value: bytes) -> TensorEntry:
    fields = _singular(value, repeated=frozenset({7}))
    data_type = _number(fields, 1, f"the type of {name}")
    item_bytes = _ITEM_BYTES.get(data_type)
    if item_bytes is None:
        raise ModelIncompatible(
            f"the tensor {name} has TensorFlow type {data_type}; float32 (1) and integers are "
            "supported",
            tensor=name,
            data_type=data_type,
        )
    if 7 in fields:
        raise ModelIncompatible(f"the tensor {name} is partitioned, which is not supported")
    if _number(fields, 3, f"the shard of {name}") != 0:
        raise ModelIncompatible(f"the tensor {name} lies in a data file that does not exist")
    shape = _parse_shape(name, fields.get(2, b""))
    size_bytes = _number(fields, 5, f"the size of {name}")
    if size_bytes != math.prod(shape) * item_bytes:
        raise ModelIncompatible(
            f"the tensor {name} has the shape {shape} and {size_bytes} bytes, which do not agree",
            tensor=name,
        )
    return TensorEntry(
        name=name,
        data_type=data_type,
        shape=shape,
        offset_bytes=_number(fields, 4, f"the offset of {name}"),
        size_bytes=size_bytes,
        crc32c=unmask_crc(_number(fields, 6, f"the checksum of {name}") & 0xFFFFFFFF),
    )


def _parse_shape(name: str, message: WireValue) -> tuple[int, ...]:
    shape: list[int] = []
    if not isinstance(message, bytes):
        raise ModelIncompatible(f"the model index is damaged: {name} has no shape")
    for number, value in read_fields(message):
        if number == 2 and isinstance(value, bytes):
            shape.append(_number(_singular(value), 1, f"an axis of {name}"))
        elif number == 3 and value == 0:
            continue
        else:
            raise ModelIncompatible(f"the tensor {name} has no known shape")
        if len(shape) > _MAX_RANK:
            raise ModelIncompatible(f"the tensor {name} has more than {_MAX_RANK} axes")
    return tuple(shape)


def _check_overlaps(entries: list[TensorEntry]) -> None:
    end = 0
    for entry in sorted(entries, key=lambda entry: (entry.offset_bytes, entry.size_bytes)):
        if entry.offset_bytes < end:
            raise ModelIncompatible(
                f"the tensor {entry.name} overlaps another one in the data file",
                tensor=entry.name,
            )
        end = entry.offset_bytes + entry.size_bytes
