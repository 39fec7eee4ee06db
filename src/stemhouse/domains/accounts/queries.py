"""The SQL of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Delete, Select, Update, bindparam, delete, func, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from stemhouse.db.session import Reads
from stemhouse.domains.accounts.plans import FREE_PLAN
from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.accounts.tables import (
    Account,
    Alarm,
    ApiKey,
    Identity,
    MailedToken,
    OutgoingMail,
    SignInSession,
)
from stemhouse.http.tables import IdempotentAnswer, RateWindow


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
    plan_until: datetime | None
    operates: str | None

    def plan_at(self, now: datetime) -> str:
        """Return the plan at a moment: `free` again when the time of another one is over."""
        return FREE_PLAN if self.plan_until is not None and self.plan_until <= now else self.plan


# Every request looks one of these up. Written once: putting a statement together costs as much as
# running it.
_KEY = (
    select(
        ApiKey.id,
        ApiKey.scopes,
        ApiKey.expires_at,
        Account.id.label("account_id"),
        Account.kind,
        Account.plan,
        Account.plan_until,
        Account.blocked_at,
        Account.operates,
    )
    .join(Account, Account.id == ApiKey.account_id)
    .where(
        ApiKey.token_hash == bindparam("token_hash"),
        ApiKey.site_id == bindparam("site_id"),
        ApiKey.revoked_at.is_(None),
    )
)
_SESSION = (
    select(
        SignInSession.id,
        SignInSession.expires_at,
        Account.id.label("account_id"),
        Account.kind,
        Account.plan,
        Account.plan_until,
        Account.blocked_at,
        Account.operates,
    )
    .join(Account, Account.id == SignInSession.account_id)
    .where(
        SignInSession.token_hash == bindparam("token_hash"),
        SignInSession.site_id == bindparam("site_id"),
    )
)


_GUEST = select(
    Account.id, Account.kind, Account.plan, Account.plan_until, Account.blocked_at
).where(
    Account.id == bindparam("account_id"),
    Account.site_id == bindparam("site_id"),
    Account.kind == "guest",
)


def credential_of_key(reads: Reads, site_id: str, token_hash: str) -> Credential | None:
    """Find a key that is not revoked."""
    row = reads.row(_KEY, {"token_hash": token_hash, "site_id": site_id})
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
        row.plan_until,
        row.operates,
    )


def credential_of_session(reads: Reads, site_id: str, token_hash: str) -> Credential | None:
    """Find a browser's session."""
    row = reads.row(_SESSION, {"token_hash": token_hash, "site_id": site_id})
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
        row.plan_until,
        row.operates,
    )


def credential_of_guest(reads: Reads, site_id: str, account_id: str) -> Credential | None:
    """Find a guest's account."""
    row = reads.row(_GUEST, {"account_id": account_id, "site_id": site_id})
    if row is None:
        return None
    return Credential(
        row.id,
        row.id,
        row.kind,
        row.plan,
        None,
        row.blocked_at is not None,
        None,
        row.plan_until,
        None,
    )


# --- accounts -------------------------------------------------------------------------------------


def account(site_id: str, account_id: str) -> Select[Account]:
    return select(Account).where(Account.id == account_id, Account.site_id == site_id)


def account_by_email(site_id: str, email: str) -> Select[Account]:
    return select(Account).where(Account.site_id == site_id, Account.email == email)


def accounts(site_id: str) -> Select[Account]:
    return select(Account).where(Account.site_id == site_id, Account.kind == "user")


def stale_guests(before: datetime, limit: int) -> Select[Account]:
    return (
        select(Account)
        .where(Account.kind == "guest", Account.created_at < before)
        .order_by(Account.created_at)
        .limit(limit)
    )


def lock_account(site_id: str, account_id: str) -> Select[str]:
    return (
        select(Account.id)
        .where(Account.id == account_id, Account.site_id == site_id)
        .with_for_update()
    )


def remove_account(site_id: str, account_id: str) -> Delete:
    return delete(Account).where(Account.id == account_id, Account.site_id == site_id)


def lock_for_change(site_id: str, account_id: str) -> Select[str]:
    """Lock an account as jobs and credits lock it, so that none of them wait for each other."""
    return (
        select(Account.id)
        .where(Account.site_id == site_id, Account.id == account_id)
        .with_for_update(key_share=True)
    )


def put_on_plan(site_id: str, account_id: str, plan: str, until: datetime | None) -> Update:
    return (
        update(Account)
        .where(Account.site_id == site_id, Account.id == account_id)
        .values(plan=plan, plan_until=until)
    )


