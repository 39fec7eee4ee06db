"""Accounts as operators see and change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from sqlalchemy.orm import Session

from stemhouse.domains.accounts import service_ownership
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.admin import queries
from stemhouse.domains.admin.operator import Deed, Operator, record
from stemhouse.domains.admin.schemas import AccountForOperators, OwnerAnswer
from stemhouse.domains.separations import service as jobs
from stemhouse.domains.separations.lifecycle import Change
from stemhouse.errors import Conflict, NotFound
from stemhouse.http.part import OwnedData


def find(session: Session, operator: Operator, account_id: str) -> Account:
    """Return an account of the operator's sites.

    Raises
    ------
    NotFound
        There is none.
    """
    statement = queries.accounts(operator.sites).where(Account.id == account_id)
    account = session.scalar(statement)
    if account is None:
        raise NotFound("there is no such account")
    return account


def owners(session: Session, account_ids: Sequence[str]) -> Mapping[str, OwnerAnswer]:
    """Return who accounts are, by their identifiers."""
    found = session.scalars(queries.accounts_by_id(sorted(set(account_ids))))
    return {account.id: _owner(account) for account in found}


def show(session: Session, found: Sequence[Account]) -> list[AccountForOperators]:
    """Return accounts with what they have."""
    ids = [account.id for account in found]
    counted = {row.account_id: row.number for row in session.execute(queries.jobs_by_account(ids))}
    stored = {
        row.account_id: row.number for row in session.execute(queries.results_by_account(ids))
    }
    return [
        AccountForOperators(
            **_owner(account).model_dump(),
            site=account.site_id,
            plan=account.plan,
            operates=cast(Literal["site", "all"] | None, account.operates),
            verified=account.email_verified_at is not None,
            created_at=account.created_at,
            jobs=counted.get(account.id, 0),
            stored_bytes=stored.get(account.id, 0),
        )
        for account in found
    ]


def block(change: Change, operator: Operator, account_id: str, reason: str) -> Account:
    """Keep an account out from now on, and stop what it has running. Again changes nothing.

    Raises
    ------
    NotFound, Conflict
        There is none; it is an operator's.
    """
    account = _changeable(change.session, operator, account_id)
    if account.blocked_at is None:
        account.blocked_at = change.now
        change.session.flush()
        for job in change.session.scalars(queries.unfinished_of(account.id)).all():
            jobs.cancel_job(change, job)
        _record(change, operator, account, kind="account_blocked", reason=reason)
    return account


def unblock(change: Change, operator: Operator, account_id: str, reason: str) -> Account:
    """Let a blocked account in again."""
    account = _changeable(change.session, operator, account_id)
    if account.blocked_at is not None:
        account.blocked_at = None
        change.session.flush()
        _record(change, operator, account, kind="account_unblocked", reason=reason)
    return account


def delete(
    change: Change,
    operator: Operator,
    account_id: str,
    reason: str,
    *,
    owned: Sequence[OwnedData],
) -> None:
    """Delete an account with all it owns.

    Raises
    ------
    NotFound, Conflict
        There is none; it is an operator's.
    """
    account = _changeable(change.session, operator, account_id)
    _record(change, operator, account, kind="account_deleted", reason=reason)
    service_ownership.delete(change.session, account.site_id, account.id, owned=owned)


def _changeable(session: Session, operator: Operator, account_id: str) -> Account:
    account = find(session, operator, account_id)
    if account.operates is not None:
        raise Conflict(
            "this account operates sites: only stemhouse user on the server changes it",
            operates=account.operates,
        )
    return account


def _owner(account: Account) -> OwnerAnswer:
    return OwnerAnswer(
        id=account.id,
        kind=cast(Literal["user", "guest"], account.kind),
        email=account.email,
        blocked=account.blocked_at is not None,
    )


def _record(
    change: Change, operator: Operator, account: Account, *, kind: str, reason: str
) -> None:
    deed = Deed(kind=kind, site_id=account.site_id, target_id=account.id, reason=reason)
    record(change.session, operator, deed, change.now)
