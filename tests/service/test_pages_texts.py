# Texts in several languages: the same keys, the same values, none that nobody shows.

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import stemhouse
from stemhouse.pages.texts import USUAL, languages, texts_of

PACKAGE = Path(stemhouse.__file__).parent
SCRIPTS = PACKAGE.parents[1] / "ui" / "src"
OTHERS = [language for language in languages() if language != USUAL]
# Legal texts are templates: their values are the templates' business.
TEMPLATES = {"legal.terms", "legal.privacy"}


def forms(language: str, key: str) -> list[str]:
    section, _, name = key.partition(".")
    text = texts_of(language).sections([section])[section][name]
    return [text] if isinstance(text, str) else list(text.values())


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_is_a_language_besides_the_usual_one() -> None:
    assert "de" in OTHERS


@pytest.mark.parametrize("language", OTHERS)
def test_languages_have_the_same_keys(language: str) -> None:
    assert sorted(texts_of(language).names()) == sorted(texts_of(USUAL).names())


@pytest.mark.parametrize("language", OTHERS)
def test_texts_hold_the_same_values_in_every_language(language: str) -> None:
    different = [
        key
        for key in texts_of(USUAL).names()
        if key not in TEMPLATES
        and [values_in(one) for one in forms(USUAL, key)]
        != [values_in(one) for one in forms(language, key)]
    ]

    assert not different


@pytest.mark.parametrize("language", languages())
def test_no_text_is_empty(language: str) -> None:
    assert not [key for key in texts_of(language).names() if not all(forms(language, key))]


def test_every_text_is_shown_somewhere() -> None:
    sources = [
        *PACKAGE.glob("pages/**/*.py"),
        *PACKAGE.glob("pages/**/*.html"),
        *SCRIPTS.glob("**/*.ts"),
    ]
    written = "\n".join(path.read_text() for path in sources)
    # "help.title" is one text; "help.q_" and f"help.q_{key}" stand for all that begin so.
    named = set(re.findall(r"[\"'`]([a-z_]+\.[a-z_.]*)", written))
    # The player, which also speaks on pages of others, lists its texts without their section.
    player = (SCRIPTS / "features" / "player" / "texts.ts").read_text()
    named |= {f"player.{name}" for name in re.findall(r"(?m)^  (\w+): ", player)}
    beginnings = tuple(name for name in named if name.endswith(("_", ".")))

    unused = [
        key
        for key in texts_of(USUAL).names()
        if key not in named and not key.startswith(beginnings)
    ]

    assert not unused
