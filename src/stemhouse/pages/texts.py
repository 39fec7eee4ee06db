"""What the pages say: one file for each language, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

USUAL: Final = "en"
"""What a site speaks whose language we have no texts for."""

_FOLDER: Final = files("stemhouse.pages") / "texts"


class Texts:
    """The texts of one language.

    Keys are ``section.name``. A text is a string, or a table of plural forms.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._sections: dict[str, dict[str, Any]] = tomllib.loads(
            (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")
        )

    def say(self, key: str, **values: object) -> str:
        """Return a text with its values filled in.

        ``count`` also chooses the plural form. A key that is not there is a mistake of ours.
        """
        section, _, name = key.partition(".")
        text: str | Mapping[str, str] = self._sections[section][name]
        if not isinstance(text, str):
            text = text["one" if values.get("count") == 1 else "other"]
        return text.format_map(values) if values else text

    def raw(self, key: str) -> str:
        """Return a text as it stands in the file: templates of legal pages."""
        section, _, name = key.partition(".")
        return str(self._sections[section][name])

    def sections(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return whole sections, for scripts."""
        return {name: self._sections[name] for name in names if name in self._sections}

    def names(self) -> list[str]:
        """Return all keys, as ``say`` takes them."""
        return [f"{section}.{name}" for section, texts in self._sections.items() for name in texts]


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that there are texts for."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def texts_of(language: str) -> Texts:
    """Return the texts of a language, or of the usual one where it has none."""
    return Texts(language if language in languages() else USUAL)
