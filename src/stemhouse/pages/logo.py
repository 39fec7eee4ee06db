"""A site's logo, as its file has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stemhouse.http.services import Services
from stemhouse.sites.schema import Site


@dataclass(frozen=True, slots=True)
class Logo:
    """The file's content."""

    svg: bytes


def logo_of(services: Services, site: Site) -> Logo:
    """Return the logo of a site, read anew when its file changes."""
    path = services.sites.folder / site.name / site.theme.logo
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed_ns: int) -> Logo:
    return Logo(path.read_bytes())
