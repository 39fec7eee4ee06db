"""A site's theme as custom properties: its own colours, and what the system makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from stemhouse.pages.colours import mix, readable
from stemhouse.sites.contrast import SHAPE, TEXT
from stemhouse.sites.schema import Palette, Theme

FAMILIES: Final = {
    "sans": "Bricolage Grotesque Variable",
    "serif": "Fraunces Variable",
    "rounded": "Fredoka Variable",
    "mono": "Geist Mono Variable",
}
FILES: Final = {
    "body": "figtree-latin-wght-normal",
    "sans": "bricolage-grotesque-latin-wght-normal",
    "serif": "fraunces-latin-wght-normal",
    "rounded": "fredoka-latin-wght-normal",
    "mono": "geist-mono-latin-wght-normal",
}
"""Beginnings of the names under which the fonts are built."""

_FALLBACKS: Final = {
    # The stand-ins of ui/src/styles/fonts.css are as wide as the type that they stand in for.
    "sans": '"Stand-in sans", system-ui, sans-serif',
    "serif": '"Stand-in serif", Georgia, serif',
    "rounded": '"Stand-in rounded", system-ui, sans-serif',
    "mono": 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
}
WEIGHTS: Final = {"sans": 750, "serif": 650, "rounded": 600, "mono": 600}
_SPACING: Final = {"sans": "-0.035em", "serif": "-0.025em", "rounded": "-0.01em", "mono": "-0.06em"}
_LEADING: Final = {"sans": "0.98", "serif": "1.02", "rounded": "1.0", "mono": "1.06"}
# A wide type needs fewer points for the same line.
_SCALE: Final = {"sans": 1.0, "serif": 1.0, "rounded": 1.0, "mono": 0.84}
_DANGER: Final = "#c4281f"
_SUCCESS: Final = "#1d7a4c"


@lru_cache(maxsize=64)
def theme_css(theme: Theme) -> str:
    """Return the style sheet of a theme."""
    font = theme.heading_font
    shape = [
        f"--radius:{theme.radius_px}px",
        f'--font-heading:"{FAMILIES[font]}",{_FALLBACKS[font]}',
        f"--heading-weight:{WEIGHTS[font]}",
        f"--heading-spacing:{_SPACING[font]}",
        f"--heading-leading:{_LEADING[font]}",
        f"--heading-scale:{_SCALE[font]}",
    ]
    light = ";".join([*shape, *_colours(theme, theme.light)])
    dark = ";".join(_colours(theme, theme.dark))
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


@lru_cache(maxsize=64)
def look_of(theme: Theme, logo: bytes) -> str:
    """Return a mark that changes with the look: addresses that carry it may be kept for ever."""
    return hashlib.sha256(theme_css(theme).encode() + logo).hexdigest()[:12]


def _colours(theme: Theme, palette: Palette) -> Iterator[str]:
    text, behind = palette.text, (palette.background, palette.surface)
    raised = mix(palette.background, text, 0.06)
    all_behind = (*behind, raised)
    tint = mix(palette.surface, palette.accent, 0.12)
    yield f"--accent:{palette.accent}"
    yield f"--on-accent:{palette.on_accent}"
    yield f"--background:{palette.background}"
    yield f"--backdrop:{theme.stems[-1]}"
    yield f"--surface:{palette.surface}"
    yield f"--raised:{raised}"
    yield f"--text:{text}"
    yield f"--muted:{readable(mix(text, palette.background, 0.35), text, all_behind, TEXT + 0.3)}"
    yield f"--border:{mix(palette.background, text, 0.14)}"
    yield f"--edge:{readable(mix(text, palette.background, 0.6), text, all_behind, SHAPE + 0.2)}"
    yield f"--tint:{tint}"
    yield f"--link:{readable(palette.accent, text, (*all_behind, tint), TEXT)}"
    yield f"--focus:{readable(palette.accent, text, behind, SHAPE)}"
    yield f"--danger:{readable(_DANGER, text, all_behind, TEXT)}"
    yield f"--success:{readable(_SUCCESS, text, all_behind, TEXT)}"
    for number, colour in enumerate(theme.stems):
        yield f"--stem-{number}:{readable(colour, text, behind, SHAPE)}"
