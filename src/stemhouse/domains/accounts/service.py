"""What accounts do: sign up, sign in, sign out, show, change the password.

Passwords are hashed and compared before the request's transaction begins, because that is slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import reading
from stemhouse.domains.accounts import letters, outbox, queries, service_mailed
from stemhouse.domains.accounts.disposable import refuse_disposable
from stemhouse.domains.accounts.passwords import hash_password, is_password
from stemhouse.domains.accounts.plans import FREE_PLAN, GUEST_PLAN, AccountKind
from stemhouse.domains.accounts.principal import Principal, Reach
from stemhouse.domains.accounts.schemas import AccountAnswer
from stemhouse.domains.accounts.tables import Account, SignInSession
from stemhouse.domains.accounts.tokens import hash_token, new_token
from stemhouse.errors import Conflict, Forbidden, NotFound, Unauthenticated
from stemhouse.http.services import Services
from stemhouse.http.sites import Place
from stemhouse.settings import Settings


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An account and the token of its new session, which only the cookie holds from now on."""

    account: Account
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """Somebody who signs up; a guest who does keeps their songs."""

    site_id: str
    email: str
    password: str
    guest: Principal | None = None


def sign_up(services: Services, session: Session, new: NewUser, *, place: Place) -> SignedIn | None:
    """Make an account and sign it in; None where its address has to be confirmed first.

    Raises
    ------
    Forbidden
        Signing up is closed here.
    MailRefused
        It is a throw-away address.
    Conflict
        The address has an account. Where addresses are confirmed first, its owner is told by mail
        instead, and nobody else learns of it.
    """
    settings, now = services.settings, services.clock()
    if settings.sign_up == "closed":
        raise Forbidden("signing up is closed here: ask whoever runs this service for an account")
    refuse_disposable(place.site, new.email)
    password_hash = hash_password(new.password)
    found = session.scalars(queries.account_by_email(new.site_id, new.email)).one_or_none()
    if found is not None:
        if settings.sign_up == "open":
            raise _address_taken()
        outbox.put(session, letters.already_here(place, new.email), now)
        return None
    account = _guest_of(session, new) or Account(
        id=new_id("acct"), site_id=new.site_id, plan=FREE_PLAN, created_at=now
    )
    account.kind, account.email, account.password_hash = "user", new.email, password_hash
    session.add(account)
    try:
        session.flush()
    except IntegrityError:  # somebody signed up with the same address at the same moment
        raise _address_taken() from None
    service_mailed.ask_to_confirm(session, place, account, now=now)
    return None if settings.sign_up == "verify" else begin_session(session, settings, account, now)


