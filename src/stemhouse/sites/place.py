"""Where site files are."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final

from stemhouse.settings import Settings
from stemhouse.sites.book import SiteBook
from stemhouse.sites.hosts import address_of, prefix_of
from stemhouse.sites.models import ModelShelf

FOLDER: Final = "sites"
_PACKED: Final = "_sites"


def open_book(settings: Settings) -> SiteBook:
    """Read the sites of an installation.

    Raises
    ------
    InvalidSites
        A site file cannot be used.
    """
    return SiteBook(partial(sites_folder, settings), ModelShelf(settings.models_dir))


def site_address(base: str, book: SiteBook | None, name: str) -> str:
    """Return the address of a site, for links that travel.

    Parameters
    ----------
    base : str
        Where the installation is reached: ``Settings.address``.
    book : SiteBook or None
        The sites; None where their files cannot be read.
    name : str
        Of the site. One that is not in the book is named by the path, which leads to it on
        every host.
    """
    site = None if book is None else book.find(name)
    return base + prefix_of(name) if site is None else address_of(site, base)


def sites_folder(settings: Settings) -> Path:
    """Return the folder of this installation's sites: the operator's, or those that we bring."""
    if settings.sites_dir is not None:
        return settings.sites_dir
    own = settings.data_dir / FOLDER
    return own if own.is_dir() else shipped_folder()


def shipped_folder() -> Path:
    """Return the folder of the sites that come with Stemhouse."""
    # In a checkout they stand at the root, beside src; a wheel has them inside the package.
    return packed_folder() if packed_folder().is_dir() else _package().parents[1] / FOLDER


def packed_folder() -> Path:
    """Return where an installed package has the sites; the next upgrade replaces what is there."""
    return _package() / _PACKED


def _package() -> Path:
    return Path(str(files("stemhouse")))
