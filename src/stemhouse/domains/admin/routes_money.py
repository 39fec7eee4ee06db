"""The addresses of money and alarms, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from stemhouse.domains.accounts.tables import Alarm
from stemhouse.domains.admin import queries, service_money
from stemhouse.domains.admin.access import TheOperator, TheTariff
from stemhouse.domains.admin.routes import AtSite
from stemhouse.domains.admin.schemas import Why
from stemhouse.domains.admin.schemas_money import AlarmAnswer, FlagAnswer, MoneyAnswer
from stemhouse.domains.billing import queries as billing
from stemhouse.domains.billing.tables import LedgerFlag
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.get("/money")
def show_money(
    operator: TheOperator, session: RequestSession, tariff: TheTariff, now: Now
) -> MoneyAnswer:
    """Show what sites earn, cost and owe: takings and margins by month, subscribers, credits."""
    return service_money.shown(session, operator, tariff, now)


@router.get(
    "/money/takings",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "A table with a head."}},
)
def export_takings(operator: TheOperator, session: RequestSession, now: Now) -> Response:
    """Export takings by month, site and currency as CSV."""
    headers = {"Content-Disposition": 'attachment; filename="takings.csv"'}
    text = service_money.as_csv(session, operator, now)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/money/costs",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "A table with a head."}},
)
def export_costs(
    operator: TheOperator, session: RequestSession, tariff: TheTariff, now: Now
) -> Response:
    """Export costs and margins by month and site as CSV."""
    headers = {"Content-Disposition": 'attachment; filename="costs.csv"'}
    text = service_money.costs_as_csv(session, operator, tariff, now)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/flags")
def list_flags(
    operator: TheOperator,
    session: RequestSession,
    page: WantedPage,
    *,
    site: AtSite = None,
    cleared: Annotated[bool | None, Query(description="Only those decided, or not yet.")] = None,
) -> Page[FlagAnswer]:
    """List credits that were to be taken back and had been spent already, newest first."""
    statement = billing.flags(operator.narrowed(site))
    if cleared is not None:
        known = LedgerFlag.cleared_at
        statement = statement.where(known.is_not(None) if cleared else known.is_(None))
    found, cursor = fetch_page(session, statement, LedgerFlag.transaction_id, page)
    return Page(data=service_money.show_flags(session, found), next_cursor=cursor)


@router.post("/flags/{flag_id}/clear")
def clear_flag(
    flag_id: str, asked: Why, operator: TheOperator, session: RequestSession, *, now: Now
) -> FlagAnswer:
    """Say that it is decided what becomes of missing credits: forgiven, or settled otherwise."""
    return service_money.clear_flag(session, operator, flag_id, asked.reason, now=now)


@router.get("/alarms")
def list_alarms(
    operator: TheOperator,
    session: RequestSession,
    page: WantedPage,
    *,
    site: AtSite = None,
    seen: Annotated[bool | None, Query(description="Only those seen, or not yet.")] = None,
) -> Page[AlarmAnswer]:
    """List what looks like abuse, newest first."""
    statement = queries.alarms(operator.narrowed(site))
    if seen is not None:
        statement = statement.where(Alarm.seen_at.is_not(None) if seen else Alarm.seen_at.is_(None))
    found, cursor = fetch_page(session, statement, Alarm.id, page)
    return Page(data=[service_money.show_alarm(one) for one in found], next_cursor=cursor)


@router.post("/alarms/{alarm_id}/seen")
def see_alarm(
    alarm_id: str, operator: TheOperator, session: RequestSession, now: Now
) -> AlarmAnswer:
    """Say that an alarm has been seen."""
    return service_money.show_alarm(service_money.see(session, operator, alarm_id, now))
