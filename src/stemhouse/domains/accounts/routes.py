"""The addresses of accounts: signing up, in and out, passwords, export, deletion."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi.responses import JSONResponse

from stemhouse.domains.accounts import queries, service, service_mailed, service_ownership
from stemhouse.domains.accounts.access import (
    CurrentPrincipal,
    CurrentSite,
    TheSite,
    cookie_of,
    from_our_site,
    guest_of,
    limit_sign_in,
    needs,
)
from stemhouse.domains.accounts.cookies import TheCookies
from stemhouse.domains.accounts.disposable import refuse_disposable
from stemhouse.domains.accounts.pace import limit_accounts, limit_guests
from stemhouse.domains.accounts.plans import takes_guests
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.schemas import (
    Accepted,
    AccountAnswer,
    DeletionRequest,
    EmailRequest,
    NewEmailRequest,
    PasswordRequest,
    ResetRequest,
    SessionAnswer,
    SignInRequest,
    SignUpRequest,
    TokenRequest,
)
from stemhouse.domains.accounts.service import NewUser, SignedIn
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.accounts.tokens import address_token, csrf_token, sign_guest
from stemhouse.errors import Conflict, Forbidden
from stemhouse.http.limits import rate_limits_of
from stemhouse.http.services import CurrentServices, CurrentSettings, Now
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace
from stemhouse.settings import Settings

router = APIRouter(prefix="/v1", tags=["accounts"])

Reader = Annotated[Principal, Depends(needs("account:read"))]
Writer = Annotated[Principal, Depends(needs("account:write"))]
Public = [Depends(from_our_site), Depends(limit_sign_in)]
MAIL_SENT = Accepted(status="mail_sent")


@router.post(
    "/account",
    status_code=status.HTTP_201_CREATED,
    dependencies=[*Public, Depends(limit_accounts)],
    responses={202: {"model": Accepted, "description": "The address has to be confirmed first."}},
)
def sign_up(
    response: Response,
    asked: SignUpRequest,
    services: CurrentServices,
    session: RequestSession,
    *,
    place: ThePlace,
    cookies: TheCookies,
    guest: Annotated[Principal | None, Depends(guest_of)],
) -> SessionAnswer:
    """Make an account. A guest who signs up keeps their songs."""
    new = NewUser(site_id=place.site.name, email=asked.email, password=asked.password, guest=guest)
    signed_in = service.sign_up(services, session, new, place=place)
    if signed_in is None:
        return JSONResponse(MAIL_SENT.model_dump(), status.HTTP_202_ACCEPTED)  # type: ignore[return-value]
    return _welcome(response, cookies, services.settings, signed_in)


@router.post("/session", dependencies=Public)
def sign_in(
    request: Request,
    response: Response,
    *,
    asked: SignInRequest,
    services: CurrentServices,
    session: RequestSession,
    site_id: CurrentSite,
    cookies: TheCookies,
) -> SessionAnswer:
    """Sign in with an e-mail address and a password; the answer sets cookies."""
    who = address_token(services.settings, asked.email)
    rate_limits_of(request).count_together(
        services.settings.rate_sign_in, f"sign-in:{site_id}", who
    )
    signed_in = service.sign_in(services, session, site_id, (asked.email, asked.password))
    return _welcome(response, cookies, services.settings, signed_in)


@router.post("/session/guest", status_code=status.HTTP_201_CREATED, dependencies=Public)
def become_guest(
    request: Request,
    response: Response,
    *,
    settings: CurrentSettings,
    now: Now,
    session: RequestSession,
    site: TheSite,
    cookies: TheCookies,
    known: Annotated[Principal | None, Depends(guest_of)],
) -> SessionAnswer:
    """Try a song without an account; who is a guest already stays the same one."""
    if not takes_guests(site):
        raise Forbidden("trying without an account is not offered here: sign up first")
    if known is not None:
        account = service.load(session, known)
    else:
        limit_guests(request)
        account = service.become_guest(session, site.name, now)
    cookie = sign_guest(settings, site.name, account.id)
    cookies.remember_guest(response, cookie)
    return _session_answer(settings, account, cookie)


@router.get("/session")
def show_session(
    request: Request,
    principal: CurrentPrincipal,
    settings: CurrentSettings,
    session: RequestSession,
) -> SessionAnswer:
    """Show who is signed in, and the token that pages send along."""
    return _session_answer(
        settings, service.load(session, principal), cookie_of(request, principal)
    )


@router.delete("/session", status_code=status.HTTP_204_NO_CONTENT)
def sign_out(
    response: Response,
    principal: CurrentPrincipal,
    session: RequestSession,
    cookies: TheCookies,
) -> None:
    """Sign out in this browser."""
    service.sign_out(session, principal)
    cookies.forget(response)


@router.get("/account")
def show_account(principal: CurrentPrincipal, session: RequestSession) -> AccountAnswer:
    """Show the account that the key or session belongs to."""
    return service.show(session, principal)


@router.post(
    "/account/verification",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[Depends(limit_sign_in)],
)
def ask_to_confirm(
    principal: Writer, place: ThePlace, session: RequestSession, now: Now
) -> Accepted:
    """Mail the link that confirms the account's address once more."""
    account = service.load(session, principal)
    if account.email is None or account.email_verified_at is not None:
        raise Conflict("there is no address to confirm")
    service_mailed.ask_to_confirm(session, place, account, now=now)
    return MAIL_SENT


