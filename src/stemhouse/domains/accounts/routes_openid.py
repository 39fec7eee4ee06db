"""The addresses of signing in with a provider; without one in the settings they do not exist."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Query, Request, status
from fastapi.responses import RedirectResponse

from stemhouse.db.session import reading
from stemhouse.domains.accounts import service_openid
from stemhouse.domains.accounts.access import limit_sign_in
from stemhouse.domains.accounts.cookies import TheCookies
from stemhouse.domains.accounts.disposable import refuse_disposable
from stemhouse.domains.accounts.openid import COOKIE, JOURNEY_S, Claims, OpenIdProvider
from stemhouse.domains.accounts.pace import limit_accounts
from stemhouse.errors import Unauthenticated
from stemhouse.http.services import CurrentServices, CurrentSettings, Now
from stemhouse.http.session import WritingSession
from stemhouse.http.sites import Place, ThePlace

router = APIRouter(prefix="/v1/openid", tags=["accounts"], dependencies=[Depends(limit_sign_in)])


def _cookie_path(place: Place) -> str:
    return f"{place.root_path}/v1/openid"


def _provider(request: Request) -> OpenIdProvider:
    provider: OpenIdProvider = request.app.state.openid
    return provider


Provider = Annotated[OpenIdProvider, Depends(_provider)]


@router.get("/login", status_code=status.HTTP_302_FOUND, response_class=RedirectResponse)
def depart(provider: Provider, settings: CurrentSettings, place: ThePlace) -> RedirectResponse:
    """Send the browser to the provider."""
    departure = provider.depart(place)
    answer = RedirectResponse(departure.url, status.HTTP_302_FOUND)
    answer.set_cookie(
        COOKIE,
        departure.cookie,
        max_age=JOURNEY_S,
        path=_cookie_path(place),
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return answer


def _arrival(
    provider: Provider,
    place: ThePlace,
    state: Annotated[str, Query(max_length=200)] = "",
    *,
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str | None, Query(max_length=200)] = None,
    cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> Claims:
    # Asks the provider, before the request's transaction begins.
    if error is not None or not code:
        raise Unauthenticated("the provider did not sign you in: begin again")
    return provider.arrive(place, cookie, state, code=code)


def _guarded(
    request: Request,
    claims: Annotated[Claims, Depends(_arrival)],
    services: CurrentServices,
    place: ThePlace,
) -> Claims:
    # Whoever is new here meets what others meet at signing up; before the request's transaction
    # begins, because an alarm has one of its own.
    with reading(services.sessions) as session:
        known = service_openid.is_known(session, place.site.name, claims)
    if claims.email is not None and not known:
        refuse_disposable(place.site, claims.email)
        limit_accounts(request)
    return claims


@router.get("/callback", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def arrive(
    claims: Annotated[Claims, Depends(_guarded)],
    settings: CurrentSettings,
    session: WritingSession,
    now: Now,
    *,
    place: ThePlace,
    cookies: TheCookies,
) -> RedirectResponse:
    """Come back from the provider, signed in."""
    signed_in = service_openid.sign_in(session, settings, place.site.name, claims, now=now)
    answer = RedirectResponse(f"{place.root_path}/", status.HTTP_303_SEE_OTHER)
    answer.delete_cookie(COOKIE, path=_cookie_path(place))
    cookies.sign_in(answer, signed_in.token)
    return answer