def end_plans(now: datetime) -> Update:
    return update(Account).where(Account.plan_until <= now).values(plan=FREE_PLAN, plan_until=None)


def unseen_alarms() -> Select[str, str, int]:
    """Count the alarms that nobody has looked at."""
    return (
        select(Alarm.site_id, Alarm.kind, func.count())
        .where(Alarm.seen_at.is_(None))
        .group_by(Alarm.site_id, Alarm.kind)
    )


# --- sessions, keys, providers --------------------------------------------------------------------


def sessions_of(site_id: str, account_id: str) -> Select[SignInSession]:
    return owned_by(select(SignInSession), site_id, account_id)


def remove_sessions(site_id: str, account_id: str, *, but: str | None = None) -> Delete:
    statement = owned_by(delete(SignInSession), site_id, account_id)
    return statement if but is None else statement.where(SignInSession.id != but)


def remove_session(site_id: str, account_id: str, session_id: str) -> Delete:
    return owned_by(delete(SignInSession), site_id, account_id).where(
        SignInSession.id == session_id
    )


def keys_of(site_id: str, account_id: str) -> Select[ApiKey]:
    return owned_by(select(ApiKey), site_id, account_id)


def key(site_id: str, account_id: str, key_id: str) -> Select[ApiKey]:
    return keys_of(site_id, account_id).where(ApiKey.id == key_id)


def any_key(key_id: str) -> Select[ApiKey]:
    """Find a key of whomever: for the operator."""
    return select(ApiKey).where(ApiKey.id == key_id)


def live_keys(site_id: str, account_id: str) -> Select[int]:
    return select(func.count()).select_from(
        keys_of(site_id, account_id).where(ApiKey.revoked_at.is_(None)).subquery()
    )


def revoke_keys(site_id: str, account_id: str, now: datetime) -> Update:
    return (
        owned_by(update(ApiKey), site_id, account_id)
        .where(ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def note_key_use(key_id: str, now: datetime) -> Update:
    return update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now)


def note_session_use(session_id: str, now: datetime, expires_at: datetime) -> Update:
    return (
        update(SignInSession)
        .where(SignInSession.id == session_id)
        .values(last_seen_at=now, expires_at=expires_at)
    )


def identity(site_id: str, issuer: str, subject: str) -> Select[Identity]:
    return select(Identity).where(
        Identity.site_id == site_id, Identity.issuer == issuer, Identity.subject == subject
    )


def identities_of(site_id: str, account_id: str) -> Select[Identity]:
    return owned_by(select(Identity), site_id, account_id)


# --- mailed links and mails -----------------------------------------------------------------------


def mailed_token(site_id: str, purpose: str, token_hash: str) -> Select[MailedToken]:
    return select(MailedToken).where(
        MailedToken.site_id == site_id,
        MailedToken.purpose == purpose,
        MailedToken.token_hash == token_hash,
    )


def remove_mailed_tokens(site_id: str, account_id: str, purpose: str) -> Delete:
    return owned_by(delete(MailedToken), site_id, account_id).where(MailedToken.purpose == purpose)


def due_mails(now: datetime) -> Select[str]:
    return (
        select(OutgoingMail.id)
        .where(OutgoingMail.next_attempt_at <= now)
        .order_by(OutgoingMail.next_attempt_at)
        .limit(100)
    )


def claim_mail(
    mail_id: str, now: datetime, *, until: datetime
) -> ReturningUpdate[str, str, str, int]:
    return (
        update(OutgoingMail)
        .where(OutgoingMail.id == mail_id, OutgoingMail.next_attempt_at <= now)
        .values(next_attempt_at=until, attempts=OutgoingMail.attempts + 1)
        .returning(
            OutgoingMail.recipient, OutgoingMail.subject, OutgoingMail.body, OutgoingMail.attempts
        )
    )


def put_mail_off(mail_id: str, until: datetime) -> Update:
    return update(OutgoingMail).where(OutgoingMail.id == mail_id).values(next_attempt_at=until)


def remove_mail(mail_id: str) -> Delete:
    return delete(OutgoingMail).where(OutgoingMail.id == mail_id)


# --- what time removes ----------------------------------------------------------------------------


def expired(now: datetime, answers_before: datetime) -> tuple[Delete, ...]:
    return (
        delete(SignInSession).where(SignInSession.expires_at <= now),
        delete(MailedToken).where(MailedToken.expires_at <= now),
        delete(RateWindow).where(RateWindow.expires_at <= now),
        delete(IdempotentAnswer).where(IdempotentAnswer.created_at <= answers_before),
    )
