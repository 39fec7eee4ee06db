"""In which language a page is: the address says it, and a visitor's choice leads to the address."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from stemhouse.http.language import preferred
from stemhouse.http.sites import place_of
from stemhouse.pages.texts import USUAL, languages
from stemhouse.sites.schema import Site

_YEAR_S: Final = 365 * 86_400


def languages_of(site: Site) -> tuple[str, ...]:
    """Return the languages of a site's pages, the usual one first."""
    spoken = tuple(one for one in site.languages if one in languages())
    return spoken or (USUAL,)


def prefix(site: Site, language: str) -> str:
    """Return what a language's addresses begin with; those of the usual one with nothing."""
    return "" if language == languages_of(site)[0] else f"/{language}"


def language_in(path: str, site: Site) -> str:
    """Return the language that a path (without the root path) is in."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in languages_of(site) else languages_of(site)[0]


def plain_path(path: str, site: Site) -> str:
    """Return a path without its language."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return (path[len(first) + 1 :] or "/") if first in languages_of(site) else path


def language_of_visitor(request: Request) -> str:
    """Return the language of who came to an address without one: as chosen, or as preferred."""
    site = place_of(request).site
    spoken = languages_of(site)
    remembered = request.cookies.get(language_cookie(site))
    if remembered in spoken:
        return str(remembered)
    return preferred(request.headers.get("accept-language", ""), spoken) or spoken[0]


def language_cookie(site: Site) -> str:
    """Return the name of the cookie that remembers a choice."""
    return f"stemhouse_{site.name}_language"


def moved(request: Request, path: str) -> Response | None:
    """Return where a visitor should be instead, or None where the address is right.

    A choice (``?lang=de``) is remembered. Who has made none and whose browser prefers another of
    the site's languages is led there; search engines ask without a preference and see each address
    as it is.
    """
    site, root_path = place_of(request).site, place_of(request).root_path
    spoken, here = languages_of(site), language_in(path, site)
    plain = plain_path(path, site)
    chosen = request.query_params.get("lang")
    if chosen is not None:
        return _choose(request, chosen if chosen in spoken else here, plain)
    if path.startswith(f"/{spoken[0]}/") or path == f"/{spoken[0]}":
        return RedirectResponse(_address(request, plain), 308)
    remembered = request.cookies.get(language_cookie(site))
    wanted = remembered if remembered in spoken else None
    if wanted is None and here == spoken[0]:
        wanted = preferred(request.headers.get("accept-language", ""), spoken)
    # An address with a language in it was asked for on purpose.
    if wanted in (None, here) or here != spoken[0]:
        return None
    target = _address(request, prefix(site, str(wanted)) + plain)
    headers = {"Vary": "Accept-Language, Cookie", "Cache-Control": "private, no-cache"}
    return RedirectResponse(target or root_path, 302, headers=headers)


def _choose(request: Request, language: str, plain: str) -> Response:
    place = place_of(request)
    answer = RedirectResponse(_address(request, prefix(place.site, language) + plain), 303)
    answer.set_cookie(
        language_cookie(place.site),
        language,
        max_age=_YEAR_S,
        path=place.root_path or "/",
        secure=place.address.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return answer


def _address(request: Request, path: str) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    # One slash: "//host" would be another server.
    target = "/" + (place_of(request).root_path + path).lstrip("/")
    return f"{target}?{urlencode(kept)}" if kept else target
