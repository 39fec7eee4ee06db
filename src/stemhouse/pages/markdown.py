"""Markdown of texts and site files as HTML; markup in them stays text."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

_PARSER: Final = MarkdownIt("commonmark", {"html": False, "typographer": False})


def whole(text: str) -> Markup:
    """Return a document."""
    return Markup(_PARSER.render(text))


def line(text: str) -> Markup:
    """Return a sentence or two, without a paragraph around it."""
    return Markup(_PARSER.renderInline(text))
