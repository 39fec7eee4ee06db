"""Whose account it is that an OpenID provider vouches for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.accounts import queries, service_mailed
from stemhouse.domains.accounts.openid import Claims
from stemhouse.domains.accounts.plans import FREE_PLAN
from stemhouse.domains.accounts.service import SignedIn, begin_session
from stemhouse.domains.accounts.tables import Account, Identity
from stemhouse.errors import Conflict, Forbidden
from stemhouse.settings import Settings


def sign_in(
    session: Session, settings: Settings, site_id: str, claims: Claims, *, now: datetime
) -> SignedIn:
    """Sign in whom the provider vouches for; the first time, find or make the account.

    Raises
    ------
    Forbidden
        The account is blocked, signing up is closed, or the provider tells no address.
    Conflict
        The address has an account, and the provider has not confirmed the address.
    """
    wanted = queries.identity(site_id, claims.issuer, claims.subject)
    identity = session.scalars(wanted).one_or_none()
    if identity is not None:
        account = session.scalars(queries.account(site_id, identity.account_id)).one()
    else:
        account = _adopt(session, settings, site_id, claims, now=now)
    if account.blocked_at is not None:
        raise Forbidden(
            "this account is blocked: write to whoever runs this service", reason="blocked"
        )
    return begin_session(session, settings, account, now)


def is_known(session: Session, site_id: str, claims: Claims) -> bool:
    """Whether somebody has an account already, by the provider's word or by their address."""
    wanted = queries.identity(site_id, claims.issuer, claims.subject)
    if session.scalars(wanted).first() is not None:
        return True
    if claims.email is None:
        return False
    return session.scalars(queries.account_by_email(site_id, claims.email)).first() is not None


def _adopt(
    session: Session, settings: Settings, site_id: str, claims: Claims, *, now: datetime
) -> Account:
    if claims.email is None:
        raise Forbidden(
            "the provider does not tell your e-mail address, which is needed", reason="no_address"
        )
    found = session.scalars(queries.account_by_email(site_id, claims.email)).one_or_none()
    if found is not None and not claims.email_verified:
        raise Conflict("this e-mail address has an account: sign in with its password")
    account = found or _new_account(session, settings, site_id, claims, now=now)
    if found is not None and found.email_verified_at is None:
        found.password_hash = None  # whoever chose it never owned the address
        service_mailed.claim_address(session, found, now)
    session.add(
        Identity(
            id=new_id("idn"),
            site_id=site_id,
            account_id=account.id,
            issuer=claims.issuer,
            subject=claims.subject,
            created_at=now,
        )
    )
    return account


def _new_account(
    session: Session, settings: Settings, site_id: str, claims: Claims, *, now: datetime
) -> Account:
    if settings.sign_up == "closed":
        raise Forbidden(
            "signing up is closed here: ask whoever runs this service for an account",
            reason="closed",
        )
    account = Account(
        id=new_id("acct"),
        site_id=site_id,
        kind="user",
        email=claims.email,
        email_verified_at=now if claims.email_verified else None,
        plan=FREE_PLAN,
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account
