"""What accounts do: one function per thing a person may want."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from stemhouse.domains.accounts.plans import AccountKind
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.accounts.schemas import AccountAnswer
from stemhouse.domains.accounts.tables import Account


def show(session: Session, principal: Principal) -> AccountAnswer:
    """Return the account of a principal."""
    account = session.scalars(select(Account).where(Account.id == principal.account_id)).one()
    return describe(account)


def describe(account: Account) -> AccountAnswer:
    """Return an account as its owner sees it."""
    return AccountAnswer(
        id=account.id,
        kind=cast(AccountKind, account.kind),
        email=account.email,
        email_verified=account.email_verified_at is not None,
        plan=account.plan,
        created_at=account.created_at,
    )
