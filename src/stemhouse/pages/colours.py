"""Colours: mixing two, and finding the nearest one that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stemhouse.sites.contrast import contrast

Channels = tuple[float, float, float]

_STEPS: Final = 40


def channels(colour: str) -> Channels:
    """Return red, green and blue of ``#rrggbb``, 0 to 1."""
    value = int(colour[1:], 16)
    return (value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255


def mix(colour: str, other: str, share: float) -> str:
    """Return a colour with a share (0 to 1) of another in it."""
    pairs = zip(channels(colour), channels(other), strict=True)
    return "#" + "".join(f"{round((a + (b - a) * share) * 255):02x}" for a, b in pairs)


def readable(colour: str, text: str, behind: Sequence[str], least: float) -> str:
    """Return a colour, moved towards the text's as little as gives it the contrast it needs.

    Parameters
    ----------
    colour : str
        What the site chose.
    text : str
        Its colour of text, which can be read on all of ``behind``.
    behind : sequence of str
        Backgrounds on which it stands.
    least : float
        The contrast that it needs against each of them.
    """
    for step in range(_STEPS + 1):
        candidate = mix(colour, text, step / _STEPS)
        if all(contrast(candidate, one) >= least for one in behind):
            return candidate
    return text
