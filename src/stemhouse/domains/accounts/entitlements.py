"""Which plan an account is on: written by whoever sells plans, read by everything else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.db.upsert import insert_for
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.accounts.tables import PlanChange
from stemhouse.errors import NotFound
from stemhouse.http.services import Clock


def set_plan(
    session: Session,
    owner: Owner,
    plan: str,
    *,
    until: datetime | None,
    cause: str,
    now: datetime,
) -> bool:
    """Put an account on a plan for a cause, once. The last one that is set counts.

    Parameters
    ----------
    session : Session
        The caller's transaction.
    owner : Owner
        The account.
    plan : str
        A plan of the account's site.
    until : datetime or None
        When the account is on `free` again; None is when somebody says so.
    cause : str
        What it is for: of an account each acts once.
    now : datetime
        The moment that is written down.

    Returns
    -------
    bool
        False when the cause has acted already.

    Raises
    ------
    NotFound
        There is no such account (any more).
    """
    if session.scalar(queries.lock_for_change(owner.site_id, owner.account_id)) is None:
        raise NotFound("there is no such account")
    added = session.execute(
        insert_for(session, PlanChange)
        .values(
            id=new_id("plc"),
            site_id=owner.site_id,
            account_id=owner.account_id,
            cause=cause,
            plan=plan,
            until=until,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(PlanChange.id)
    )
    if added.first() is None:
        return False
    session.execute(queries.put_on_plan(owner.site_id, owner.account_id, plan, until))
    return True


def end_plans(sessions: SessionFactory, clock: Clock) -> None:
    """Put accounts whose plan is over on the free one; they were treated so before."""
    with transaction(sessions) as session:
        session.execute(queries.end_plans(clock()))
