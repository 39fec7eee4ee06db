"""Turns a sheet and a scene into the answer."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stemhouse.http.services import services_of
from stemhouse.pages.bundle import built_font, bundle
from stemhouse.pages.headers import PAGE_HEADERS
from stemhouse.pages.language import moved
from stemhouse.pages.logo import logo_of
from stemhouse.pages.scene import Scene, Sheet
from stemhouse.pages.texts import texts_of
from stemhouse.pages.theme import FILES, look_of

_MIN_COMPRESSED_BYTES: Final = 1_000
_GZIP_LEVEL: Final = 6
_VARY: Final = "Cookie, Accept-Language, Accept-Encoding"

templates: Final = Environment(
    loader=PackageLoader("stemhouse.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the head and the frame of a page hold; templates call it ``page``."""

    kind: str
    path: str
    root: str
    address: str
    language: str
    full_title: str
    description: str
    indexed: bool
    canonical: str
    alternates: list[tuple[str, str]]
    languages: list[tuple[str, str, str]]
    """Code, name and address of each language of this page."""
    picture: str
    look: str
    fonts: list[str]
    styles: Markup
    scripts: Markup
    data: Any
    facts: dict[str, Any]
    """What scripts know of the page; see ui/src/ui/page.ts."""
    component_texts: Any


def show(request: Request, scene: Scene, sheet: Sheet) -> Response:
    """Return a page, or where the visitor should be instead."""
    path = request.scope["path"].removeprefix(scene.place.root_path)
    elsewhere = moved(request, path)
    return elsewhere or answer(request, scene, sheet)


def answer(request: Request, scene: Scene, sheet: Sheet) -> Response:
    """Return a page as an answer."""
    body = render(request, scene, sheet).encode()
    headers = {**PAGE_HEADERS, "Content-Language": scene.language, "Vary": _VARY}
    if scene.visitor.kind != "nobody" or sheet.secret:
        # It holds somebody's token: nobody else gets to see it, and its compressed length
        # would tell of it.
        return HTMLResponse(body, status_code=sheet.status, headers=headers)
    headers["Cache-Control"] = "private, no-cache"
    accepted = request.headers.get("accept-encoding", "")
    if "gzip" in accepted and len(body) >= _MIN_COMPRESSED_BYTES:
        body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(body, status_code=sheet.status, headers=headers)


def render(request: Request, scene: Scene, sheet: Sheet) -> str:
    """Return a page's HTML."""
    return templates.get_template(sheet.template).render(
        page=_head(request, scene, sheet),
        site=scene.site,
        texts=scene.site_texts,
        visitor=scene.visitor,
        sign_up=scene.sign_up,
        payments=scene.payments,
        say=scene.say,
        link=scene.link,
        **sheet.values,
    )


def _head(request: Request, scene: Scene, sheet: Sheet) -> Head:
    site, root = scene.site, scene.place.root_path
    look = look_of(site.theme, logo_of(services_of(request), site).svg)
    title = f"{sheet.title} · {site.title}" if sheet.title else _first_title(scene)
    font = site.theme.heading_font
    styles, scripts = _without_repeats(root, sheet.scripts)
    return Head(
        kind=sheet.template.removesuffix(".html"),
        path=scene.path,
        root=root,
        address=scene.place.address,
        language=scene.language,
        full_title=title,
        description=sheet.description,
        indexed=sheet.indexed,
        canonical=scene.absolute(scene.path),
        alternates=_alternates(scene),
        languages=_languages(scene, sheet),
        picture=f"{scene.place.address}/picture-{scene.language}.png?v={look}",
        look=look,
        fonts=[f"{root}/assets/{built_font(FILES[name])}" for name in ("body", font)],
        styles=styles,
        scripts=scripts,
        data=sheet.data,
        facts=_facts(scene),
        component_texts=scene.texts.sections((*sheet.texts, "errors", "units")),
    )


def _facts(scene: Scene) -> dict[str, Any]:
    visitor = scene.visitor
    return {
        "root": scene.place.root_path,
        "pages": scene.link(""),
        "language": scene.language,
        "csrf_token": visitor.token,
        "visitor": {"kind": visitor.kind, "email": visitor.email},
    }


def _first_title(scene: Scene) -> str:
    return f"{scene.site.title}: {scene.site_texts.tagline}"


def _without_repeats(root: str, scripts: tuple[str, ...]) -> tuple[Markup, Markup]:
    tags = [line for entry in scripts for line in bundle(entry, root).split("\n")]
    return bundle("src/styles/site.css", root), Markup("\n").join(dict.fromkeys(map(Markup, tags)))


def _alternates(scene: Scene) -> list[tuple[str, str]]:
    spoken = scene.languages()
    if len(spoken) == 1:
        return []
    pairs = [(one, scene.absolute(scene.path, one)) for one in spoken]
    return [*pairs, ("x-default", scene.absolute(scene.path, spoken[0]))]


def _languages(scene: Scene, sheet: Sheet) -> list[tuple[str, str, str]]:
    # Another address of a page with a secret in its own would be one without it.
    spoken = () if sheet.secret else scene.languages()
    return [(one, _name_of(one), _choice(scene, one)) for one in spoken]


def _choice(scene: Scene, language: str) -> str:
    return f"{replace(scene, language=language).link(scene.path)}?lang={language}"


def _name_of(language: str) -> str:
    return texts_of(language).say("frame.language_name")
