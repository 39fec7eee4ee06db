"""Text from strangers, made harmless as a part of a file name, and cut without damage."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "_"
"""Stands for a character that some file system forbids."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_ZERO_WIDTH_JOINERS = "\u200c\u200d"
# Invisible, but emoji are made with them; the range is the letters inside flags of regions.
_KEPT_FORMAT_CHARACTERS = frozenset(_ZERO_WIDTH_JOINERS) | {
    chr(code) for code in range(0xE0020, 0xE0080)
}


def safe_text(text: str) -> str:
    """Make text from outside harmless as a part of a file name.

    Parameters
    ----------
    text : str
        Any text: a tag, a file name, bytes that were not UTF-8 (lone surrogates).

    Returns
    -------
    str
        The text in Unicode's composed form (NFC), white space as single spaces, characters that
        some file system forbids replaced by ``_``, invisible direction marks removed, no dot or
        space at either end. Letters of all scripts and emoji stay as they are. May be empty.
    """
    composed = unicodedata.normalize("NFC", text)
    spaced = " ".join(composed.split())
    cleaned = "".join(safe_character(character) for character in spaced)
    stripped = cleaned.strip(" ")
    leading = len(stripped) - len(stripped.lstrip("."))
    # A leading dot would hide the file, and ".." alone would leave the folder.
    return (REPLACEMENT * bool(leading) + stripped[leading:]).rstrip(". ")


def shorten(text: str, max_bytes: int) -> str:
    """Cut text to at most `max_bytes` bytes of UTF-8 without cutting a character apart.

    A letter keeps its accents and an emoji its skin tone, joined parts and variation selectors:
    the cut is moved back to before the whole of what a reader sees as one character (a close
    approximation of Unicode's grapheme clusters, without its tables).
    """
    if len(text.encode("utf-8", "replace")) <= max_bytes:
        return text
    end, size = 0, 0
    for end, character in enumerate(text):  # noqa: B007 - the position is used after the loop
        size += len(character.encode("utf-8", "replace"))
        if size > max_bytes:
            break
    start = end
    while start > 0 and _joined(text, start):
        start -= 1
    return text[: start or end].rstrip(". ")


def safe_character(character: str) -> str:
    """Return the character, what stands for it, or nothing for an invisible one."""
    if character in _FORBIDDEN:
        return REPLACEMENT
    category = unicodedata.category(character)
    if category == "Cf":  # direction marks can make "gpj.exe" look like "exe.jpg"
        return character if character in _KEPT_FORMAT_CHARACTERS else ""
    return REPLACEMENT if category in {"Cc", "Cs"} else character


def _joined(text: str, position: int) -> bool:
    """Whether the characters before and at `position` are seen as one."""
    before, after = text[position - 1], text[position]
    if before == "\u200d" or after in _ZERO_WIDTH_JOINERS:
        return True
    if unicodedata.category(after).startswith("M") or after in _KEPT_FORMAT_CHARACTERS:
        return True
    if 0x1F3FB <= ord(after) <= 0x1F3FF:  # skin tones
        return True
    return _is_flag_half(before) and _is_flag_half(after)


def _is_flag_half(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF
