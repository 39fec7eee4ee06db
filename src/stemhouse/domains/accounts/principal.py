"""Who asks: the account, the site, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stemhouse.domains.accounts.plans import AccountKind, Plan
from stemhouse.errors import Forbidden

Via = Literal["key", "session", "guest"]
Reach = Literal["site", "all"]
"""What an operator operates: the site of their account, or all of the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The account behind a request; every query for its data starts from site and account."""

    site_id: str
    account_id: str
    kind: AccountKind
    plan: Plan
    scopes: frozenset[str]
    via: Via
    credential_id: str
    """The key's or the session's identifier, or the guest's account."""
    operates: Reach | None = None

    def need(self, scope: str) -> None:
        """Refuse what the key was not made for.

        Raises
        ------
        Forbidden
            The scope is missing.
        """
        if scope not in self.scopes:
            raise Forbidden(
                f"this needs the scope {scope}, which the "
                f"{'key' if self.via == 'key' else self.kind} does not have",
                scope=scope,
            )
