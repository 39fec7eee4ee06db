"""A site for tests and benchmarks, written as a file like every other."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stemhouse.sites.loading import SITE_FILE

TEST_SITE: Final = "default"

_PALETTE: Final = {
    "accent": "#1d4ed8",
    "on_accent": "#ffffff",
    "background": "#ffffff",
    "surface": "#f4f4f5",
    "text": "#18181b",
}
_LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M1 1h6v6z"/></svg>\n'
)
_FACTS: Final[dict[str, Any]] = {
    "name": TEST_SITE,
    "title": "Stemhouse",
    "hosts": ["*"],
    "unit": "second",
    "formats": ["wav", "flac", "mp3", "m4a", "ogg", "opus"],
    "qualities": ["standard", "fast", "best"],
    "operator": {
        "name": "Stemhouse",
        "address": "1 Test Street, Testville",
        "email": "hello@example.org",
        "country": "Testland",
    },
    "theme": {
        "logo": "logo.svg",
        "stems": ["#1d4ed8", "#15803d"],
        "light": _PALETTE,
        "dark": {
            "accent": "#93c5fd",
            "on_accent": "#18181b",
            "background": "#18181b",
            "surface": "#27272a",
            "text": "#fafafa",
        },
    },
    # Most tests are of something else than the way to free credits.
    "guard": {"free_needs_verified_email": False},
    "outputs": [{"name": "all", "title": {"en": "All"}, "model": "tiny-2stems"}],
    "plans": {
        "guest": {
            "title": {"en": "Guest"},
            "max_duration_s": 600,
            "max_running_jobs": 1,
            "max_files_at_once": 1,
            "retention_s": 86_400,
            "priority": 20,
            "max_songs": 1,
            "credits_at_sign_up": 36_000,
        },
        "free": {
            "title": {"en": "Free"},
            "max_duration_s": 1_200,
            "credits_at_sign_up": 36_000,
        },
    },
    "texts": {
        "en": {
            "tagline": "Take a song apart",
            "lead": "Drop a song, hear its parts, take them home.",
            "description": "A site for tests: drop a song, hear its parts and take them home.",
            "button": "Choose a song",
        }
    },
}


def write_site(folder: Path, name: str = TEST_SITE, **changes: Any) -> Path:
    """Write a site that can be used, and return its file.

    Parameters
    ----------
    folder : Path
        The folder of all sites.
    name : str
        The site's name.
    **changes
        What is different: values by their place, with two underscores for each level, such as
        ``plans__free__max_duration_s=60``. None takes something out.
    """
    facts = copy.deepcopy(_FACTS) | {"name": name}
    for place, value in changes.items():
        *above, last = place.split("__")
        table = facts
        for level in above:
            table = table.setdefault(level, {})
        if value is None:
            table.pop(last, None)
        else:
            table[last] = copy.deepcopy(value)  # a later change may go into it
    path = folder / name / SITE_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "logo.svg").write_text(_LOGO)
    path.write_text("\n".join(_lines(facts, ())) + "\n")
    return path


def _lines(table: Mapping[str, Any], above: tuple[str, ...]) -> list[str]:
    """Write a table as TOML; a string, number, boolean and list of these is JSON too."""
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in table.items()
        if not _is_deep(value)
    ]
    for key, value in table.items():
        below = (*above, json.dumps(key))
        if isinstance(value, Mapping):
            lines += [f"[{'.'.join(below)}]", *_lines(value, below)]
        elif _is_deep(value):
            for entry in value:
                lines += [f"[[{'.'.join(below)}]]", *_lines(entry, below)]
    return lines


def _is_deep(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value)
