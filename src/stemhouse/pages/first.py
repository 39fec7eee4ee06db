"""The first page: drop a song, watch it come apart, hear the stems and take them home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from stemhouse.db.session import reading
from stemhouse.domains.accounts import service
from stemhouse.domains.accounts.access import authenticate, cookie_of
from stemhouse.domains.accounts.plans import takes_guests
from stemhouse.domains.accounts.tokens import csrf_token
from stemhouse.domains.separations import views
from stemhouse.domains.separations.access import TheDesk
from stemhouse.domains.separations.offers import offers_of
from stemhouse.errors import Forbidden, Unauthenticated
from stemhouse.http.services import CurrentSettings, services_of
from stemhouse.http.sites import TheSite
from stemhouse.pages.headers import PAGE_HEADERS

router = APIRouter(include_in_schema=False)

_templates = Environment(
    loader=PackageLoader("stemhouse.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at the page."""

    kind: str = "nobody"
    email: str = ""
    token: str = ""


def _visitor(request: Request, settings: CurrentSettings) -> Visitor:
    try:
        principal = authenticate(request)
    except (Forbidden, Unauthenticated):
        # The page is for everybody; what they may not do, the API will tell them.
        return Visitor()
    cookie = None if principal is None else cookie_of(request, principal)
    if principal is None or cookie is None:
        return Visitor()
    with reading(services_of(request).sessions) as session:
        email = service.load(session, principal).email
    return Visitor(principal.kind, email or "", csrf_token(settings, cookie))


@router.head("/")
@router.get("/")
def show_first_page(
    visitor: Annotated[Visitor, Depends(_visitor)],
    settings: CurrentSettings,
    desk: TheDesk,
    site: TheSite,
) -> HTMLResponse:
    text = _templates.get_template("first.html").render(
        site_name=site.title,
        visitor=visitor,
        models=views.show_models(offers_of(site, desk.shelf)).data,
        max_megabytes=site.plans["free"].max_upload_bytes // 1_000_000,
        guests=takes_guests(site),
        sign_up=settings.sign_up != "closed",
        provider=bool(settings.openid_issuer),
    )
    return HTMLResponse(text, headers=PAGE_HEADERS)
