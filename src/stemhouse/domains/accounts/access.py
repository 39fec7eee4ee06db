"""Who sent a request: a key, a signed-in browser or a guest; and what it takes to be let in.

The look-up is one read of its own, outside the request's transaction, so that a route that streams
for an hour holds no connection, and a reading request writes nothing: when a key was last used is
noted in memory and written from time to time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from stemhouse.db.session import reading
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.cookies import CSRF_HEADER, guest_cookie, session_cookie
from stemhouse.domains.accounts.plans import DEFAULT_SITE, AccountKind, plan_for
from stemhouse.domains.accounts.principal import Principal, Via
from stemhouse.domains.accounts.queries import Credential
from stemhouse.domains.accounts.scopes import ALL_SCOPES, GUEST_SCOPES, Scope
from stemhouse.domains.accounts.tokens import hash_token, is_csrf_token, read_guest
from stemhouse.errors import Forbidden, Unauthenticated
from stemhouse.http.services import Services, services_of
from stemhouse.http.session import SAFE_METHODS

_bearer = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer shk_…`")
_cookie = APIKeyCookie(
    name=session_cookie(DEFAULT_SITE),
    auto_error=False,
    description="A browser that is signed in; requests that change something also send "
    "`X-CSRF-Token`.",
)


def site_of(_request: Request) -> str:
    """Return the site that a request is for."""
    return DEFAULT_SITE


CurrentSite = Annotated[str, Depends(site_of)]


def authenticate(request: Request) -> Principal | None:
    """Find out who sent a request; None where it carries nothing that says so.

    Raises
    ------
    Unauthenticated
        It carries a key that is wrong, revoked or expired.
    Forbidden
        The account is blocked, or the request changes something and no page of ours sent it.
    """
    services, site_id = services_of(request), site_of(request)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _by_key(services, site_id, authorization)
    token = request.cookies.get(session_cookie(site_id))
    if token:
        principal = _by_session(services, site_id, token)
        if principal is not None:
            return _from_our_page(request, services, token, principal)
    guest = request.cookies.get(guest_cookie(site_id))
    if guest:
        principal = _by_guest(services, site_id, guest)
        if principal is not None:
            return _from_our_page(request, services, guest, principal)
    return None


def current_principal(
    request: Request,
    _key: Annotated[object, Depends(_bearer)],
    _session: Annotated[object, Depends(_cookie)],
) -> Principal:
    """Return who sent a request, or refuse it."""
    principal = authenticate(request)
    if principal is None:
        raise Unauthenticated("sign in, or send an API key: Authorization: Bearer shk_…")
    request.state.principal = principal
    return principal


def needs(scope: Scope) -> Callable[[Principal], Principal]:
    """Return a dependency that lets in who has a scope.

    ``principal: Annotated[Principal, Depends(needs("jobs:read"))]``
    """

    def allowed(principal: CurrentPrincipal) -> Principal:
        principal.need(scope)
        return principal

    return allowed


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def _by_key(services: Services, site_id: str, authorization: str) -> Principal:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must read: Bearer shk_…")
    with reading(services.sessions) as session:
        found = queries.credential_of_key(session, site_id, hash_token(token.strip()))
    if found is None or _is_over(services, found):
        raise Unauthenticated("the API key is wrong, revoked or expired: make a new one")
    return _principal(services, site_id, found, "key")


def _by_session(services: Services, site_id: str, token: str) -> Principal | None:
    with reading(services.sessions) as session:
        found = queries.credential_of_session(session, site_id, hash_token(token))
    if found is None or _is_over(services, found):
        return None
    return _principal(services, site_id, found, "session")


def _by_guest(services: Services, site_id: str, cookie: str) -> Principal | None:
    account_id = read_guest(services.settings, site_id, cookie)
    if account_id is None:
        return None
    with reading(services.sessions) as session:
        found = queries.credential_of_guest(session, site_id, account_id)
    return None if found is None else _principal(services, site_id, found, "guest")


def _is_over(services: Services, found: Credential) -> bool:
    return found.expires_at is not None and found.expires_at <= services.clock()


def _principal(services: Services, site_id: str, found: Credential, via: Via) -> Principal:
    if found.blocked:
        raise Forbidden("this account is blocked: write to whoever runs this service")
    kind = cast(AccountKind, found.kind)
    scopes = found.scopes if found.scopes is not None else None
    if scopes is None:
        scopes = GUEST_SCOPES if kind == "guest" else ALL_SCOPES
    return Principal(
        site_id=site_id,
        account_id=found.account_id,
        kind=kind,
        plan=plan_for(kind, found.plan, services.settings),
        scopes=scopes,
        via=via,
        credential_id=found.id,
    )


def _from_our_page(
    request: Request, services: Services, cookie: str, principal: Principal
) -> Principal:
    if request.method in SAFE_METHODS:
        return principal
    given = request.headers.get(CSRF_HEADER, "")
    if not is_csrf_token(services.settings, cookie, given):
        raise Forbidden(
            "a request with a cookie must send the header X-CSRF-Token with the token that "
            "GET /v1/session tells",
            header="X-CSRF-Token",
        )
    return principal
