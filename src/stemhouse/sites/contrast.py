"""How well two colours stand out from each other (WCAG 2.2, relative luminance)."""

from __future__ import annotations

from typing import Final

TEXT: Final = 4.5
"""What text needs against what is behind it."""

SHAPE: Final = 3.0
"""What controls and large text need."""


def contrast(one: str, other: str) -> float:
    """Return the ratio of two colours such as ``#1d4ed8``, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
