"""Which site a request is for; the middleware in ``stemhouse.api`` finds out before routing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from stemhouse.sites.schema import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site as it was asked for.

    Attributes
    ----------
    site : Site
        The site.
    root_path : str
        What its paths begin with: empty where the host names the site, ``/s/NAME`` where the path
        does. Links in answers begin with it.
    address : str
        Its address for links that travel, such as those in mails: made of the settings and of
        hosts that the site file names, never of what a request claims.
    accept_language : str
        Which languages whoever asks prefers, as the header of that name has it.
    """

    site: Site
    root_path: str
    address: str
    accept_language: str = ""


def place_of(request: Request) -> Place:
    """Return the place that a request is for."""
    place: Place = request.state.place
    return place


def site_of(request: Request) -> str:
    """Return the name of the site that a request is for."""
    return place_of(request).site.name


async def _place(request: Request) -> Place:
    return place_of(request)


async def _site(request: Request) -> Site:
    return place_of(request).site


async def _site_name(request: Request) -> str:
    return site_of(request)


ThePlace = Annotated[Place, Depends(_place)]
TheSite = Annotated[Site, Depends(_site)]
CurrentSite = Annotated[str, Depends(_site_name)]
"""The site's name: what rows hold as ``site_id``."""
