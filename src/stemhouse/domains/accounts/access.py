"""Who sent a request: a key, a signed-in browser or a guest; and what it takes to be let in.

The look-up is one read of its own, outside the request's transaction, so that a route that streams
for an hour holds no connection, and a reading request writes nothing: when a key was last used is
noted in memory and written from time to time.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from stemhouse.db.session import Reads, looking
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.cookies import CSRF_HEADER, guest_cookie, session_cookie
from stemhouse.domains.accounts.last_use import last_use_of
from stemhouse.domains.accounts.plans import AccountKind, plan_for, takes_guests
from stemhouse.domains.accounts.principal import Principal, Reach, Via
from stemhouse.domains.accounts.queries import Credential
from stemhouse.domains.accounts.scopes import ALL_SCOPES, GUEST_SCOPES, Scope
from stemhouse.domains.accounts.tokens import (
    address_token,
    hash_token,
    is_csrf_token,
    read_guest,
)
from stemhouse.errors import Forbidden, Unauthenticated
from stemhouse.http.limits import network_address, rate_limits_of
from stemhouse.http.services import Services, services_of
from stemhouse.http.session import SAFE_METHODS
from stemhouse.http.sites import CurrentSite, TheSite, place_of, site_of
from stemhouse.sites.schema import Site

__all__ = ["CurrentSite", "TheSite", "site_of"]

_bearer = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer shk_…`")
_cookie = APIKeyCookie(
    name=session_cookie("SITE"),
    auto_error=False,
    description="A browser that is signed in; requests that change something also send "
    "`X-CSRF-Token`.",
)


def onlooker(request: Request) -> Principal | None:
    """Find out who looks at what everybody may see; None where nothing says so.

    The form of a page is sent without the token of its scripts. It must not do anything in the
    name of who is found.

    Raises
    ------
    Unauthenticated, Forbidden
        As `recognise`.
    """
    with looking(services_of(request).sessions) as reads:
        return recognise(request, reads, acts=False)


def recognise(request: Request, reads: Reads, *, acts: bool = True) -> Principal | None:
    """Find out who sent a request; None where it carries nothing that says so.

    Every request is looked up anew: a key that is revoked, and an account that is blocked, are
    refused from the next one on.

    Raises
    ------
    Unauthenticated
        It carries a key that is wrong, revoked or expired.
    Forbidden
        The account is blocked, or the request changes something and no page of ours sent it.
    """
    services, site = services_of(request), place_of(request).site
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _by_key(services, site, reads, authorization)
    ways = ((session_cookie(site.name), _by_session), (guest_cookie(site.name), _by_guest))
    for name, find in ways:
        cookie = request.cookies.get(name)
        principal = find(services, site, reads, cookie) if cookie else None
        if cookie and principal is not None:
            if acts:
                _check_our_page(request, services, cookie)
            return principal
    return None


def current_principal(
    request: Request,
    _key: Annotated[object, Depends(_bearer)],
    _session: Annotated[object, Depends(_cookie)],
) -> Principal:
    """Return who sent a request, or refuse it."""
    with looking(services_of(request).sessions) as reads:
        return let_in(request, reads)


def let_in(request: Request, reads: Reads) -> Principal:
    """Return who sent a request, or refuse it; for routes that read more over the same connection.

    Raises
    ------
    Unauthenticated, Forbidden, RateLimited
        As `recognise`; nobody is let in unknown, nor more often than is allowed.
    """
    services, limits = services_of(request), rate_limits_of(request)
    try:
        principal = _known(recognise(request, reads))
    except Unauthenticated:
        # Guessing keys is counted; knowing none as well.
        limits.count(services.settings.rate_anonymous, "anonymous", network_address(request))
        raise
    limits.count(services.settings.rate_requests, "requests", principal.account_id)
    last_use_of(request).note(principal, services.clock())
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def needs(scope: Scope) -> Callable[[Principal], Coroutine[Any, Any, Principal]]:
    """Return a dependency that lets in who has a scope.

    ``principal: Annotated[Principal, Depends(needs("jobs:read"))]``
    """

    async def allowed(principal: CurrentPrincipal) -> Principal:
        principal.need(scope)
        return principal

    # The OpenAPI document tells which scope a route needs.
    allowed.scope = scope  # type: ignore[attr-defined]
    return allowed


def limit_writes(request: Request, principal: CurrentPrincipal) -> None:
    """Count what an account creates: uploads and jobs. ``dependencies=[Depends(limit_writes)]``."""
    rates = services_of(request).settings.rate_writes
    rate_limits_of(request).count_together(rates, "writes", principal.account_id)


def limit_sign_in(request: Request) -> None:
    """Count what somebody might try to guess with, per network address."""
    settings = services_of(request).settings
    who = address_token(settings, network_address(request))
    kind = f"sign-in:{site_of(request)}"
    rate_limits_of(request).count_together(settings.rate_sign_in, kind, who)


def from_our_site(request: Request) -> None:
    """Refuse what the page of another site sends: it could sign people in as somebody else.

    Raises
    ------
    Forbidden
        The browser says that another site is behind the request.
    """
    origin = request.headers.get("origin")
    foreign = origin is not None and _host_in(origin) != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("this must be sent from a page of this site, or by a program")


def _host_in(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as half of a pair of brackets
        return None


def guest_of(request: Request) -> Principal | None:
    """Return the guest that a browser has been until now, whoever else it is."""
    services, site = services_of(request), place_of(request).site
    cookie = request.cookies.get(guest_cookie(site.name))
    if not cookie:
        return None
    with looking(services.sessions) as reads:
        return _by_guest(services, site, reads, cookie)


def cookie_of(request: Request, principal: Principal) -> str | None:
    """Return the cookie that let a principal in, None for keys."""
    names = {"session": session_cookie, "guest": guest_cookie}
    name = names.get(principal.via)
    return request.cookies.get(name(principal.site_id)) if name else None


def _known(principal: Principal | None) -> Principal:
    if principal is None:
        raise Unauthenticated("sign in, or send an API key: Authorization: Bearer shk_…")
    return principal


def _by_key(services: Services, site: Site, reads: Reads, authorization: str) -> Principal:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must read: Bearer shk_…")
    found = queries.credential_of_key(reads, site.name, hash_token(token.strip()))
    if found is None or _is_over(services, found):
        raise Unauthenticated("the API key is wrong, revoked or expired: make a new one")
    return _principal(services, site, found, "key")


def _by_session(services: Services, site: Site, reads: Reads, token: str) -> Principal | None:
    found = queries.credential_of_session(reads, site.name, hash_token(token))
    if found is None or _is_over(services, found):
        return None
    return _principal(services, site, found, "session")


def _by_guest(services: Services, site: Site, reads: Reads, cookie: str) -> Principal | None:
    account_id = read_guest(services.settings, site.name, cookie)
    if account_id is None or not takes_guests(site):
        return None
    found = queries.credential_of_guest(reads, site.name, account_id)
    return None if found is None else _principal(services, site, found, "guest")


def _is_over(services: Services, found: Credential) -> bool:
    return found.expires_at is not None and found.expires_at <= services.clock()


def _principal(services: Services, site: Site, found: Credential, via: Via) -> Principal:
    if found.blocked:
        raise Forbidden("this account is blocked: write to whoever runs this service")
    kind = cast(AccountKind, found.kind)
    scopes = found.scopes
    if scopes is None:
        scopes = GUEST_SCOPES if kind == "guest" else ALL_SCOPES
    operates = cast(Reach | None, found.operates)
    if operates is None:
        scopes -= {"admin"}
    return Principal(
        site_id=site.name,
        account_id=found.account_id,
        kind=kind,
        plan=plan_for(site, found.plan_at(services.clock())),
        scopes=scopes,
        via=via,
        credential_id=found.id,
        operates=operates,
    )


def _check_our_page(request: Request, services: Services, cookie: str) -> None:
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not is_csrf_token(services.settings, cookie, given):
        raise Forbidden(
            "a request with a cookie must send the header X-CSRF-Token with the token that "
            "GET /v1/session tells",
            header="X-CSRF-Token",
        )
