"""The SQL of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stemhouse.domains.accounts.tables import Account, ApiKey, SignInSession


@dataclass(frozen=True, slots=True)
class Credential:
    """What looking up a key, a session or a guest tells."""

    id: str
    account_id: str
    kind: str
    plan: str
    scopes: frozenset[str] | None
    blocked: bool
    expires_at: datetime | None


def credential_of_key(session: Session, site_id: str, token_hash: str) -> Credential | None:
    """Find a key that is not revoked."""
    row = session.execute(
        select(
            ApiKey.id,
            ApiKey.scopes,
            ApiKey.expires_at,
            Account.id.label("account_id"),
            Account.kind,
            Account.plan,
            Account.blocked_at,
        )
        .join(Account, Account.id == ApiKey.account_id)
        .where(
            ApiKey.token_hash == token_hash,
            ApiKey.site_id == site_id,
            ApiKey.revoked_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    return Credential(
        row.id,
        row.account_id,
        row.kind,
        row.plan,
        frozenset(row.scopes),
        row.blocked_at is not None,
        row.expires_at,
    )


def credential_of_session(session: Session, site_id: str, token_hash: str) -> Credential | None:
    """Find a browser's session."""
    row = session.execute(
        select(
            SignInSession.id,
            SignInSession.expires_at,
            Account.id.label("account_id"),
            Account.kind,
            Account.plan,
            Account.blocked_at,
        )
        .join(Account, Account.id == SignInSession.account_id)
        .where(SignInSession.token_hash == token_hash, SignInSession.site_id == site_id)
    ).one_or_none()
    if row is None:
        return None
    return Credential(
        row.id,
        row.account_id,
        row.kind,
        row.plan,
        None,
        row.blocked_at is not None,
        row.expires_at,
    )


def credential_of_guest(session: Session, site_id: str, account_id: str) -> Credential | None:
    """Find a guest's account."""
    row = session.execute(
        select(Account.id, Account.kind, Account.plan, Account.blocked_at).where(
            Account.id == account_id, Account.site_id == site_id, Account.kind == "guest"
        )
    ).one_or_none()
    if row is None:
        return None
    return Credential(row.id, row.id, row.kind, row.plan, None, row.blocked_at is not None, None)
