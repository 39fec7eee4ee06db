"""One job: what is asked most of all, by whoever waits for its end."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from stemhouse.db.session import transaction
from stemhouse.domains.accounts.direct import DirectRoute
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations import service, views
from stemhouse.domains.separations.access import Reader
from stemhouse.domains.separations.schemas import JobAnswer
from stemhouse.http.services import services_of
from stemhouse.http.session import TheReads
from stemhouse.http.sites import place_of

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=DirectRoute)


@router.get("/jobs/{job_id}", response_model=JobAnswer)
def show_job(request: Request, principal: Reader, reads: TheReads, job_id: str) -> Response:
    """Show a job."""
    job = service.look_up(reads, principal, job_id)
    root_path = place_of(request).root_path
    answer = views.show_row(job, root_path) or _whole(request, principal, job_id)
    return Response(answer.model_dump_json(), media_type="application/json")


def _whole(request: Request, principal: Principal, job_id: str) -> JobAnswer:
    with transaction(services_of(request).sessions, read_only=True) as session:
        job = service.find(session, principal, job_id)
        return views.show_job(session, job, place_of(request).root_path)
