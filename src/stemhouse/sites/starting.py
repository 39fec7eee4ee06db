"""Writes the first file of a new site."""

from __future__ import annotations

import json
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from stemhouse.errors import InvalidOption, OutputExists
from stemhouse.settings import Settings
from stemhouse.sites.loading import SITE_FILE
from stemhouse.sites.place import FOLDER, packed_folder, sites_folder
from stemhouse.sites.schema import Site
from stemhouse.sites.strict import Name

SCHEMA_FILE: Final = "site.schema.json"
_LOGO: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path fill="#4338ca" d="M4 9h3v6H4zm6-5h3v16h-3zm6 3h3v10h-3z"/>
</svg>
"""


def new_site(settings: Settings, name: str, title: str | None, host: str | None) -> Path:
    """Write the file and the logo of a new site, and return the file.

    The sites of an installed package are copied to the data folder first: the next upgrade would
    replace what is changed there.

    Raises
    ------
    InvalidOption
        The name cannot be one.
    OutputExists
        There is a site of this name.
    """
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise InvalidOption(
            f"{name!r} cannot be a site's name: at most 32 lower-case letters, digits and hyphens, "
            "a letter first"
        ) from error
    folder = own_folder(settings)
    path = folder / name / SITE_FILE
    if path.exists():
        raise OutputExists(f"there is a site {name} already: {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "logo.svg").write_text(_LOGO)
    (folder / SCHEMA_FILE).write_text(site_schema())
    # A service that runs takes the site up when its file is there: last, and whole.
    draft = path.with_suffix(".new")
    draft.write_text(_first_text(name, title or name.replace("-", " ").title(), host))
    draft.replace(path)
    return path


def own_folder(settings: Settings) -> Path:
    """Return the folder of sites that may be written to."""
    folder = sites_folder(settings)
    if folder != packed_folder():
        return folder
    own = settings.data_dir / FOLDER
    # All of them at once: a service that runs would miss those that are not there yet.
    own.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=own.parent)) / FOLDER
    shutil.copytree(folder, copy)
    copy.rename(own)
    copy.parent.rmdir()
    return own


def site_schema() -> str:
    """Return the JSON Schema of a site file, for editors."""
    schema: dict[str, Any] = Site.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _first_text(name: str, title: str, host: str | None) -> str:
    text = (files("stemhouse.sites") / "template.toml").read_text("utf-8")
    values = {"NAME": name, "TITLE": title, "HOST": host or f"{name}.localhost"}
    for word, value in values.items():
        # A JSON string is a TOML string.
        text = text.replace(f"@{word}@", json.dumps(value, ensure_ascii=False))
    return text
