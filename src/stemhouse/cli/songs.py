"""From what was typed (files, folders, patterns) to the songs that are meant."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stemhouse.cli.errors import printable
from stemhouse.errors import InvalidOption, SourceNotFound

STDIN = Path("-")

_AUDIO = """
    wav wave bwf rf64 w64 flac mp3 mp2 m4a m4b aac alac caf ogg oga opus spx wma aif aiff aifc ape
    wv tta mka ac3 eac3 dts amr au snd weba
"""
_VIDEO = "mp4 m4v mkv mov avi webm wmv flv mpg mpeg ts ogv 3gp"

AUDIO_EXTENSIONS = frozenset(_AUDIO.split())
VIDEO_EXTENSIONS = frozenset(_VIDEO.split())

_SNIFFED_BYTES = 12


@dataclass(frozen=True, slots=True)
class Song:
    """A file to separate; `folder` is where it lies below the folder that was typed."""

    path: Path
    folder: str = ""
    from_folder: bool = False

    @property
    def shown(self) -> str:
        return "standard input" if self.path == STDIN else printable(self.path.name)


@dataclass(slots=True)
class Found:
    songs: list[Song] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)


def find_songs(arguments: Sequence[str], output: Path) -> Found:
    """Expand files, folders and patterns; each song comes once, in a natural order.

    Folders are searched to the bottom. What lies in the output folder is not taken: stems of an
    earlier run are not songs.
    """
    found = Found()
    for argument in arguments:
        for path in _expand(argument):
            if path != STDIN and path.is_dir():
                _search(path, output, found)
            else:
                found.songs.append(Song(path))
    found.songs = list(_once(found.songs))
    if not found.songs:
        folders = ", ".join(printable(one) for one in arguments)
        raise SourceNotFound(f"no audio files in {folders}{_what_else(found)}")
    return found


def _expand(argument: str) -> list[Path]:
    if argument == "-":
        return [STDIN]
    if re.match(r"[a-z][a-z0-9+.-]+://", argument, re.IGNORECASE):
        raise InvalidOption(
            f"{printable(argument)} is an address: download the file first, then name the file"
        )
    path = Path(argument)
    # A file may be called "[live] song?.mp3": what exists is meant as it is written.
    if os.path.lexists(path) or not glob.has_magic(argument):
        return [path]
    pattern = os.path.expanduser(argument)  # noqa: PTH111 - a pattern, not a path
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute ones
    if not matches:
        raise SourceNotFound(f"no file matches {printable(argument)}")
    return sorted((Path(match) for match in matches), key=natural)


def _search(root: Path, output: Path, found: Found) -> None:
    # With "-o ." every song lies in the output folder: then only the plan can tell stems apart.
    results = output.resolve()

    def fail(error: OSError) -> None:
        found.skipped.append((Path(error.filename or root), "may not be read"))

    for folder, subfolders, names in os.walk(root, onerror=fail):
        here = Path(folder)
        inside = (name for name in subfolders if not name.startswith("."))
        songful = (name for name in inside if (here / name).resolve() != results)
        subfolders[:] = sorted(songful, key=lambda name: natural(Path(name)))
        for path in sorted((here / name for name in names), key=natural):
            reason = _why_not(path)
            if reason is None:
                relative = here.relative_to(root).as_posix()
                found.songs.append(Song(path, "" if relative == "." else relative, True))
            elif reason:
                found.skipped.append((path, reason))


def _why_not(path: Path) -> str | None:
    """Say why a file in a folder is not a song: None if it is one, "" if not worth a word."""
    if path.name.startswith("."):
        return ""  # what systems keep beside the files, such as "._song.mp3" and ".DS_Store"
    if not path.is_file():
        return "" if path.exists() else "is a link to nothing"
    extension = path.suffix.lower().removeprefix(".")
    if extension in AUDIO_EXTENSIONS:
        return None
    if extension in VIDEO_EXTENSIONS:
        return "is a video (name it to separate its sound)"
    return None if _sounds(path) else "is not audio"


def _sounds(path: Path) -> bool:
    """Whether a file without a known extension begins as audio files do."""
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError:
        return False
    return (
        (head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE")
        or (head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"})
        or (head[4:8] == b"ftyp" and head[8:11] == b"M4A")
        or head[:4] in {b"fLaC", b"OggS", b"caff", b"wvpk"}
        or head[:3] == b"ID3"
    )


def _once(songs: Sequence[Song]) -> Iterator[Song]:
    seen: set[object] = set()
    for song in songs:
        key = _identity(song.path)
        if key not in seen:
            seen.add(key)
            yield song


def _identity(path: Path) -> object:
    try:
        return STDIN if path == STDIN else path.resolve()
    except (OSError, RuntimeError):  # a loop of links; opening it tells the user
        return path


def _what_else(found: Found) -> str:
    if not found.skipped:
        return ": the folder is empty"
    count = len(found.skipped)
    path, reason = found.skipped[0]
    others = f", and {count - 1} more files" if count > 1 else ""
    return f" ({printable(path.name)} {reason}{others})"


def natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts "2 song" before "10 song"."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
