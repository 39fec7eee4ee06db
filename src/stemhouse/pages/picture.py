"""Pictures of a site, made from its file: for shared links, and as the icon on a phone.

resvg draws the logo and the waves, Pillow sets the words in the type that the pages have.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import resvg_py
from PIL import Image, ImageDraw, ImageFont

from stemhouse.pages.bundle import built_file, built_font
from stemhouse.pages.example import Example, example_for
from stemhouse.pages.logo import Logo
from stemhouse.pages.theme import FILES, WEIGHTS
from stemhouse.sites.schema import Site, Theme

WIDTH, HEIGHT = 1200, 630

_MARGIN: Final = 80
_LOGO: Final = 84
_ICON: Final = 180
_NAME_SIZE: Final = 46
_LARGEST: Final = 124
_SMALLEST: Final = 54
_LINES: Final = 3
_WORDS_HEIGHT: Final = 300
_WAVE_HEIGHT: Final = 190
_NOWHERE: Final = "\uffff"
"""No font has it: what it looks like is what missing letters look like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """All that the picture of a site shows."""

    title: str
    tagline: str
    theme: Theme
    logo: Logo
    example: Example


def picture_png(site: Site, language: str, logo: Logo) -> bytes:
    """Return the picture of a site that goes with shared links, 1200 × 630."""
    return _picture(
        _Facts(
            title=site.title,
            tagline=site.texts[language].tagline,
            theme=site.theme,
            logo=logo,
            example=example_for(site),
        )
    )


@lru_cache(maxsize=64)
def _picture(facts: _Facts) -> bytes:
    palette = facts.theme.light
    image = Image.new("RGB", (WIDTH, HEIGHT), palette.background)
    draw = ImageDraw.Draw(image)
    waves = _drawn(_waves(facts), WIDTH)
    image.paste(waves, (0, HEIGHT - waves.height + 20), waves)
    mark = _drawn(facts.logo.svg.decode(), _LOGO)
    image.paste(mark, (_MARGIN, 64), mark)
    name = _font(facts.theme, _NAME_SIZE)
    middle = 64 + mark.height / 2
    if _can_write(name, facts.title):
        place = (_MARGIN + mark.width + 24, middle)
        draw.text(place, facts.title, font=name, fill=palette.text, anchor="lm")
    if _can_write(name, facts.tagline):
        font, lines = _fitted(facts.theme, facts.tagline, WIDTH - 2 * _MARGIN)
        draw.multiline_text(
            (_MARGIN - 4, 178), "\n".join(lines), font=font, fill=palette.text, spacing=-8
        )
    return _encoded(image)


@lru_cache(maxsize=64)
def icon_png(theme: Theme, logo: Logo) -> bytes:
    """Return the logo on the site's background, 180 × 180: phones want no transparency."""
    image = Image.new("RGB", (_ICON, _ICON), theme.light.background)
    mark = _drawn(logo.svg.decode(), round(_ICON * 0.72))
    image.paste(mark, ((_ICON - mark.width) // 2, (_ICON - mark.height) // 2), mark)
    return _encoded(image)


def _drawn(svg: str, width: int) -> Image.Image:
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def _waves(facts: _Facts) -> str:
    example, colours = facts.example, facts.theme.stems
    paths = "".join(
        f'<path d="{lane.path}" fill="{colours[number % len(colours)]}" '
        f'transform="translate({number * 3} 0)" opacity="{0.95 if number == 0 else 0.55}"/>'
        for number, lane in reversed(list(enumerate(example.lanes)))
    )
    size = f'viewBox="0 0 {example.width} 100" width="{WIDTH}" height="{_WAVE_HEIGHT}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} preserveAspectRatio="none">'
    return f"{start}{paths}</svg>"


@lru_cache(maxsize=64)
def _font(theme: Theme, size: int) -> ImageFont.FreeTypeFont:
    kind = theme.heading_font
    file = built_file(built_font(FILES[kind]))
    assert file is not None  # built_font names a file that is there
    font = ImageFont.truetype(io.BytesIO(file.data), size)
    font.set_variation_by_axes([WEIGHTS[kind]])
    return font


def _can_write(font: ImageFont.FreeTypeFont, text: str) -> bool:
    """Whether the font has every letter; boxes in place of letters are worse than none."""
    missing = font.getmask(_NOWHERE)
    unknown = (missing.size, bytes(missing))
    return all(
        char.isspace() or (mask := font.getmask(char), (mask.size, bytes(mask)))[1] != unknown
        for char in set(text)
    )


def _fitted(theme: Theme, text: str, width: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    for size in range(_LARGEST, _SMALLEST, -6):
        font = _font(theme, size)
        lines = _wrapped(font, text, width)
        if len(lines) <= _LINES and len(lines) * size * 1.12 <= _WORDS_HEIGHT:
            return font, lines
    font = _font(theme, _SMALLEST)
    return font, _wrapped(font, text, width)[:_LINES]


def _wrapped(font: ImageFont.FreeTypeFont, text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