def create_user(session: Session, new: NewUser, now: datetime) -> Account:
    """Make an account whose address needs no confirmation, for the operator.

    Raises
    ------
    Conflict
        The address has an account.
    """
    password_hash = hash_password(new.password)
    if session.scalars(queries.account_by_email(new.site_id, new.email)).first() is not None:
        raise _address_taken()
    account = Account(
        id=new_id("acct"),
        site_id=new.site_id,
        kind="user",
        email=new.email,
        email_verified_at=now,
        password_hash=password_hash,
        plan=FREE_PLAN,
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def operate(session: Session, site_id: str, email: str, reach: Reach | None) -> Account:
    """Make an account an operator's, or take that away: what `stemhouse user` alone can do.

    Raises
    ------
    NotFound
        The site has no account of this address.
    """
    account = session.scalars(queries.account_by_email(site_id, email)).first()
    if account is None:
        raise NotFound(f"the site {site_id} has no account of {email}")
    account.operates = reach
    session.flush()
    return account


def sign_in(
    services: Services, session: Session, site_id: str, credentials: tuple[str, str]
) -> SignedIn:
    """Sign in with an e-mail address and a password.

    Raises
    ------
    Unauthenticated
        One of them is wrong; which one is not said.
    Forbidden
        The account is blocked, or its address has to be confirmed first.
    """
    email, password = credentials
    with reading(services.sessions) as lookup:
        account = lookup.scalars(queries.account_by_email(site_id, email)).one_or_none()
    if not is_password(password, account.password_hash if account else None) or account is None:
        raise Unauthenticated("the e-mail address or the password is wrong")
    if account.blocked_at is not None:
        raise Forbidden("this account is blocked: write to whoever runs this service")
    if services.settings.sign_up == "verify" and account.email_verified_at is None:
        raise Forbidden("confirm your e-mail address first: the link is in the mail we sent you")
    return begin_session(session, services.settings, account, services.clock())


def begin_session(
    session: Session, settings: Settings, account: Account, now: datetime
) -> SignedIn:
    """Sign an account in: every time with a new token."""
    token = new_token()
    session.add(
        SignInSession(
            id=new_id("ses"),
            site_id=account.site_id,
            account_id=account.id,
            token_hash=hash_token(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(seconds=settings.session_ttl_s),
        )
    )
    session.flush()
    return SignedIn(account, token)


def become_guest(session: Session, site_id: str, now: datetime) -> Account:
    """Make an account for somebody who wants to try a song first."""
    account = Account(
        id=new_id("acct"), site_id=site_id, kind="guest", plan=GUEST_PLAN, created_at=now
    )
    session.add(account)
    session.flush()
    return account


def sign_out(session: Session, principal: Principal) -> None:
    """End the session that the request came with."""
    if principal.via == "session":
        session.execute(
            queries.remove_session(principal.site_id, principal.account_id, principal.credential_id)
        )


def change_password(
    services: Services, session: Session, principal: Principal, passwords: tuple[str | None, str]
) -> None:
    """Change the password and end all other sessions.

    Raises
    ------
    Unauthenticated
        The present password is wrong.
    """
    present, new = passwords
    prove_owner(services, principal, present)
    password_hash = hash_password(new)
    account = load(session, principal)
    if account.kind != "user":
        raise Forbidden("a guest has no password: sign up first")
    account.password_hash = password_hash
    session.execute(
        queries.remove_sessions(
            principal.site_id, principal.account_id, but=principal.credential_id
        )
    )


def prove_owner(services: Services, principal: Principal, password: str | None) -> None:
    """Ask for the password again, before something that cannot be undone.

    Raises
    ------
    Unauthenticated
        It is wrong. Guests, and people who sign in elsewhere, have none to give.
    """
    with reading(services.sessions) as lookup:
        account = load(lookup, principal)
    if account.password_hash is not None and not is_password(password or "", account.password_hash):
        raise Unauthenticated("the password is wrong")


def show(session: Session, principal: Principal) -> AccountAnswer:
    """Return the account of a principal, on the plan that counts at this moment."""
    plan = {"plan": principal.plan.name}
    return describe(load(session, principal)).model_copy(update=plan)


def load(session: Session, principal: Principal) -> Account:
    """Return the row of a principal's account.

    Raises
    ------
    Unauthenticated
        It was deleted a moment ago.
    """
    wanted = queries.account(principal.site_id, principal.account_id)
    account = session.scalars(wanted).one_or_none()
    if account is None:
        raise Unauthenticated("this account has been deleted")
    return account


def describe(account: Account) -> AccountAnswer:
    """Return an account as its owner sees it."""
    return AccountAnswer(
        id=account.id,
        kind=cast(AccountKind, account.kind),
        email=account.email,
        email_verified=account.email_verified_at is not None,
        plan=account.plan,
        operates=cast(Reach | None, account.operates),
        created_at=account.created_at,
    )


def _guest_of(session: Session, new: NewUser) -> Account | None:
    if new.guest is None or new.guest.kind != "guest":
        return None
    account = load(session, new.guest)
    account.plan = FREE_PLAN
    return account


def _address_taken() -> Conflict:
    return Conflict("this e-mail address has an account: sign in, or ask for a new password")
