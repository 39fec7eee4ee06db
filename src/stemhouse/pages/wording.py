"""Lengths, sizes and prices as people of a language read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from babel import Locale
from babel.core import get_global
from babel.lists import format_list
from babel.numbers import format_currency, get_territory_currencies
from babel.units import format_unit

from stemhouse.sites.money import decimals

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_MB, _GB = 1_000_000, 1_000_000_000

_FORMATS = {"ogg": "Ogg", "opus": "Opus"}
"""Those whose names are no abbreviations."""


def locale_of(language: str) -> Locale:
    """Return Babel's locale of a language of ours, such as ``pt-BR``."""
    return Locale.parse(language, sep="-")


def length(seconds: float, language: str) -> str:
    """Return a length in the largest unit that gives a whole number: 5 minutes, 7 days."""
    for unit_s, unit in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if seconds >= unit_s and seconds % unit_s == 0:
            return _unit(seconds / unit_s, f"duration-{unit}", language)
    return _unit(round(seconds), "duration-second", language)


def clock(seconds: int) -> str:
    """Return a length as players show it: 5:00, 1:00:00."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def size(size_bytes: int, language: str) -> str:
    """Return a size in decimal megabytes or gigabytes: 200 MB."""
    if size_bytes >= _GB:
        return _unit(round(size_bytes / _GB, 1), "digital-gigabyte", language, short=True)
    return _unit(size_bytes // _MB, "digital-megabyte", language, short=True)


def money(amount: float, currency: str, language: str) -> str:
    """Return a price, given in the currency's smallest unit; whole amounts have no decimals."""
    code = currency.upper()
    value = amount / 10 ** decimals(currency.lower())
    locale = locale_of(language)
    if value == int(value):
        pattern = locale.currency_formats["standard"].pattern.replace(".00", "")
        written = format_currency(value, code, pattern, locale=locale, currency_digits=False)
    else:
        written = format_currency(value, code, locale=locale)
    # A symbol of letters stands off: CHF 5.
    return re.sub(r"(?<=[A-Z])(?=\d)", "\N{NO-BREAK SPACE}", written)


def both(parts: list[str], language: str) -> str:
    """Return parts as an enumeration: WAV, MP3 and FLAC."""
    return format_list(parts, locale=locale_of(language))


def formats(names: Iterable[str], language: str) -> str:
    """Return formats as an enumeration of what they are called: WAV, Ogg and Opus."""
    return both([_FORMATS.get(name, name.upper()) for name in names], language)


def _unit(value: float, unit: str, language: str, *, short: bool = False) -> str:
    whole = int(value) if value == int(value) else value
    text = format_unit(whole, unit, length="short" if short else "long", locale=locale_of(language))
    # "5 minutes" stays together at the end of a line.
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def usual_currency(language: str, offered: Iterable[str]) -> str:
    """Return the currency in which a price is shown first, of those that it has."""
    codes = list(offered)
    likely: str = get_global("likely_subtags").get(language, "en_Latn_US")
    local = {code.lower() for code in get_territory_currencies(likely.rpartition("_")[2])}
    return next((code for code in codes if code in local), codes[0])
