"""Bodies and queries as Stripe has them: ``a[b][0][c]=x``, made into nested dictionaries."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from stemhouse.testing.stripe.refusals import Json, bad

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
MOST_PAIRS = 2_000


def read_form(text: str) -> Json:
    """Return what a form says; lists are dictionaries with numbers for keys still."""
    form: Json = {}
    for key, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PAIRS):
        found = _KEY.fullmatch(key)
        if found is None:
            raise bad(f"Invalid request: the parameter {key} is malformed", key)
        _put(form, [found[1], *_PART.findall(found[2])], value, key)
    return form


def _put(form: Json, path: list[str], value: str, key: str) -> None:
    place: Any = form
    for part in path[:-1]:
        place = place.setdefault(_numbered(place, part), {})
        if not isinstance(place, dict):
            raise bad(f"Invalid request: the parameter {key} has two shapes", key)
    place[_numbered(place, path[-1])] = value


def _numbered(place: Json, part: str) -> str:
    return part or str(len(place))