@router.post("/verification", dependencies=Public)
def confirm(
    asked: TokenRequest, session: RequestSession, now: Now, site_id: CurrentSite
) -> AccountAnswer:
    """Confirm an e-mail address with the token from the mail."""
    return service.describe(service_mailed.confirm(session, site_id, asked.token, now))


@router.put(
    "/account/email",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[Depends(limit_sign_in)],
)
def change_email(
    asked: NewEmailRequest,
    principal: Writer,
    services: CurrentServices,
    session: RequestSession,
    *,
    place: ThePlace,
) -> Accepted:
    """Ask for another address: it counts once the link that is mailed there was followed."""
    service.prove_owner(services, principal, asked.password)
    account = service.load(session, principal)
    if account.kind != "user":
        raise Forbidden("a guest has no address: sign up first")
    refuse_disposable(place.site, asked.email)
    service_mailed.ask_to_confirm(session, place, account, now=services.clock(), email=asked.email)
    return MAIL_SENT


@router.post("/password-reset", status_code=status.HTTP_202_ACCEPTED, dependencies=Public)
def ask_for_password(
    asked: EmailRequest, place: ThePlace, session: RequestSession, now: Now
) -> Accepted:
    """Mail a link that lets the owner of the address choose a new password."""
    service_mailed.ask_for_password(session, place, asked.email, now=now)
    return MAIL_SENT


@router.post("/password", dependencies=Public)
def choose_password(
    asked: ResetRequest, session: RequestSession, now: Now, site_id: CurrentSite
) -> AccountAnswer:
    """Choose a new password with the token from the mail; all sessions end."""
    account = service_mailed.choose_password(session, site_id, asked.token, asked.password, now=now)
    return service.describe(account)


@router.put(
    "/account/password",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[Depends(limit_sign_in)],
)
def change_password(
    asked: PasswordRequest, principal: Writer, services: CurrentServices, session: RequestSession
) -> None:
    """Change the password; all other sessions end."""
    passwords = (asked.current_password, asked.new_password)
    service.change_password(services, session, principal, passwords)


@router.get("/account/export")
def export(
    request: Request, principal: Reader, session: RequestSession, now: Now
) -> dict[str, Any]:
    """Return everything that is kept of the account, as one document."""
    owned = service_ownership.owned_data(request.app.state.parts)
    return service_ownership.export(
        session, principal.site_id, principal.account_id, owned=owned, now=now
    )


@router.post("/account/deletion", status_code=status.HTTP_204_NO_CONTENT)
def delete_account(
    request: Request,
    response: Response,
    *,
    asked: DeletionRequest,
    principal: CurrentPrincipal,
    services: CurrentServices,
    session: RequestSession,
    cookies: TheCookies,
) -> None:
    """Delete the account with all it owns: songs, stems, jobs, keys. There is no way back."""
    if principal.kind == "user":
        principal.need("account:write")
    service.prove_owner(services, principal, asked.password)
    session.execute(queries.lock_account(principal.site_id, principal.account_id))
    owned = service_ownership.owned_data(request.app.state.parts)
    service_ownership.delete(session, principal.site_id, principal.account_id, owned=owned)
    cookies.forget(response)


def _welcome(
    response: Response, cookies: TheCookies, settings: Settings, signed_in: SignedIn
) -> SessionAnswer:
    cookies.sign_in(response, signed_in.token)
    return _session_answer(settings, signed_in.account, signed_in.token)


def _session_answer(settings: Settings, account: Account, cookie: str | None) -> SessionAnswer:
    token = None if cookie is None else csrf_token(settings, cookie)
    return SessionAnswer(account=service.describe(account), csrf_token=token)
