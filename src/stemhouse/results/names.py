"""Names of downloads, and how HTTP is told of them."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from stemhouse.engine.naming import NameFields, output_paths
from stemhouse.results.manifest import Song


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
