"""Mixes as addresses write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stemhouse.errors import InvalidOption
from stemhouse.results import StemLevel


def read_levels(texts: Sequence[str]) -> list[StemLevel]:
    """Read ``vocals,-6,0.25``: a stem's name, gain in dB and pan.

    Raises
    ------
    InvalidOption
        It is written otherwise, or out of range.
    """
    return [_read(text) for text in texts]


def _read(text: str) -> StemLevel:
    # From the right: a comma may be part of a name.
    for count in (2, 1, 0):
        name, *written = text.rsplit(",", count) if count else (text,)
        numbers = [number for number in map(_number, written) if number is not None]
        if name and len(numbers) == count:
            gain_db, pan = [*numbers, 0.0, 0.0][:2]
            return StemLevel(stem=name, gain_db=gain_db, pan=pan)
    raise InvalidOption("a stem of a mix is written as name,gain_db,pan", value=text)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
