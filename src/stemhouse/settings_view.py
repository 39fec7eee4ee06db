"""Settings for people: the effective ones without their secrets, and the page that explains all."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import make_url

from stemhouse.settings import Settings
from stemhouse.settings_sources import PREFIX

HIDDEN = "(set, hidden)"
UNSET = "(not set)"

_HEAD = """# Configuration

Made from the code by `python tools/configuration.py`; do not edit.

Nothing has to be set. A setting comes from, the first that has it counting: the option of a
command, the variable, the file that the variable with `_FILE` after its name points to (for
secrets), the TOML file given by `--config` or `STEMHOUSE_CONFIG` (names in lower case, without the
prefix), the default. An unknown name is an error.
`stemhouse config` prints what counts, with secrets hidden.

Rates read `10/minute;50/hour`; an empty one means no limit. Lists are separated by commas.
"""


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Return the effective settings by name, with secrets and passwords hidden."""
    shown: dict[str, Any] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = HIDDEN if value.get_secret_value() else UNSET
        if isinstance(value, dict):  # keys of single sites
            value = {
                site: {key: HIDDEN if secret.get_secret_value() else UNSET for key, secret in keys}
                for site, keys in value.items()
            }
        shown[name] = str(value) if isinstance(value, Path) else value
    url = make_url(settings.effective_database_url)
    shown["database_url"] = url.render_as_string(hide_password=True)
    if "@" in settings.limits_storage:
        shown["limits_storage"] = make_url(settings.limits_storage).render_as_string()
    return shown


def configuration_page() -> str:
    """Return docs/configuration.md."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), "every setting has a group"
        groups[str(extra["group"])].append(_row(name, field))
    head = "| variable | type | default | |\n|---|---|---|---|\n"
    tables = [f"\n## {group}\n\n{head}{''.join(rows)}" for group, rows in groups.items()]
    return _HEAD + "".join(tables)


def _row(name: str, field: FieldInfo) -> str:
    variable = f"`{PREFIX}{name.upper()}`"
    return f"| {variable} | {_type(field.annotation)} | {_default(field)} | {field.description} |\n"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if get_origin(annotation) is tuple:
        return "list"
    if get_origin(annotation) is dict:
        return "table"
    names = {SecretStr: "secret", str: "text", bool: "true or false", int: "whole number"}
    names |= {float: "number", Path: "path"}
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    return names.get(kinds[0], str(kinds[0]))


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, Path):
        return "the user's data folder"
    if value in (None, (), "", {}) or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and value < 1e6 else f"{value}"
