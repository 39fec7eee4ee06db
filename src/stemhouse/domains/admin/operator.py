"""Who operates what, and the record of what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.admin.tables import AdminAction
from stemhouse.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody who operates sites."""

    account_id: str
    sites: tuple[str, ...]
    """Names of the sites that are theirs."""

    def narrowed(self, site: str | None) -> tuple[str, ...]:
        """Return their sites, or the one that is asked for.

        Raises
        ------
        NotFound
            It is none of theirs.
        """
        if site is None:
            return self.sites
        if site not in self.sites:
            raise NotFound("there is no such site")
        return (site,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an operator does, for the record."""

    kind: str
    site_id: str
    target_id: str
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def record(session: Session, operator: Operator, deed: Deed, now: datetime) -> None:
    """Write down what an operator does, in the transaction that does it."""
    session.execute(
        insert(AdminAction).values(
            id=new_id("act"),
            site_id=deed.site_id,
            actor_id=operator.account_id,
            kind=deed.kind,
            target_id=deed.target_id,
            reason=deed.reason,
            data=dict(deed.data),
            at=now,
        )
    )
