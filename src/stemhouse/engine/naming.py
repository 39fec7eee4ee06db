"""Names of output files: from a template to paths that are safe on every platform.

What goes into a name comes from strangers: tags and file names may hold slashes, ``..``, control
characters, names that Windows reserves, or thousands of letters. Every value is made harmless
before it is put in, and the length is cut at the values, never at the stem's name or extension.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from stemhouse.engine.safe_text import REPLACEMENT, safe_character, safe_text, shorten
from stemhouse.errors import InvalidOption

DEFAULT_TEMPLATE = "{song}/{stem}.{ext}"
"""One folder per song, one file per stem in it."""

FIELDS = (
    "song",
    "stem",
    "ext",
    "model",
    "quality",
    "artist",
    "title",
    "album",
    "track",
    "index",
    "folder",
)
"""What a template may hold between braces."""

TAG_FIELDS = frozenset({"artist", "title", "album", "track"})
"""The fields that come from the song's tags, so that the file must be opened to know them."""

MAX_COMPONENT_BYTES = 240
"""Longest file or folder name in bytes of UTF-8. File systems take 255; the rest is left for the
hidden temporary name that a file bears while it is written."""

MAX_BOUND_BYTES = 180
"""Longest value that `bind_template` fixes: the stem and the extension must still fit beside it."""

_WINDOWS_DEVICES = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFields:
    """What the names of one song's files are made of.

    Parameters
    ----------
    song : str
        The source's name without its extension.
    ext : str
        Extension of the output format without the dot, such as ``wav``.
    model, quality : str
        Names of the model card and of the quality setting.
    tags : Mapping of str to str
        The song's tags, lower-case keys; ``artist``, ``title``, ``album`` and ``track`` are used.
    index : str
        The song's place in a batch, such as ``07``.
    folder : str
        Folder of the song below the folder that was handed in, with ``/`` between its parts;
        empty for a song handed in directly.
    """

    song: str
    ext: str
    model: str = ""
    quality: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    index: str = "1"
    folder: str = ""

    def values(self, stem: str) -> dict[str, str]:
        """Return the harmless text of each field, for the file of one stem."""
        song = safe_text(self.song) or "song"
        return {
            "song": song,
            "stem": safe_text(stem),
            "ext": safe_text(self.ext),
            "model": safe_text(self.model),
            "quality": safe_text(self.quality),
            "artist": safe_text(self.tags.get("artist", "")) or "Unknown artist",
            "title": safe_text(self.tags.get("title", "")) or song,
            "album": safe_text(self.tags.get("album", "")) or "Unknown album",
            "track": _track_number(self.tags.get("track", "")),
            "index": safe_text(self.index),
        }


def output_paths(
    template: str, fields: NameFields, stems: Sequence[str]
) -> dict[str, PurePosixPath]:
    """Name the output file of each stem of one song.

    Parameters
    ----------
    template : str
        Relative path with fields in braces, such as ``{artist}/{song} - {stem}.{ext}``; see
        `FIELDS`. ``{{`` and ``}}`` stand for braces. ``/`` separates folders on every platform.
    fields : NameFields
        What is known about the song.
    stems : sequence of str
        Names of the stems that will be written.

    Returns
    -------
    dict of str to PurePosixPath
        Relative path for each stem, in the order of `stems`. Never absolute, never with ``..``;
        each part is at most 240 bytes of UTF-8 and allowed on Linux, macOS and Windows.

    Raises
    ------
    InvalidOption
        The template is not usable (`check_template`), does not end in the extension of the
        format, or gives two stems the same file.

    Examples
    --------
    >>> from stemhouse.engine.naming import NameFields, output_paths
    >>> fields = NameFields(song="AC/DC: Live", ext="flac")
    >>> str(output_paths("{song}/{stem}.{ext}", fields, ["vocals"])["vocals"])
    'AC_DC_ Live/vocals.flac'
    """
    check_template(template)
    paths = {stem: _path(template, fields, stem) for stem in stems}
    for path in paths.values():
        if path.suffix.lower() != f".{fields.ext.lower()}":
            raise InvalidOption(
                f"the template {template!r} gives {path.name!r}, which does not end in "
                f"'.{fields.ext}': end the template in '.{{ext}}'",
                template=template,
            )
    if len({collision_key(path) for path in paths.values()}) < len(paths):
        raise InvalidOption(
            f"the template {template!r} gives several stems the same file: put {{stem}} into it",
            template=template,
        )
    return paths


def song_name(name: str) -> str:
    """Return a source's name without its folder and its extension.

    Parameters
    ----------
    name : str
        A path or a bare file name. Only what looks like an extension is taken off (up to five
        letters and digits, not digits alone): ``Mr. Smith`` and ``Vol.2`` stay whole.

    Returns
    -------
    str
        The name, not yet made harmless.
    """
    bare = re.split(r"[/\\]", name)[-1]
    return re.sub(r"(?<=.)\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,5}$", "", bare, flags=re.DOTALL)


