"""What every page is made from: the site, the language, who looks, and where all of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request

from stemhouse.http.services import services_of
from stemhouse.http.sites import Place, place_of
from stemhouse.pages.language import language_in, languages_of, plain_path, prefix
from stemhouse.pages.texts import Texts, texts_of
from stemhouse.pages.visitor import Visitor, visitor_of
from stemhouse.settings import Settings
from stemhouse.sites.schema import Site
from stemhouse.sites.schema import Texts as SiteTexts


@dataclass(frozen=True)
class Scene:
    """One request for a page, as far as pages care."""

    place: Place
    settings: Settings
    path: str
    """Without the site's root path and the language."""
    language: str
    visitor: Visitor
    payments: bool
    """Whether something can be bought."""

    @property
    def site(self) -> Site:
        """The site."""
        return self.place.site

    @cached_property
    def texts(self) -> Texts:
        """The house's texts."""
        return texts_of(self.language)

    @property
    def site_texts(self) -> SiteTexts:
        """What the site says of itself."""
        return self.site.texts.get(self.language) or self.site.texts[self.site.languages[0]]

    @property
    def sign_up(self) -> bool:
        """Whether people may make accounts."""
        return self.settings.sign_up != "closed"

    def say(self, key: str, **values: object) -> str:
        """Return a text of the house."""
        return self.texts.say(key, **values)

    def own(self, titles: Mapping[str, str]) -> str:
        """Return what a table of the site file says in this language."""
        return titles.get(self.language) or next(iter(titles.values()))

    def link(self, path: str) -> str:
        """Return the address of a page, on this site and in this language."""
        return self.place.root_path + prefix(self.site, self.language) + path

    def absolute(self, path: str, language: str | None = None) -> str:
        """Return a page's address for search engines and shared links."""
        return self.place.address + prefix(self.site, language or self.language) + path

    def languages(self) -> tuple[str, ...]:
        """Return the languages of the site's pages."""
        return languages_of(self.site)


def scene_of(request: Request, visitor: Visitor) -> Scene:
    """Return the scene of a request."""
    place, settings = place_of(request), services_of(request).settings
    path = request.scope["path"].removeprefix(place.root_path)
    return Scene(
        place=place,
        settings=settings,
        path=plain_path(path, place.site),
        language=language_in(path, place.site),
        visitor=visitor,
        payments=place.site.charges and settings.takes_payments(place.site.name),
    )


def _scene(request: Request, visitor: Annotated[Visitor, Depends(visitor_of)]) -> Scene:
    return scene_of(request, visitor)


TheScene = Annotated[Scene, Depends(_scene)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page: its template and what it says of itself."""

    template: str
    title: str
    """Empty for the first page, whose title is the site's."""
    description: str
    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None
    """Structured data for search engines."""
    indexed: bool = True
    """Whether search engines may list it; it then has a canonical address."""
    scripts: tuple[str, ...] = ("src/app/site.ts",)
    texts: tuple[str, ...] = ()
    """Sections of the texts that its scripts need."""
    secret: bool = False
    """Whether its address or its text is for one pair of eyes: nothing keeps it."""
    status: int = 200
