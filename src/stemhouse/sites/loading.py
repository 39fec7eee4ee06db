"""Reads a site file, and says everything that is wrong with it at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from stemhouse.sites.checking import check_site
from stemhouse.sites.findings import Finding, Problem, explain, placed, refusal
from stemhouse.sites.lines import Lines
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.schema import Site

SITE_FILE: Final = "site.toml"
"""Name of a site's file, in a folder that has the site's name."""

_MAX_BYTES: Final = 1_000_000
_LINE = re.compile(r" \(at line (\d+), column (\d+)\)| \(at end of document\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of reading a site file."""

    file: Path
    site: Site | None
    problems: tuple[Problem, ...]
    """Errors and warnings; with an error the site is not to be used."""
    lines: Lines | None = None

    @property
    def usable(self) -> Site:
        """The site.

        Raises
        ------
        InvalidSites
            Something is wrong with it.
        """
        if self.site is None or any(one.severity == "error" for one in self.problems):
            raise refusal(self.problems)
        return self.site


def load_site(path: Path, shelf: ModelShelf | None = None) -> Site:
    """Read one site file.

    Raises
    ------
    InvalidSites
        It cannot be read, is no TOML, or does not hold what a site needs.
    """
    return read_site(path, shelf).usable


def read_site(path: Path, shelf: ModelShelf | None = None) -> Reading:
    """Read one site file and find what is wrong with it.

    Parameters
    ----------
    path : Path
        The file, in a folder with the site's name.
    shelf : ModelShelf, optional
        Knows the models; without it what is said of them is not checked.
    """
    text, finding = _text_of(path)
    if finding is not None:
        return Reading(file=path, site=None, problems=tuple(placed(path, None, [finding])))
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Reading(file=path, site=None, problems=(_no_toml(path, text, error),))
    lines = Lines(text)
    try:
        site = Site.model_validate(table)
    except ValidationError as error:
        findings = list(explain(error.errors(include_url=False)))
        return Reading(file=path, site=None, problems=tuple(placed(path, lines, findings)))
    problems = placed(path, lines, list(check_site(site, path.parent, shelf)))
    return Reading(file=path, site=site, problems=tuple(problems), lines=lines)


def _text_of(path: Path) -> tuple[str, Finding | None]:
    try:
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        return "", Finding(key=(), message=f"cannot be read: {why}", mend="see to its rights")
    if len(data) > _MAX_BYTES:
        message = f"has {len(data):,} bytes, more than {_MAX_BYTES:,}"
        return "", Finding(key=(), message=message, mend="long texts belong elsewhere")
    try:
        return data.decode().replace("\r\n", "\n"), None
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        return "", Finding(key=(), message=message, mend="save it as UTF-8")


def _no_toml(path: Path, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    found = _LINE.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    return Problem(
        file=path,
        line=line,
        key="",
        message=f"is not TOML: {_LINE.sub('', message)}",
        mend="see https://toml.io: texts stand in quotes, lists in brackets",
    )
