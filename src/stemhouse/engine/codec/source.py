"""Opening what a caller hands in: a path or a file object, and naming what is wrong with it."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from stemhouse.engine.codec.promises import id3_bytes
from stemhouse.engine.naming import song_name
from stemhouse.errors import (
    CorruptAudio,
    EmptyAudio,
    InvalidOption,
    ResourceError,
    SourceNotFound,
    UnsupportedAudio,
)

TAIL_BYTES = 128 * 1024
"""How much of the end of the input is remembered: more than the largest Ogg page (65,307 bytes)."""

HEAD_BYTES = 64 * 1024
"""How much of the beginning is remembered, for naming the kind of file and its promises."""

_LARGEST_ID3_BYTES = 16 * 1024 * 1024
"""Longest tag at the beginning of an MP3 that is looked behind: cover art of any sane size."""

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", "wav"),
    (0, b"RF64", "wav"),
    (0, b"BW64", "wav"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
    (0, b"FORM", "aiff"),
    (0, bytes.fromhex("3026b2758e66cf11"), "asf"),
    (0, bytes.fromhex("1a45dfa3"), "matroska"),
    (0, b"caff", "caf"),
)


class Input:
    """A readable, perhaps seekable, stream of bytes that remembers its head and its tail.

    It is what FFmpeg reads through, so that no name, address or playlist in the input can make it
    open anything else.

    Parameters
    ----------
    file : BinaryIO
        Where the bytes come from.
    name : str
        The name used in messages.
    owned : bool
        Whether `close` closes the file too.

    Attributes
    ----------
    head : bytes
        The first bytes, up to 64 KiB.
    first_frame : bytes
        Up to 512 bytes from where the first frame of an MP3 is: after the ID3 tag, if there is one.
    size : int or None
        Size in bytes; None for a stream.
    """

    def __init__(self, file: BinaryIO, name: str, *, owned: bool) -> None:
        self.name = name
        self.tail = b""
        self._passed = 0
        self._file = file
        self._owned = owned
        self._seekable = _is_seekable(file)
        self._origin = file.tell() if self._seekable else 0
        self.size = self._measure() if self._seekable else None
        self._pending = self._read_head()
        self.head = self._pending[:HEAD_BYTES]
        if self._seekable:
            self._file.seek(self._origin)
            self._pending = b""

    def _measure(self) -> int:
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(self._origin)
        return end - self._origin

    def _read_head(self) -> bytes:
        head = self._read_up_to(HEAD_BYTES)
        tag = id3_bytes(head)
        self.first_frame = head[tag : tag + 512]
        if HEAD_BYTES - 512 < tag <= _LARGEST_ID3_BYTES:
            head += self._read_up_to(tag + 512 - len(head))
            self.first_frame = head[tag:]
        return head

    def _read_up_to(self, missing: int) -> bytes:
        parts: list[bytes] = []
        while missing and (part := self._file.read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; an empty answer is the end."""
        if self._pending:
            data, self._pending = self._pending[:size], self._pending[size:]
        else:
            data = self._file.read(size) or b""
        self._passed += len(data)
        if self.size is None:
            self.tail = data if len(data) >= TAIL_BYTES else (self.tail + data)[-TAIL_BYTES:]
        return data

    def ending(self) -> bytes:
        """Return the last bytes of the input, up to 128 KiB. For use when all has been read."""
        if self.size is None:
            return self.tail
        self._file.seek(self._origin + max(0, self.size - TAIL_BYTES))
        return self._file.read(TAIL_BYTES)

    def size_seen(self) -> int:
        """Return the size of the input; of a stream, what has passed so far."""
        return self._passed if self.size is None else self.size

    def seekable(self) -> bool:
        """Whether `seek` works."""
        return self._seekable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset`, counted from where the input began."""
        if whence == os.SEEK_SET:
            return self._file.seek(self._origin + offset) - self._origin
        return self._file.seek(offset, whence) - self._origin

    def tell(self) -> int:
        """Return the position, counted from where the input began."""
        return self._file.tell() - self._origin

    def kind(self) -> str | None:
        """Return the family of audio file that the first bytes announce, or None."""
        for offset, signature, kind in _SIGNATURES:
            if self.head[offset : offset + len(signature)] == signature:
                return kind
        if len(self.head) > 2 and self.head[0] == 0xFF and self.head[1] & 0xE0 == 0xE0:
            return "mp3" if self.head[1] & 0x06 else "aac"
        return None

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self._file.close()


def open_input(source: str | os.PathLike[str] | BinaryIO) -> Input:
    """Open a path or wrap a file object.

    Raises
    ------
    SourceNotFound
        No such file, or no permission to read it.
    UnsupportedAudio
        A folder or a device.
    EmptyAudio
        An empty file.
    """
    if isinstance(source, (str, os.PathLike)):
        opened = _open_path(Path(source))
    elif hasattr(source, "read"):
        opened = _wrap_file(source)
    else:
        raise InvalidOption(
            "the source must be a path, a binary file object or an Audio, "
            f"not {type(source).__name__}"
        )
    if not opened.head:
        opened.close()
        raise EmptyAudio(f"{opened.name} is empty: the file has no bytes")
    return opened


def _open_path(path: Path) -> Input:
    shown = _printable(path.name or str(path))
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise UnsupportedAudio(f"{shown} is a folder; name the audio files inside it")
        file = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise SourceNotFound(f"{shown} does not exist; check the path") from error
    except PermissionError as error:
        raise SourceNotFound(f"{shown} may not be read; check its permissions") from error
    except (OSError, ValueError) as error:
        raise SourceNotFound(f"{shown} cannot be opened: {_reason(error)}") from error
    try:
        return Input(cast(BinaryIO, file), shown, owned=True)
    except OSError as error:
        file.close()
        raise read_failure(shown, error) from error


def _wrap_file(file: IO[Any]) -> Input:
    given = getattr(file, "name", None)
    shown = _printable(Path(given).name) if isinstance(given, str) and given else "the audio"
    if isinstance(cast(object, file), io.TextIOBase):
        raise InvalidOption("the file object must be opened in binary mode ('rb')")
    try:
        return Input(cast(BinaryIO, file), shown, owned=False)
    except OSError as error:
        raise read_failure(shown, error) from error


def stem_name(source: str | os.PathLike[str] | BinaryIO) -> str:
    """Return the name a source has in templates: the file's name without its extension."""
    given = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", None)
    if isinstance(given, (str, os.PathLike)):
        return song_name(_printable(Path(given).name)) or "audio"
    return "audio"


def read_failure(name: str, error: OSError) -> Exception:
    """Return the error to raise when reading the bytes of `name` failed."""
    if error.errno == errno.EIO:
        return ResourceError(f"{name} cannot be read: the disk or network reports an error")
    return CorruptAudio(f"{name} cannot be read: {_reason(error)}")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _printable(name: str) -> str:
    # File names are bytes on Linux: what is not UTF-8 must not break a message or a tag.
    return name.encode("utf-8", "replace").decode("utf-8")


def _is_seekable(file: BinaryIO) -> bool:
    if not hasattr(file, "seek") or not hasattr(file, "tell"):
        return False
    return bool(file.seekable()) if hasattr(file, "seekable") else True
