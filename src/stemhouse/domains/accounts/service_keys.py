"""API keys: made, listed, revoked. A key is shown once; what is stored cannot be used."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.schemas import KeyAnswer, KeyRequest, NewKeyAnswer
from stemhouse.domains.accounts.tables import ApiKey
from stemhouse.domains.accounts.tokens import SHOWN_CHARACTERS, hash_token, new_key
from stemhouse.errors import Forbidden, InvalidOption, NotFound, QuotaExceeded
from stemhouse.http.pagination import Page, PageRequest, fetch_page

MAX_LIVE_KEYS: Final = 50


def create(
    session: Session, principal: Principal, asked: KeyRequest, now: datetime
) -> NewKeyAnswer:
    """Make a key; the answer is the only time that it is told.

    Raises
    ------
    Forbidden
        It would be allowed more than who asks for it.
    QuotaExceeded
        There are too many keys already.
    """
    missing = set(asked.scopes) - principal.scopes
    if missing:
        raise Forbidden(
            f"a key cannot be allowed more than who makes it: {', '.join(sorted(missing))}",
            scopes=sorted(missing),
        )
    return add(session, (principal.site_id, principal.account_id), asked, now)


def add(session: Session, owner: tuple[str, str], asked: KeyRequest, now: datetime) -> NewKeyAnswer:
    """Make a key for an account, named by its site and itself, whoever asks."""
    site_id, account_id = owner
    if asked.expires_at is not None and asked.expires_at <= now:
        raise InvalidOption("expires_at is in the past")
    live = session.scalar(queries.live_keys(site_id, account_id)) or 0
    if live >= MAX_LIVE_KEYS:
        raise QuotaExceeded(f"there are {live} keys already: revoke one", limit=MAX_LIVE_KEYS)
    secret = new_key()
    row = ApiKey(
        id=new_id("key"),
        site_id=site_id,
        account_id=account_id,
        name=asked.name,
        shown_start=secret[:SHOWN_CHARACTERS],
        token_hash=hash_token(secret),
        scopes=sorted(set(asked.scopes)),
        created_at=now,
        expires_at=asked.expires_at,
    )
    session.add(row)
    session.flush()
    return NewKeyAnswer(**KeyAnswer.model_validate(row).model_dump(), key=secret)


def list_page(session: Session, principal: Principal, page: PageRequest) -> Page[KeyAnswer]:
    """List keys, revoked ones included, so that people see what was used when."""
    wanted = queries.keys_of(principal.site_id, principal.account_id)
    rows, cursor = fetch_page(session, wanted, ApiKey.id, page)
    return Page[KeyAnswer](data=[KeyAnswer.model_validate(row) for row in rows], next_cursor=cursor)


def show(session: Session, principal: Principal, key_id: str) -> KeyAnswer:
    """Return a key of the account."""
    return KeyAnswer.model_validate(_load(session, principal, key_id))


def revoke(session: Session, principal: Principal, key_id: str, now: datetime) -> None:
    """End a key; ending it again changes nothing."""
    row = _load(session, principal, key_id)
    row.revoked_at = row.revoked_at or now


def _load(session: Session, principal: Principal, key_id: str) -> ApiKey:
    wanted = queries.key(principal.site_id, principal.account_id, key_id)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise NotFound("there is no such key")
    return row
