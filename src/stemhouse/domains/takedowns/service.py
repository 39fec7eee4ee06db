"""What happens to requests for takedowns: each step is written down in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import insert
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.domains.takedowns import queries
from stemhouse.domains.takedowns.schemas import (
    TakedownAnswer,
    TakedownEventAnswer,
    TakedownReceived,
    TakedownRequest,
)
from stemhouse.domains.takedowns.states import (
    CLOSED,
    TakedownKind,
    TakedownRole,
    TakedownState,
    may_become,
)
from stemhouse.domains.takedowns.tables import Takedown, TakedownEvent
from stemhouse.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What somebody did about a request."""

    kind: TakedownKind
    actor_id: str | None = None
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def receive(session: Session, site_id: str, asked: TakedownRequest, *, now: datetime) -> Takedown:
    """Take a request."""
    takedown = Takedown(
        id=new_id("tkd"),
        site_id=site_id,
        state="received",
        name=asked.name,
        email=asked.email,
        role=asked.role,
        work=asked.work,
        place=asked.place,
        statement=asked.statement,
        created_at=now,
        last_event=0,
    )
    session.add(takedown)
    session.flush()
    write_down(session, takedown, Step(kind="received"), now)
    return takedown


def find(session: Session, site_ids: Sequence[str], takedown_id: str) -> Takedown:
    """Return a request of one of these sites.

    Raises
    ------
    NotFound
        There is none.
    """
    statement = queries.of_sites(site_ids).where(Takedown.id == takedown_id)
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound("there is no such request")
    return found


def decide(session: Session, takedown: Takedown, step: Step, now: datetime) -> None:
    """Move a request on: reviewing, upheld or rejected; upheld and rejected may be reopened.

    Raises
    ------
    Conflict
        It may not go there from where it is.
    """
    if not may_become(takedown.state, step.kind):
        raise Conflict(
            f"the request is {takedown.state} and cannot become {step.kind}", state=takedown.state
        )
    takedown.state = step.kind
    takedown.closed_at = now if step.kind in CLOSED else None
    session.flush()
    write_down(session, takedown, step, now)


def write_down(session: Session, takedown: Takedown, step: Step, now: datetime) -> None:
    """Add a step to a request's history."""
    number: int = session.execute(queries.count_event(takedown.id)).scalar_one()
    session.execute(
        insert(TakedownEvent).values(
            takedown_id=takedown.id,
            number=number,
            kind=step.kind,
            actor_id=step.actor_id,
            note=step.note,
            data=dict(step.data),
            at=now,
        )
    )
    session.refresh(takedown)


def show_received(takedown: Takedown) -> TakedownReceived:
    """Return what a sender is told."""
    return TakedownReceived.model_validate(takedown)


def show(session: Session, takedowns: Sequence[Takedown]) -> list[TakedownAnswer]:
    """Return requests with their history, for operators."""
    events: dict[str, list[TakedownEventAnswer]] = {one.id: [] for one in takedowns}
    for event in session.scalars(queries.events_of(list(events))):
        events[event.takedown_id].append(TakedownEventAnswer.model_validate(event))
    return [
        TakedownAnswer(
            id=one.id,
            site=one.site_id,
            state=cast(TakedownState, one.state),
            name=one.name,
            email=one.email,
            role=cast(TakedownRole, one.role),
            work=one.work,
            place=one.place,
            statement=one.statement,
            created_at=one.created_at,
            closed_at=one.closed_at,
            events=events[one.id],
        )
        for one in takedowns
    ]
