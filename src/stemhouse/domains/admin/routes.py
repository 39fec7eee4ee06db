"""The addresses of operators: numbers, jobs, accounts, what was done."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from stemhouse.domains.accounts import service_ownership
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.admin import queries, service_accounts, service_jobs, service_numbers
from stemhouse.domains.admin.access import TheOperator, TheTariff
from stemhouse.domains.admin.schemas import (
    AccountForOperators,
    ActionAnswer,
    FailureList,
    JobForOperators,
    JobInDepth,
    LargeAccounts,
    Overview,
    Why,
)
from stemhouse.domains.admin.service_numbers import SiteFacts
from stemhouse.domains.admin.tables import AdminAction
from stemhouse.domains.separations.access import TheChange
from stemhouse.domains.separations.states import JobState
from stemhouse.domains.separations.tables import Job
from stemhouse.http.pagination import Page, WantedPage, fetch_page
from stemhouse.http.services import CurrentServices, Now
from stemhouse.http.session import RequestSession
from stemhouse.sites.hosts import address_of

router = APIRouter(prefix="/v1/admin", tags=["admin"])

AtSite = Annotated[str | None, Query(description="Only those of this site.", examples=["studio"])]
Words = Annotated[
    str | None,
    Query(description="Only those whose identifier, name or address it is.", max_length=200),
]


@router.get("/overview")
def show_overview(
    operator: TheOperator, session: RequestSession, services: CurrentServices
) -> Overview:
    """Show the installation at a glance: sites, queue, workers."""
    base = services.settings.address
    facts = SiteFacts(
        titles={site.name: site.title for site in services.sites.all()},
        addresses={site.name: address_of(site, base) for site in services.sites.all()},
        problems=[str(problem) for problem in services.sites.problems()],
    )
    return service_numbers.overview(session, operator, facts, services.clock())


@router.get("/failures")
def list_failures(
    operator: TheOperator,
    session: RequestSession,
    now: Now,
    hours: Annotated[int, Query(ge=1, le=24 * 90, description="How far back.")] = 24,
) -> FailureList:
    """List what went wrong lately, by code."""
    return service_numbers.failures(session, operator, now - timedelta(hours=hours))


@router.get("/storage")
def list_largest(operator: TheOperator, session: RequestSession) -> LargeAccounts:
    """List the accounts that take most room."""
    return service_numbers.largest(session, operator)


@router.get("/jobs")
def list_all_jobs(
    operator: TheOperator,
    session: RequestSession,
    page: WantedPage,
    tariff: TheTariff,
    *,
    site: AtSite = None,
    status: Annotated[JobState | None, Query(description="Only those in this state.")] = None,
    code: Annotated[
        str | None, Query(description="Only those that failed with this.", max_length=64)
    ] = None,
    q: Words = None,
) -> Page[JobForOperators]:
    """List the jobs of everybody, newest first."""
    statement = queries.jobs(operator.narrowed(site))
    if status is not None:
        statement = statement.where(Job.state == status)
    if code is not None:
        statement = statement.where(Job.error_code == code)
    if q:
        statement = queries.jobs_like(statement, q)
    found, cursor = fetch_page(session, statement, Job.id, page)
    return Page(data=service_jobs.show(session, found, tariff), next_cursor=cursor)


@router.get("/jobs/{job_id}")
def show_any_job(
    job_id: str, operator: TheOperator, session: RequestSession, tariff: TheTariff
) -> JobInDepth:
    """Show a job with everything that happened to it."""
    job = service_jobs.find(session, operator, job_id)
    return service_jobs.show_in_depth(session, job, tariff)


@router.post("/jobs/{job_id}/cancel")
def cancel_any_job(
    job_id: str, asked: Why, operator: TheOperator, change: TheChange, *, tariff: TheTariff
) -> JobInDepth:
    """Stop somebody's job; its price is given back."""
    job = service_jobs.cancel(change, operator, job_id, asked.reason)
    return service_jobs.show_in_depth(change.session, job, tariff)


@router.post("/jobs/{job_id}/retry", status_code=201)
def retry_any_job(
    job_id: str, asked: Why, operator: TheOperator, change: TheChange, *, tariff: TheTariff
) -> JobInDepth:
    """Have a failed or cancelled job separated again, as a new job that costs nothing."""
    job = service_jobs.retry(change, operator, job_id, asked.reason)
    return service_jobs.show_in_depth(change.session, job, tariff)


@router.post("/jobs/{job_id}/deletion", status_code=204)
def delete_any_job(job_id: str, asked: Why, operator: TheOperator, change: TheChange) -> None:
    """Remove somebody's ended job and its stems."""
    service_jobs.delete(change, operator, job_id, asked.reason)


@router.get("/accounts")
def list_accounts(
    operator: TheOperator,
    session: RequestSession,
    page: WantedPage,
    *,
    site: AtSite = None,
    blocked: Annotated[bool | None, Query(description="Only those kept out, or let in.")] = None,
    q: Words = None,
) -> Page[AccountForOperators]:
    """List accounts, newest first."""
    statement = queries.accounts(operator.narrowed(site))
    if blocked is not None:
        statement = statement.where(
            Account.blocked_at.is_not(None) if blocked else Account.blocked_at.is_(None)
        )
    if q:
        statement = queries.accounts_like(statement, q)
    found, cursor = fetch_page(session, statement, Account.id, page)
    return Page(data=service_accounts.show(session, found), next_cursor=cursor)


@router.get("/accounts/{account_id}")
def show_any_account(
    account_id: str, operator: TheOperator, session: RequestSession
) -> AccountForOperators:
    """Show an account."""
    found = service_accounts.find(session, operator, account_id)
    return service_accounts.show(session, [found])[0]


@router.post("/accounts/{account_id}/block")
def block_account(
    account_id: str, asked: Why, operator: TheOperator, change: TheChange
) -> AccountForOperators:
    """Keep an account out from now on; what it has running is stopped and paid back."""
    account = service_accounts.block(change, operator, account_id, asked.reason)
    return service_accounts.show(change.session, [account])[0]


@router.post("/accounts/{account_id}/unblock")
def unblock_account(
    account_id: str, asked: Why, operator: TheOperator, change: TheChange
) -> AccountForOperators:
    """Let an account in again."""
    account = service_accounts.unblock(change, operator, account_id, asked.reason)
    return service_accounts.show(change.session, [account])[0]


@router.post("/accounts/{account_id}/deletion", status_code=204)
def delete_any_account(
    request: Request, account_id: str, asked: Why, operator: TheOperator, *, change: TheChange
) -> None:
    """Delete an account with all it owns. There is no way back."""
    owned = service_ownership.owned_data(request.app.state.parts)
    service_accounts.delete(change, operator, account_id, asked.reason, owned=owned)


@router.get("/actions")
def list_actions(
    operator: TheOperator, session: RequestSession, page: WantedPage, site: AtSite = None
) -> Page[ActionAnswer]:
    """List what operators did, newest first."""
    statement = queries.actions(operator.narrowed(site))
    found, cursor = fetch_page(session, statement, AdminAction.id, page)
    shown = [
        ActionAnswer(
            id=one.id,
            site=one.site_id,
            actor_id=one.actor_id,
            kind=one.kind,
            target_id=one.target_id,
            reason=one.reason,
            data=one.data,
            at=one.at,
        )
        for one in found
    ]
    return Page(data=shown, next_cursor=cursor)
