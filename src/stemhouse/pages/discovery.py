"""What search engines, browsers and shared links ask for besides pages."""

from __future__ import annotations

from typing import Annotated, Any
from xml.sax.saxutils import escape

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from stemhouse.errors import NotFound
from stemhouse.http.downloads import HeldFile, send_file
from stemhouse.http.services import services_of
from stemhouse.http.sites import ThePlace, TheSite
from stemhouse.pages.example import SONG, example_file, parts
from stemhouse.pages.language import languages_of, prefix
from stemhouse.pages.logo import Logo, logo_of
from stemhouse.pages.picture import icon_png, picture_png
from stemhouse.pages.theme import theme_css
from stemhouse.sites.schema import Site

router = APIRouter(include_in_schema=False)

LISTED = ("/", "/prices", "/help", "/developers", "/developers/player", "/developers/reference")
LISTED_LEGAL = ("/terms", "/privacy", "/takedown")
_NOT_FOR_ROBOTS = ("/v1/", "/library", "/songs/", "/account", "/admin", "/s/")

# Their addresses carry a mark of the look (?v=), so they may be kept; a day where somebody left it.
_KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
_FOR_EVER = {**_KEPT, "Cache-Control": "public, max-age=31536000, immutable"}


def _logo(request: Request, site: TheSite) -> Logo:
    return logo_of(services_of(request), site)


TheLogo = Annotated[Logo, Depends(_logo)]


def _headers(request: Request) -> dict[str, str]:
    return _FOR_EVER if "v" in request.query_params else _KEPT


Kept = Annotated[dict[str, str], Depends(_headers)]


@router.head("/theme.css")
@router.get("/theme.css")
def show_theme(site: TheSite, headers: Kept) -> Response:
    return Response(theme_css(site.theme), media_type="text/css", headers=headers)


@router.head("/logo.svg")
@router.get("/logo.svg")
def show_logo(logo: TheLogo, headers: Kept) -> Response:
    # Opened by itself, an SVG is a document: it may draw, and nothing else.
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(logo.svg, media_type="image/svg+xml", headers={**headers, **policy})


@router.head("/icon.png")
@router.get("/icon.png")
def show_icon(site: TheSite, logo: TheLogo, headers: Kept) -> Response:
    return Response(icon_png(site.theme, logo), media_type="image/png", headers=headers)


@router.head("/favicon.ico")
@router.get("/favicon.ico")
def show_old_icon(place: ThePlace) -> Response:
    return RedirectResponse(f"{place.root_path}/icon.png", 308)


@router.head("/picture-{language}.png")
@router.get("/picture-{language}.png")
def show_picture(site: TheSite, logo: TheLogo, language: str, headers: Kept) -> Response:
    if language not in languages_of(site):
        raise NotFound("this site does not speak that language")
    return Response(picture_png(site, language, logo), media_type="image/png", headers=headers)


@router.head("/example/{part}.m4a")
@router.get("/example/{part}.m4a")
def play_example(part: str, request: Request) -> Response:
    if part not in (SONG, *parts()):
        raise NotFound("the example has no such part")
    name = f"{part}.m4a"
    file = HeldFile(name=name, mime="audio/mp4", data=example_file(name))
    answer = send_file(request, file, inline=True)
    answer.headers.update(_KEPT)
    return answer


@router.head("/site.webmanifest")
@router.get("/site.webmanifest")
def show_manifest(place: ThePlace) -> Response:
    site, root = place.site, place.root_path
    manifest: dict[str, Any] = {
        "name": site.title,
        "start_url": f"{root}/",
        "scope": f"{root}/",
        "display": "minimal-ui",
        "background_color": site.theme.light.background,
        "theme_color": site.theme.light.background,
        "icons": [
            {"src": f"{root}/logo.svg", "sizes": "any", "type": "image/svg+xml"},
            {"src": f"{root}/icon.png", "sizes": "180x180", "type": "image/png"},
        ],
    }
    return JSONResponse(manifest, media_type="application/manifest+json", headers=_KEPT)


@router.head("/robots.txt")
@router.get("/robots.txt")
def tell_robots(place: ThePlace) -> Response:
    lines = ["User-agent: *"]
    lines += [f"Disallow: {place.root_path}{path}" for path in _NOT_FOR_ROBOTS]
    lines += ["", f"Sitemap: {place.address}/sitemap.xml", ""]
    return Response("\n".join(lines), media_type="text/plain", headers=_KEPT)


@router.head("/sitemap.xml")
@router.get("/sitemap.xml")
def show_sitemap(place: ThePlace) -> Response:
    entries = "".join(
        _entry(place.address, place.site, path, language)
        for path in (*LISTED, *LISTED_LEGAL)
        for language in languages_of(place.site)
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        f'xmlns:xhtml="http://www.w3.org/1999/xhtml">\n{entries}</urlset>\n'
    )
    return Response(text, media_type="application/xml", headers=_KEPT)


def _entry(address: str, site: Site, path: str, language: str) -> str:
    def at(one: str) -> str:
        return escape(f"{address}{prefix(site, one)}{path}")

    others = "".join(
        f'<xhtml:link rel="alternate" hreflang="{one}" href="{at(one)}"/>'
        for one in languages_of(site)
    )
    return f"<url><loc>{at(language)}</loc>{others}</url>\n"
