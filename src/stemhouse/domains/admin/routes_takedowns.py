"""The addresses of takedowns, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from stemhouse.domains.admin import service_takedowns
from stemhouse.domains.admin.access import TheOperator
from stemhouse.domains.admin.routes import AtSite
from stemhouse.domains.admin.schemas import DecisionRequest, RemovalRequest, Why
from stemhouse.domains.separations.access import TheChange
from stemhouse.domains.takedowns import queries, service
from stemhouse.domains.takedowns.schemas import TakedownAnswer
from stemhouse.domains.takedowns.states import TakedownState
from stemhouse.domains.takedowns.tables import Takedown
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1/admin/takedowns", tags=["admin"])


@router.get("")
def list_takedowns(
    operator: TheOperator,
    session: RequestSession,
    page: WantedPage,
    *,
    site: AtSite = None,
    state: Annotated[TakedownState | None, Query(description="Only those that stand here.")] = None,
) -> Page[TakedownAnswer]:
    """List requests for takedowns with their history, newest first."""
    statement = queries.of_sites(operator.narrowed(site))
    if state is not None:
        statement = statement.where(Takedown.state == state)
    found, cursor = fetch_page(session, statement, Takedown.id, page)
    return Page(data=service.show(session, found), next_cursor=cursor)


@router.get("/{takedown_id}")
def show_takedown(
    takedown_id: str, operator: TheOperator, session: RequestSession
) -> TakedownAnswer:
    """Show a request with its history."""
    return service.show(session, [service_takedowns.find(session, operator, takedown_id)])[0]


@router.post("/{takedown_id}/decision")
def decide_takedown(
    takedown_id: str, asked: DecisionRequest, operator: TheOperator, change: TheChange
) -> TakedownAnswer:
    """Review, uphold or reject a request."""
    takedown = service_takedowns.decide(change, operator, takedown_id, asked)
    return service.show(change.session, [takedown])[0]


@router.post("/{takedown_id}/notes")
def remark_on_takedown(
    takedown_id: str, asked: Why, operator: TheOperator, change: TheChange
) -> TakedownAnswer:
    """Write something down about a request."""
    takedown = service_takedowns.remark(change, operator, takedown_id, asked.reason)
    return service.show(change.session, [takedown])[0]


@router.post("/{takedown_id}/removals")
def remove_for_takedown(
    takedown_id: str, asked: RemovalRequest, operator: TheOperator, change: TheChange
) -> TakedownAnswer:
    """Remove a song, of one account or of the whole site and for ever."""
    takedown = service_takedowns.remove(change, operator, takedown_id, asked)
    return service.show(change.session, [takedown])[0]
