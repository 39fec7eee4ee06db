"""Reads a site file, and says everything that is wrong with it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from stemhouse.errors import InvalidSites
from stemhouse.sites.schema import Site

SITE_FILE: Final = "site.toml"
"""Name of a site's file, in a folder that has the site's name."""

_MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong with a site file."""

    file: Path
    key: str
    """Where in the file, such as ``plans.free.max_duration_s``; empty for the whole of it."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else f"{self.file}"
        return f"{where}: {self.message}"


def refuse(problems: Sequence[Problem]) -> InvalidSites:
    """Return the error that names all problems."""
    return InvalidSites(
        "the site files cannot be used: " + "; ".join(map(str, problems)),
        problems=[str(problem) for problem in problems],
    )


def load_site(path: Path) -> Site:
    """Read one site file.

    Raises
    ------
    InvalidSites
        It cannot be read, is no TOML, or does not hold what a site needs.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot be read ({error.strerror or type(error).__name__})"
        raise refuse([Problem(file=path, key="", message=message)]) from error
    if len(data) > _MAX_BYTES:
        message = f"has {len(data):,} bytes; a site file has {_MAX_BYTES:,} at most"
        raise refuse([Problem(file=path, key="", message=message)])
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refuse([Problem(file=path, key="", message=f"is not TOML: {error}")]) from error
    return _build(path, table)


def _build(path: Path, table: dict[str, Any]) -> Site:
    try:
        site = Site.model_validate(table)
    except ValidationError as error:
        problems = [
            Problem(file=path, key=".".join(map(str, one["loc"])), message=one["msg"])
            for one in error.errors(include_url=False)
        ]
        raise refuse(problems) from None
    if site.name != path.parent.name:
        message = f"is {site.name!r}, but the folder is called {path.parent.name!r}"
        raise refuse([Problem(file=path, key="name", message=message)])
    if "free" not in site.plans:
        message = "the plan free is missing: it says what accounts may do that pay nothing"
        raise refuse([Problem(file=path, key="plans", message=message)])
    return site
