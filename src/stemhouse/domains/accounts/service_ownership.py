"""What belongs to an account: exported as one document, deleted with the account.

Each domain says what it keeps (``http.part.OwnedData``). Higher domains are asked first when
something is deleted, because they refer to lower ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stemhouse.domains.accounts import queries
from stemhouse.http.part import OwnedData, Part
from stemhouse.http.schemas import iso_utc


def owned_data(parts: Sequence[Part]) -> tuple[OwnedData, ...]:
    """Return what the parts of an application keep of accounts, lower domains first."""
    return tuple(one for part in parts for one in part.owned)


def export(
    session: Session, site_id: str, account_id: str, *, owned: Sequence[OwnedData], now: datetime
) -> dict[str, Any]:
    """Return everything that is kept of an account, without secrets."""
    parts = {one.name: list(one.export(session, site_id, account_id)) for one in owned}
    return {"exported_at": iso_utc(now), **parts}


def delete(session: Session, site_id: str, account_id: str, *, owned: Sequence[OwnedData]) -> None:
    """Delete everything that an account owns, and last the account."""
    for one in reversed(owned):
        one.delete(session, site_id, account_id)


def _export_account(session: Session, site_id: str, account_id: str) -> Iterable[dict[str, Any]]:
    account = session.scalars(queries.account(site_id, account_id)).one()
    yield {
        "id": account.id,
        "kind": account.kind,
        "email": account.email,
        "email_verified_at": _moment(account.email_verified_at),
        "plan": account.plan,
        "operates": account.operates,
        "created_at": _moment(account.created_at),
        "sessions": [
            {"created_at": _moment(one.created_at), "last_seen_at": _moment(one.last_seen_at)}
            for one in session.scalars(queries.sessions_of(site_id, account_id))
        ],
        "keys": [
            {
                "id": one.id,
                "name": one.name,
                "scopes": one.scopes,
                "created_at": _moment(one.created_at),
                "last_used_at": _moment(one.last_used_at),
                "revoked_at": _moment(one.revoked_at),
            }
            for one in session.scalars(queries.keys_of(site_id, account_id))
        ],
        "identities": [
            {"issuer": one.issuer, "subject": one.subject}
            for one in session.scalars(queries.identities_of(site_id, account_id))
        ],
    }


def _delete_account(session: Session, site_id: str, account_id: str) -> None:
    # Sessions, keys, links and stored answers go with the row.
    session.execute(queries.remove_account(site_id, account_id))


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso_utc(moment)


OWNED = OwnedData(name="account", export=_export_account, delete=_delete_account)
