"""The example on the first page: the demo song and its two stems, made by this engine.

``make example`` makes the files anew; ``waves.json`` holds how loud they are over time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from stemhouse.sites.schema import Site

FOLDER: Final = files("stemhouse.pages") / "example"
SONG: Final = "song"

_BAR: Final = 10
_GAP: Final = 3.6
_LOWEST: Final = 2.5


@dataclass(frozen=True, slots=True)
class Lane:
    """One part: its name, and its waveform as the path of an SVG 100 units high."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Example:
    """What the first page shows."""

    lanes: tuple[Lane, ...]
    plain: tuple[str, ...]
    """What can be heard without a script."""
    kept: str
    """The part that is left when the switch is turned."""
    width: int


@cache
def _waves() -> dict[str, list[int]]:
    waves: dict[str, list[int]] = json.loads((FOLDER / "waves.json").read_text())
    return waves


@cache
def example_file(name: str) -> bytes:
    """Return one of the example's files; `name` is one that we know."""
    return (FOLDER / name).read_bytes()


def parts() -> tuple[str, ...]:
    """Return the names of the parts: the stems of the model that took the song apart."""
    return tuple(name for name in _waves() if name != SONG)


def example_for(site: Site) -> Example:
    """Return the example as a site shows it: sites that sell one stem show that one."""
    sold = [stem for output in site.outputs for stem in output.stems]
    kept = next((part for part in parts() if part in sold), parts()[0])
    shown = parts() if site.screen == "mixer" else (kept, *(p for p in parts() if p != kept))
    return Example(
        lanes=tuple(Lane(name, _path(_waves()[name])) for name in shown),
        plain=(SONG, *parts()) if site.screen == "mixer" else (SONG, kept),
        kept=kept,
        width=len(_waves()[SONG]) * _BAR,
    )


@cache
def _path_of(levels: tuple[int, ...]) -> str:
    bars = []
    for place, level in enumerate(levels):
        half = max(level / 2, _LOWEST / 2)
        x, wide = place * _BAR + _GAP / 2, _BAR - _GAP
        bars.append(f"M{x:g} {50 - half:g}h{wide:g}v{2 * half:g}h-{wide:g}z")
    return "".join(bars)


def _path(levels: list[int]) -> str:
    return _path_of(tuple(levels))
