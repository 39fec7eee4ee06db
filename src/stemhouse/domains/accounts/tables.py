"""Accounts and what lets people in: passwords, providers, sessions, keys, mailed links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from stemhouse.db.base import ID_LENGTH, Base, Owned

HASH_LENGTH = 64
"""Hexadecimal digits of a SHA-256."""


class Account(Base):
    """A person, or a guest who may become one. Address and password are absent for guests."""

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("site_id", "email"),
        CheckConstraint("kind IN ('user', 'guest')", name="kind"),
        CheckConstraint("kind = 'guest' OR email IS NOT NULL", name="users_have_an_address"),
        CheckConstraint("operates IN ('site', 'all')", name="operates"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    kind: Mapped[str] = mapped_column(String(8))
    email: Mapped[str | None] = mapped_column(String(320))
    """As compared: the domain and the name in lower case."""
    email_verified_at: Mapped[datetime | None]
    password_hash: Mapped[str | None] = mapped_column(String(255))
    plan: Mapped[str] = mapped_column(String(ID_LENGTH))
    plan_until: Mapped[datetime | None] = mapped_column(index=True)
    """When it is on the free plan again; None is when somebody says so."""
    created_at: Mapped[datetime]
    blocked_at: Mapped[datetime | None]
    operates: Mapped[str | None] = mapped_column(String(8))
    """Of an operator: the site it is an account of, or all sites."""


class PlanChange(Owned, Base):
    """A plan that an account was given: whoever sells plans names a cause, which acts once."""

    __tablename__ = "plan_changes"
    __table_args__ = (UniqueConstraint("account_id", "cause"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    cause: Mapped[str] = mapped_column(String(200))
    plan: Mapped[str] = mapped_column(String(ID_LENGTH))
    until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Alarm(Base):
    """Something that the operator should see; `seen_at` is when somebody did."""

    __tablename__ = "alarms"
    __table_args__ = (UniqueConstraint("site_id", "kind", "subject", "period"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    kind: Mapped[str] = mapped_column(String(ID_LENGTH))
    subject: Mapped[str] = mapped_column(String(HASH_LENGTH))
    period: Mapped[str] = mapped_column(String(16))
    data: Mapped[dict[str, Any]]
    raised_at: Mapped[datetime]
    seen_at: Mapped[datetime | None] = mapped_column(index=True)


class Identity(Owned, Base):
    """An account at an OpenID provider that signs in here."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("site_id", "issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]


class SignInSession(Owned, Base):
    """A browser that is signed in; the cookie holds the token, the row its hash."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ApiKey(Owned, Base):
    """A key for programs: shown once, stored as its hash."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    shown_start: Mapped[str] = mapped_column(String(24))
    """The first characters, by which people recognise a key."""
    token_hash: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MailedToken(Owned, Base):
    """A link that was mailed: to confirm an address or to choose a new password. Works once."""

    __tablename__ = "mailed_tokens"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)
    email: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OutgoingMail(Base):
    """A mail that is to be sent: written with the change that causes it, removed when sent."""

    __tablename__ = "outgoing_mails"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    recipient: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime] = mapped_column(index=True)