def check_template(template: str) -> frozenset[str]:
    """Check a template and say which fields it uses.

    Parameters
    ----------
    template : str
        The template; see `output_paths`.

    Returns
    -------
    frozenset of str
        Names of the fields used.

    Raises
    ------
    InvalidOption
        It is empty, absolute, leaves the output folder with ``..``, or holds an unknown field.
    """
    used = set()
    for _literal, name, spec, conversion in _parse(template):
        if name is None:
            continue
        if name not in FIELDS or spec or conversion:
            known = " ".join(f"{{{known}}}" for known in FIELDS)
            written = "{" + name + (f"!{conversion}" if conversion else "")
            written += (f":{spec}" if spec else "") + "}"
            raise InvalidOption(
                f"the template {template!r} holds {written}, which is not known; known are {known}",
                template=template,
            )
        used.add(name)
    _check_literals(template)
    return frozenset(used)


def bind_template(template: str, **values: str) -> str:
    """Put the values of some fields into a template and leave the others open.

    The command line knows a song's ``index`` and ``folder``, the engine does not: it is handed a
    template in which they are fixed.

    Parameters
    ----------
    template : str
        The template; see `output_paths`.
    **values : str
        Text for each field that is to be fixed. It is made harmless and cut to 180 bytes here,
        except that ``/`` in ``folder`` separates folders.

    Returns
    -------
    str
        A template without those fields.

    Raises
    ------
    InvalidOption
        The template is not usable.
    """
    check_template(template)
    parts = []
    for literal, name, _spec, _conversion in _parse(template):
        parts.append(_escape(literal))
        if name in values:
            parts.append(_escape(_bound(name, values[name])))
        elif name is not None:
            parts.append(f"{{{name}}}")
    # An empty folder leaves "//" or a leading "/" behind, which would read as an absolute path.
    return re.sub(r"/{2,}", "/", "".join(parts)).lstrip("/")


def collision_key(path: PurePosixPath | str) -> str:
    """Return what two paths share when some file system holds them for the same file.

    macOS and Windows, and sticks and network drives on Linux, do not tell ``Song`` from ``song``.
    """
    return unicodedata.normalize("NFC", str(path)).casefold()


def _path(template: str, fields: NameFields, stem: str) -> PurePosixPath:
    values = fields.values(stem)
    bound = bind_template(template, folder=fields.folder)
    parts = [_component(part, values) for part in bound.split("/")]
    return PurePosixPath(*parts)


def _component(template: str, values: Mapping[str, str]) -> str:
    """Fill one part of the path; cut its longest value until the whole fits."""
    used = {name for _literal, name, _spec, _conversion in _parse(template) if name is not None}
    shortened = {name: values[name] for name in used}
    name = template.format_map(shortened)
    while (excess := len(name.encode()) - MAX_COMPONENT_BYTES) > 0:
        # The stem and the extension tell the files of one song apart: they are not cut.
        cuttable = sorted(used - {"stem", "ext"}, key=lambda one: len(shortened[one].encode()))
        if not cuttable or len(shortened[cuttable[-1]]) <= 1:
            raise InvalidOption(
                f"the template gives a name longer than {MAX_COMPONENT_BYTES} bytes: {name!r}",
                template=template,
            )
        size = len(shortened[cuttable[-1]].encode())
        shortened[cuttable[-1]] = shorten(shortened[cuttable[-1]], max(1, size - excess))
        name = template.format_map(shortened)
    return _allowed_component(name)


def _allowed_component(name: str) -> str:
    """Repair what only shows when a whole name is put together."""
    name = name.strip(" ").rstrip(". ") or REPLACEMENT
    return f"{REPLACEMENT}{name}" if _WINDOWS_DEVICES.match(name) else name


def _track_number(text: str) -> str:
    """Two digits from ``3``, ``03`` or ``3/12``; the text itself for vinyl's ``A1``."""
    number = text.partition("/")[0].strip()
    return f"{int(number):02d}" if number.isdecimal() else safe_text(number) or "00"


def _bound(name: str, text: str) -> str:
    if name == "folder":
        return _safe_folder(text)
    return shorten(safe_text(text), MAX_BOUND_BYTES) or ("song" if name == "song" else "")


def _safe_folder(text: str) -> str:
    parts = (safe_text(part) for part in text.replace("\\", "/").split("/"))
    return "/".join(shorten(part, MAX_COMPONENT_BYTES) for part in parts if part)


def _escape(literal: str) -> str:
    return literal.replace("{", "{{").replace("}", "}}")


def _parse(template: str) -> Iterable[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidOption(
            f"the template {template!r} cannot be read: {error}; write '{{{{' for a brace",
            template=template,
        ) from error


def _check_literals(template: str) -> None:
    # The fields cannot bring slashes or dots in, so that a letter in their place is enough.
    skeleton = "".join(
        literal + ("x" if name is not None else "") for literal, name, _, _ in _parse(template)
    )
    parts = skeleton.split("/")
    if not skeleton or skeleton.startswith("/") or skeleton.endswith("/") or ".." in parts:
        raise InvalidOption(
            f"the template {template!r} must be a path inside the output folder that ends in a "
            "file name, such as '{song}/{stem}.{ext}'",
            template=template,
        )
    bad = sorted({character for character in skeleton if safe_character(character) != character})
    if [character for character in bad if character != "/"]:
        raise InvalidOption(
            f"the template {template!r} holds characters that are not allowed in file names on "
            f"every platform: {' '.join(repr(one) for one in bad if one != '/')}",
            template=template,
        )
