"""All sites of an installation, read anew when their files change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemhouse.errors import InvalidSites, NotFound
from stemhouse.sites.hosts import ANY_HOST
from stemhouse.sites.loading import SITE_FILE, Problem, load_site, refuse
from stemhouse.sites.schema import Site

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    site: Site
    stamp: _Stamp
    """Of the file's last version that was looked at, good or not."""


class SiteBook:
    """The sites of a folder.

    The files are looked at again when somebody asks, once a second at most. A version that cannot
    be used changes nothing: the last good one stays, and the log says so.

    Parameters
    ----------
    folder : Path
        Holds a folder for each site, with its ``site.toml``.
    now : callable
        A clock in seconds.

    Raises
    ------
    InvalidSites
        A file cannot be used, or there is none: at the start there is no last good version.
    """

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._lock = threading.Lock()
        self._entries = _read_all(folder)
        self._refused: dict[Path, tuple[_Stamp, str]] = {}
        self._looked_at = now()

    @property
    def folder(self) -> Path:
        """Where the sites are."""
        return self._folder

    def all(self) -> tuple[Site, ...]:
        """Return all sites, in the order of their names."""
        return tuple(entry.site for _, entry in sorted(self._fresh().items()))

    def find(self, name: str) -> Site | None:
        """Return the site of a name, if there is one."""
        entry = self._fresh().get(name)
        return None if entry is None else entry.site

    def by_name(self, name: str) -> Site:
        """Return the site of a name.

        Raises
        ------
        NotFound
            There is none; the message lists those that there are.
        """
        site = self.find(name)
        if site is None:
            names = [site.name for site in self.all()]
            raise NotFound(f"there is no site {name!r}; there are: {', '.join(names)}", sites=names)
        return site

    def for_host(self, host: str) -> Site | None:
        """Return the site that answers to a host, as `hosts.plain_host` gives it."""
        sites = self.all()
        named = (site for site in sites if host in site.hosts)
        return next(named, None) or next((s for s in sites if ANY_HOST in s.hosts), None)

    def usual(self) -> Site:
        """Return the site that is meant where none is named: the one for any host, or the first."""
        sites = self.all()
        return next((site for site in sites if ANY_HOST in site.hosts), sites[0])

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with files as they are now, while their last good version serves."""
        self._fresh()
        return tuple(message for _, message in self._refused.values())

    def _fresh(self) -> dict[str, _Entry]:
        if self._now() - self._looked_at >= LOOK_EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._look()
                self._looked_at = self._now()
            finally:
                self._lock.release()
        return self._entries

    def _look(self) -> None:
        """Read what has changed; the entries are replaced as a whole, so readers need no lock."""
        files = _files(self._folder)
        refused = {path: self._refused[path] for path in files if path in self._refused}
        entries: dict[str, _Entry] = {}
        changed = False
        for path in files:
            old, stamp = self._entries.get(path.parent.name), _stamp(path)
            if old is not None and stamp == old.stamp:
                entries[path.parent.name] = old
                refused.pop(path, None)
            elif path in refused and refused[path][0] == stamp:
                if old is not None:
                    entries[path.parent.name] = old
            else:
                changed = True
                self._read_anew(path, stamp, entries, refused)
        gone = self._entries.keys() - entries.keys()
        if (changed or gone) and self._takes(entries):
            self._entries = entries
        self._refused = refused

    def _read_anew(
        self,
        path: Path,
        stamp: _Stamp,
        entries: dict[str, _Entry],
        refused: dict[Path, tuple[_Stamp, str]],
    ) -> None:
        name = path.parent.name
        try:
            entries[name] = _Entry(load_site(path), stamp)
        except InvalidSites as error:
            refused[path] = (stamp, error.message)
            logger.error("a site file cannot be used", extra={"site": name, "why": error.message})
            if name in self._entries:
                entries[name] = self._entries[name]
        else:
            refused.pop(path, None)
            logger.info("a site file was read", extra={"site": name})

    def _takes(self, entries: dict[str, _Entry]) -> bool:
        try:
            _check_together(self._folder, entries.values())
        except InvalidSites as error:
            logger.error("the sites stay as they were", extra={"why": error.message})
            return False
        return True


def _read_all(folder: Path) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    problems: list[str] = []
    for path in _files(folder):
        stamp = _stamp(path)
        try:
            entries[path.parent.name] = _Entry(load_site(path), stamp)
        except InvalidSites as error:
            problems.append(error.message)
    if problems:
        raise InvalidSites("; ".join(problems))
    _check_together(folder, entries.values())
    return entries


def _check_together(folder: Path, entries: Iterable[_Entry]) -> None:
    sites = [entry.site for entry in entries]
    if not sites:
        message = f"holds no site: stemhouse sites new NAME writes {SITE_FILE} of one"
        raise refuse([Problem(file=folder, key="", message=message)])
    owners: dict[str, str] = {}
    for site in sites:
        for host in site.hosts:
            first = owners.setdefault(host, site.name)
            if first != site.name:
                message = f"{host!r} belongs to the site {first!r} already"
                path = folder / site.name / SITE_FILE
                raise refuse([Problem(file=path, key="hosts", message=message)])


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/{SITE_FILE}"))


def _stamp(path: Path) -> _Stamp:
    try:
        facts = path.stat()
    except OSError:
        return (0, 0, 0)
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)
