"""What models there are: one card per model, in ``models/*.toml``.

A card says what a model separates, how its network is built, where its weights are published and
what their bytes must be, and under which licence they stand. A new model is a new card; no stem's
name is in the code.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from stemhouse.engine.model_card import (
    ArchiveSource,
    FileDigest,
    LicenceEvidence,
    ModelCard,
    PackageSource,
    Source,
)
from stemhouse.errors import ModelIncompatible, ModelNotFound

__all__ = [
    "ArchiveSource",
    "FileDigest",
    "LicenceEvidence",
    "ModelCard",
    "PackageSource",
    "Source",
    "catalogue",
    "find_card",
    "load_card",
    "parse_card",
]

_T = TypeVar("_T")


@functools.cache
def catalogue() -> tuple[ModelCard, ...]:
    """Return the cards that come with Stemhouse, in the order of their names.

    Returns
    -------
    tuple of ModelCard
        Read once per process.

    Examples
    --------
    >>> from stemhouse.engine.catalogue import catalogue
    >>> [card.name for card in catalogue()]
    ['spleeter-2stems', 'spleeter-4stems', 'spleeter-5stems']
    """
    folder = resources.files("stemhouse.engine") / "models"
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".toml")),
        key=lambda item: item.name,
    )
    return tuple(parse_card(item.read_text("utf-8"), item.name) for item in files)


def find_card(name: str) -> ModelCard:
    """Return the card of a model by its name or one of its aliases.

    Parameters
    ----------
    name : str
        Such as ``spleeter-2stems``, ``spleeter:2stems`` or ``2stems``; letter case is ignored.

    Returns
    -------
    ModelCard

    Raises
    ------
    ModelNotFound
        There is no such model; the message lists those that there are.

    Examples
    --------
    >>> from stemhouse.engine.catalogue import find_card
    >>> find_card("2stems").stems
    ('vocals', 'accompaniment')
    """
    wanted = name.strip().lower()
    for card in catalogue():
        if wanted == card.name or wanted in card.aliases:
            return card
    names = [card.name for card in catalogue()]
    raise ModelNotFound(
        f"there is no model {name!r}; there are: {', '.join(names)}", model=name, available=names
    )


def load_card(path: Path) -> ModelCard:
    """Read a card from a file.

    Parameters
    ----------
    path : Path
        A TOML file with the fields of `ModelCard`.

    Returns
    -------
    ModelCard

    Raises
    ------
    ModelNotFound
        The file is missing or may not be read.
    ModelIncompatible
        It is not a card: not TOML, or a field is unknown, missing or wrong. The message names it.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelNotFound(f"the model card {path.name} cannot be read: {error}") from error
    return parse_card(text, path.name)


# A service looks for models of its own at every turn, and finds the same few cards.
@functools.lru_cache(maxsize=32)
def parse_card(text: str, origin: str) -> ModelCard:
    """Read a card from its text.

    Parameters
    ----------
    text : str
        TOML with the fields of `ModelCard`.
    origin : str
        What to call the card in messages, such as its file name.

    Returns
    -------
    ModelCard

    Raises
    ------
    ModelIncompatible
        As in `load_card`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelIncompatible(f"the model card {origin} is not TOML: {error}") from error
    try:
        return _build_card(table)
    except ModelIncompatible as error:
        message = f"the model card {origin} is wrong: {error.message}"
        raise ModelIncompatible(message, **error.details) from error


_TEXTS = ("name", "title", "residual_stem", "architecture", "activation", "licence")
_NUMBERS = ("sample_rate", "channels", "frame_length", "frame_step", "window_frames", "bins")


def _build_card(table: dict[str, Any]) -> ModelCard:
    values: dict[str, Any] = {key: _take(table, key, str) for key in _TEXTS}
    values |= {key: _take(table, key, int) for key in _NUMBERS}
    values |= {key: _take_list(table, key, str) for key in ("aliases", "stems")}
    values["filters"] = _take_list(table, "filters", int)
    values["may_be_sold"] = _take(table, "may_be_sold", bool)
    evidence = _take(table, "licence_evidence", dict)
    values["licence_evidence"] = LicenceEvidence(
        text=_take(evidence, "text", str).strip(), where=_take_list(evidence, "where", str)
    )
    _refuse_unknown(evidence, "licence_evidence")
    values["files"] = {
        name: _build_digest(name, digest) for name, digest in _take(table, "files", dict).items()
    }
    table.setdefault("sources", [])
    values["sources"] = tuple(_build_source(item) for item in _take_list(table, "sources", dict))
    _refuse_unknown(table, "the card")
    return ModelCard(**values)


def _build_digest(name: str, table: object) -> FileDigest:
    if not isinstance(table, dict):
        raise ModelIncompatible(f"files.{name} must be a table with sha256 and size_bytes")
    digest = FileDigest(_take(table, "sha256", str), _take(table, "size_bytes", int))
    _refuse_unknown(table, f"files.{name}")
    return digest


def _build_source(table: dict[str, Any]) -> Source:
    kind = _take(table, "kind", str)
    source: Source
    if kind == "package":
        texts = {key: _take(table, key, str) for key in ("package", "version", "sha256")}
        source = PackageSource(**texts, size_bytes=_take(table, "size_bytes", int))
    elif kind == "archive":
        source = ArchiveSource(url=_take(table, "url", str))
    else:
        raise ModelIncompatible(f"a source has the kind {kind!r}; it is 'package' or 'archive'")
    _refuse_unknown(table, f"the {kind} source")
    return source


def _take(table: dict[str, Any], key: str, kind: type[_T]) -> _T:
    if key not in table:
        raise ModelIncompatible(f"{key} is missing")
    value = table.pop(key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ModelIncompatible(f"{key} must be of type {kind.__name__}, not {value!r}")
    return value


def _take_list(table: dict[str, Any], key: str, kind: type[_T]) -> tuple[_T, ...]:
    items: list[_T] = []
    for item in _take(table, key, list):
        if not isinstance(item, kind) or isinstance(item, bool):
            raise ModelIncompatible(f"{key} must be a list of {kind.__name__}; {item!r} is not")
        items.append(item)
    return tuple(items)


def _refuse_unknown(table: dict[str, Any], where: str) -> None:
    if table:
        raise ModelIncompatible(f"{where} has unknown keys: {', '.join(sorted(table))}")
