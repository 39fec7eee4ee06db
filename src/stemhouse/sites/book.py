"""All sites of an installation, read anew when their files change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from stemhouse.errors import NotFound
from stemhouse.sites.findings import Finding, Problem, placed, refusal
from stemhouse.sites.hosts import ANY_HOST
from stemhouse.sites.loading import SITE_FILE, Reading, read_site
from stemhouse.sites.models import ModelShelf
from stemhouse.sites.schema import Site

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0

_Stamp = tuple[int, int, int]


class SiteBook:
    """The sites of a folder.

    The files are looked at again when somebody asks, once a second at most. A version that cannot
    be used changes nothing: the last good one stays, and the log says so.

    Parameters
    ----------
    folder : callable
        Returns the folder, which holds a folder for each site with its ``site.toml``. It is asked
        at each look: the operator's own folder may come into being while the service runs.
    shelf : ModelShelf, optional
        Knows the models; without it what files say of them is not checked.
    now : callable
        A clock in seconds.

    Raises
    ------
    InvalidSites
        A file cannot be used, or there is none: at the start there is no last good version.
    """

    def __init__(
        self,
        folder: Callable[[], Path],
        shelf: ModelShelf | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._shelf = shelf
        self._now = now
        self._lock = threading.Lock()
        entries, problems = read_all(folder(), shelf)
        if any(problem.severity == "error" for problem in problems):
            raise refusal(problems)
        self._entries = entries
        self._sites = _in_order(entries)
        self._problems = tuple(problems)
        self._stamps = _stamps(folder())
        self._looked_at = now()

    @property
    def folder(self) -> Path:
        """Where the sites are."""
        return self._folder()

    def all(self) -> tuple[Site, ...]:
        """Return all sites, in the order of their names."""
        self._look()
        return self._sites

    def find(self, name: str) -> Site | None:
        """Return the site of a name, if there is one."""
        return next((site for site in self.all() if site.name == name), None)

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

    def file(self, site: Site, name: str) -> Path:
        """Return a file beside a site's file, such as its logo; `name` comes from the site."""
        return self.folder / site.name / Path(name).name

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the files as they are now; last good versions serve."""
        self._look()
        return self._problems

    def tell(self) -> None:
        """Write what is to be said of the files into the log, when a service starts."""
        _tell(self._problems)

    def _look(self) -> None:
        # Readers see one tuple or the next and need no lock; who comes while somebody reads the
        # files goes on with what is there.
        if self._now() - self._looked_at < LOOK_EVERY_S or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked_at = self._now()
            folder = self._folder()
            stamps = _stamps(folder)
            if stamps != self._stamps:
                self._stamps = stamps
                self._read_again(folder)
        finally:
            self._lock.release()

    def _read_again(self, folder: Path) -> None:
        """Take over what is good, and keep the last good version of what is not."""
        entries, problems = read_all(folder, self._shelf, known=self._entries)
        self._problems = tuple(problems)
        _tell(problems)
        broken = {problem.file for problem in problems if problem.severity == "error"}
        kept: dict[str, Reading] = {}
        for name, reading in entries.items():
            if reading.file not in broken:
                kept[name] = reading
            elif name in self._entries:
                kept[name] = self._entries[name]
        if kept and not list(_conflicts(kept.values())):
            self._entries = kept
            self._sites = _in_order(kept)


def read_all(
    folder: Path, shelf: ModelShelf | None, *, known: Mapping[str, Reading] | None = None
) -> tuple[dict[str, Reading], list[Problem]]:
    """Read all site files of a folder; return them by name, and what is wrong with them.

    Parameters
    ----------
    folder : Path
        The folder of the sites.
    shelf : ModelShelf or None
        Knows the models.
    known : Mapping, optional
        Readings of before, for the log to name what is new.
    """
    entries = {path.parent.name: read_site(path, shelf) for path in _files(folder)}
    for name in entries.keys() - (known or entries).keys():
        logger.info("a site was added", extra={"site": name})
    problems = [problem for reading in entries.values() for problem in reading.problems]
    if not entries:
        nothing = Finding(
            key=(), message="holds no site", mend="stemhouse sites new NAME writes a first one"
        )
        problems += placed(folder, None, [nothing])
    return entries, problems + list(_conflicts(entries.values()))


def _conflicts(readings: Iterable[Reading]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for reading in readings:
        if reading.site is None:
            continue
        for host in reading.site.hosts:
            first = owners.setdefault(host, reading.site.name)
            if first != reading.site.name:
                found = Finding(
                    key=("hosts",),
                    message=f"{host!r} belongs to the site {first!r} already",
                    mend="take it out of one of the two",
                )
                yield from placed(reading.file, reading.lines, [found])


def _tell(problems: Iterable[Problem]) -> None:
    for one in problems:
        level = logging.ERROR if one.severity == "error" else logging.WARNING
        told = "a site file cannot be used" if one.severity == "error" else "about a site file"
        logger.log(level, told, extra={"problem": str(one)})


def _in_order(readings: Mapping[str, Reading]) -> tuple[Site, ...]:
    return tuple(readings[name].usable for name in sorted(readings))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/{SITE_FILE}"))


def _stamps(folder: Path) -> dict[Path, _Stamp]:
    return {path: _stamp(path) for path in _files(folder)}


def _stamp(path: Path) -> _Stamp:
    try:
        facts = path.stat()
    except OSError:
        return (0, 0, 0)
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)
