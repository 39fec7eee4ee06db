"""Links that play a song's stems anywhere: made by its owner, followed by whoever has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from stemhouse.db.session import reading
from stemhouse.domains.separations import service, service_shares, views
from stemhouse.domains.separations.access import Reader, TheStorage, TheWatch, Writer
from stemhouse.domains.separations.listening import prefix_of, send_manifest, send_segment
from stemhouse.domains.separations.routes_events import LastSeen, show_news
from stemhouse.domains.separations.schemas_shares import ShareAnswer, ShareList, ShareRequest
from stemhouse.domains.separations.tables import Job, Share
from stemhouse.domains.separations.watch import Happening
from stemhouse.http.limits import network_address, rate_limits_of
from stemhouse.http.services import CurrentSettings, Now, services_of
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import Place, ThePlace, site_of
from stemhouse.results import Manifest
from stemhouse.settings import Settings

router = APIRouter(prefix="/v1", tags=["sharing"])


@router.post("/jobs/{job_id}/shares", status_code=201)
def share_job(
    *,
    job_id: str,
    principal: Writer,
    session: RequestSession,
    settings: CurrentSettings,
    place: ThePlace,
    now: Now,
    asked: ShareRequest | None = None,
) -> ShareAnswer:
    """Make a link that plays the stems without an account, also on other people's pages."""
    job = service.find(session, principal, job_id)
    expires_in_s = (asked or ShareRequest()).expires_in_s
    made = service_shares.share(session, job, now=now, expires_in_s=expires_in_s)
    return _shown(made, job, settings, place)


@router.get("/jobs/{job_id}/shares")
def list_shares(
    *,
    job_id: str,
    principal: Reader,
    session: RequestSession,
    settings: CurrentSettings,
    place: ThePlace,
) -> ShareList:
    """List a job's links."""
    job = service.find(session, principal, job_id)
    found = service_shares.shares_of(session, job)
    return ShareList(data=[_shown(one, job, settings, place) for one in found])


@router.delete("/jobs/{job_id}/shares/{share_id}", status_code=204)
def take_share_back(job_id: str, share_id: str, principal: Writer, session: RequestSession) -> None:
    """End a link: from now on it leads nowhere."""
    service_shares.take_back(session, service.find(session, principal, job_id), share_id)


@dataclass(frozen=True, slots=True)
class _Shared:
    job_id: str
    name: str
    prefix: str | None


def _shared(token: str, request: Request, now: Now) -> _Shared:
    return _followed(token, request, now, with_files=True)


def _shared_job(token: str, request: Request, now: Now) -> _Shared:
    return _followed(token, request, now, with_files=False)


def _followed(token: str, request: Request, now: Now, *, with_files: bool) -> _Shared:
    services = services_of(request)
    rate_limits_of(request).count(
        services.settings.rate_requests, "shared", network_address(request)
    )
    # A read of its own: what follows may be sent for long.
    with reading(services.sessions) as session:
        job = service_shares.shared_job(
            session, services.settings, site_id=site_of(request), token=token, now=now
        )
        return _Shared(job.id, job.name, prefix_of(session, job) if with_files else None)


Followed = Annotated[_Shared, Depends(_shared)]
FollowedJob = Annotated[_Shared, Depends(_shared_job)]


@router.get("/shared/{token}/manifest", response_model=Manifest)
def show_shared_manifest(shared: Followed, request: Request, storage: TheStorage) -> Response:
    """Show the segments of a shared job; any page may ask."""
    return send_manifest(request, storage, shared.prefix or "", shared.name)


@router.get("/shared/{token}/segments/{name:path}", response_class=Response)
@router.head(
    "/shared/{token}/segments/{name:path}", response_class=Response, include_in_schema=False
)
def read_shared_segment(
    name: str, shared: Followed, request: Request, storage: TheStorage
) -> Response:
    """Read a file that a shared job's manifest names; any page may ask."""
    return send_segment(request, storage, shared.prefix or "", name)


@router.get("/shared/{token}/events", response_class=EventSourceResponse)
async def follow_shared_job(
    shared: FollowedJob,
    watch: TheWatch,
    after: LastSeen,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a shared job, as its owner does, without what only its owner may know."""
    with watch.watching(shared.job_id) as watcher:
        async for news in watcher.news(after):
            if isinstance(news, Happening):
                # Prices and errors are the owner's.
                news = Happening(news.number, news.kind, news.state, news.at, {})
            yield show_news(shared.job_id, news)


def _shown(share: Share, job: Job, settings: Settings, place: Place) -> ShareAnswer:
    token = service_shares.token_of(settings, share)
    return ShareAnswer(
        id=share.id,
        manifest_url=f"{place.address}/v1/shared/{token}/manifest",
        created_at=share.created_at,
        expires_at=views.link_ends(job, share.expires_at),
    )
