"""Names of downloads, and how HTTP is told of them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from stemhouse.engine.naming import NameFields, output_paths
from stemhouse.results.manifest import Manifest, Song

_EXTENSION: Final = re.compile(r"(?<=.)\.(?=\d?[A-Za-z])[A-Za-z0-9]{2,4}$")
"""What names of audio files end in; "No. 5", "Vol.10" and "feat. Bob" do not."""


def song_name(file_name: str) -> str:
    """Return what a song is called whose file has this name, which may be no file's at all."""
    return _EXTENSION.sub("", file_name)


def called(manifest: Manifest, name: str) -> Manifest:
    """Return the same result under another name of its song, which may be a file's.

    Jobs that ask for the same share a result, and each of them has a name of its own.
    """
    song = manifest.song.model_copy(update={"name": song_name(name)})
    return manifest.model_copy(update={"song": song})


def stem_file_name(song: Song, stem: str, extension: str) -> str:
    """Return ``Artist - Title (vocals).mp3``, or what of it is known, safe on every platform."""
    template = (
        "{artist} - {title} ({stem}).{ext}" if _has_artist(song) else "{title} ({stem}).{ext}"
    )
    return _name(template, song, stem, extension)


def archive_name(song: Song, what: str = "stems") -> str:
    """Return ``Artist - Title (stems).zip``, or what of it is known."""
    return stem_file_name(song, what, "zip")


def content_disposition(name: str, *, inline: bool = False) -> str:
    """Return the header's value that offers a file under `name` (RFC 6266 and RFC 8187).

    Old readers get an ASCII name, the others the name itself.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    quoted = "".join("_" if c in '"\\%' or ord(c) < 32 or ord(c) == 127 else c for c in plain)
    kind = "inline" if inline else "attachment"
    if quoted == name:
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename=\"{quoted or 'download'}\"; filename*=UTF-8''{quote(name, safe='')}"


def _has_artist(song: Song) -> bool:
    return bool(song.tags.get("artist", "").strip())


def _name(template: str, song: Song, stem: str, extension: str) -> str:
    fields = NameFields(song=song.name, ext=extension, tags=song.tags)
    return output_paths(template, fields, [stem])[stem].name
