"""What works by a link in a mail: confirming an address, choosing a new password."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.accounts import letters, outbox, queries
from stemhouse.domains.accounts.passwords import hash_password
from stemhouse.domains.accounts.tables import Account, MailedToken
from stemhouse.domains.accounts.tokens import hash_token, new_token
from stemhouse.errors import Conflict, LinkExpired
from stemhouse.http.sites import Place

Purpose = Literal["verify", "reset"]

LIFETIMES: Final[dict[Purpose, timedelta]] = {
    "verify": timedelta(days=1),
    "reset": timedelta(hours=1),
}


def ask_to_confirm(
    session: Session,
    place: Place,
    account: Account,
    *,
    now: datetime,
    email: str | None = None,
) -> None:
    """Mail a link that confirms an account's address, or a new one it is to have."""
    recipient = email or account.email
    assert recipient is not None, "guests have no address"
    token = _new_token(session, account, "verify", email=recipient, now=now)
    outbox.put(session, letters.confirm_address(place, recipient, token), now)


def confirm(session: Session, site_id: str, token: str, now: datetime) -> Account:
    """Confirm the address that a link was mailed to.

    Raises
    ------
    LinkExpired
        The link is unknown, used or too old.
    Conflict
        Another account has the address by now.
    """
    account, email = _use(session, site_id, "verify", token, now=now)
    if account.email != email:
        if session.scalars(queries.account_by_email(site_id, email)).first() is not None:
            raise Conflict("this e-mail address has an account by now")
        account.email = email
    account.email_verified_at = now
    session.flush()
    return account


def ask_for_password(session: Session, place: Place, email: str, *, now: datetime) -> None:
    """Mail a link that lets the owner of an address choose a password.

    Nothing tells the caller whether there is such an account.
    """
    account = session.scalars(queries.account_by_email(place.site.name, email)).one_or_none()
    if account is not None and account.blocked_at is None:
        token = _new_token(session, account, "reset", email=email, now=now)
        outbox.put(session, letters.choose_password(place, email, token), now)


def choose_password(
    session: Session, site_id: str, token: str, password: str, *, now: datetime
) -> Account:
    """Set the password of the account that a link was mailed to, and end its sessions.

    Raises
    ------
    LinkExpired
        The link is unknown, used or too old.
    """
    password_hash = hash_password(password)
    account, email = _use(session, site_id, "reset", token, now=now)
    account.password_hash = password_hash
    if account.email == email:
        claim_address(session, account, now)
    session.execute(queries.remove_sessions(site_id, account.id))
    session.flush()
    return account


def claim_address(session: Session, account: Account, now: datetime) -> None:
    """Note that who acts now owns the address.

    Whoever made the account without ever confirming it may be somebody else: what they left to
    get back in, keys and sessions, ends here.
    """
    if account.email_verified_at is None:
        session.execute(queries.revoke_keys(account.site_id, account.id, now))
        session.execute(queries.remove_sessions(account.site_id, account.id))
        account.email_verified_at = now


def _new_token(
    session: Session, account: Account, purpose: Purpose, *, email: str, now: datetime
) -> str:
    token = new_token()
    session.execute(queries.remove_mailed_tokens(account.site_id, account.id, purpose))
    session.add(
        MailedToken(
            id=new_id("tok"),
            site_id=account.site_id,
            account_id=account.id,
            purpose=purpose,
            token_hash=hash_token(token),
            email=email,
            created_at=now,
            expires_at=now + LIFETIMES[purpose],
        )
    )
    session.flush()
    return token


def _use(
    session: Session, site_id: str, purpose: Purpose, token: str, *, now: datetime
) -> tuple[Account, str]:
    wanted = queries.mailed_token(site_id, purpose, hash_token(token))
    row = session.scalars(wanted).one_or_none()
    if row is None or row.expires_at <= now:
        raise LinkExpired("this link was used already or is too old: ask for a new one")
    account = session.scalars(queries.account(site_id, row.account_id)).one()
    session.execute(queries.remove_mailed_tokens(site_id, row.account_id, purpose))
    return account, row.email
