"""Links that download a file: made by a job's owner, followed by whoever has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from stemhouse.db.session import reading
from stemhouse.domains.separations import service, service_links, views
from stemhouse.domains.separations.access import Reader, TheKept, TheStorage, Writer
from stemhouse.domains.separations.listening import prefix_of
from stemhouse.domains.separations.mixes import read_levels
from stemhouse.domains.separations.offers import download_format
from stemhouse.domains.separations.schemas_links import LinkAnswer, LinkRequest
from stemhouse.domains.separations.sending import complete_result, send_download
from stemhouse.domains.separations.service_links import DownloadLink
from stemhouse.engine.codec import parse_format
from stemhouse.engine.codec.formats import OutputFormat
from stemhouse.errors import InvalidOption, NotFound
from stemhouse.http.limits import network_address, rate_limits_of
from stemhouse.http.services import CurrentSettings, Now, services_of
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace, site_of
from stemhouse.results import Download, ResultReader, archive, mix_download, stem_download

router = APIRouter(prefix="/v1", tags=["results"])


@router.post("/jobs/{job_id}/links", status_code=201)
def link_download(
    *,
    job_id: str,
    principal: Reader,
    session: RequestSession,
    settings: CurrentSettings,
    place: ThePlace,
    now: Now,
    asked: LinkRequest | None = None,
) -> LinkAnswer:
    """Make a link that downloads a stem, a mix, or a ZIP of all, without a key or a cookie."""
    wanted = asked or LinkRequest()
    download_format(place.site, principal.plan, wanted.format)
    job = service.find(session, principal, job_id)
    stems = [stem.name for found in service.stems_of(session, [job]).values() for stem in found]
    if not stems:
        raise NotFound("this job has no stems to download", status=job.state)
    _check(wanted, stems)
    link = DownloadLink(
        account_id=principal.account_id,
        job_id=job.id,
        stem=wanted.stem,
        format=wanted.format or principal.plan.formats[0],
        expires_s=service_links.ending(now, wanted.expires_in_s),
        made_after=job.links_ended,
        mix=None if wanted.mix is None else (wanted.mix.stems or stems, wanted.mix.gain_db),
    )
    token = service_links.token_of(settings, place.site.name, link)
    return LinkAnswer(
        url=f"{place.address}/v1/downloads/{token}",
        expires_at=views.link_ends(job, link.expires_at),
    )


def _check(wanted: LinkRequest, stems: Sequence[str]) -> None:
    named = [] if wanted.stem is None else [wanted.stem]
    if wanted.mix is not None:
        if named:
            raise InvalidOption("a link leads to a stem or to a mix: leave one of them out")
        named = [level.stem for level in read_levels(wanted.mix.stems or ())]
    missing = sorted(set(named) - set(stems))
    if missing:
        told = f"this job has no stem {', '.join(missing)}; it has: {', '.join(stems)}"
        raise NotFound(told, stems=list(stems))
    if len(set(named)) < len(named):
        raise InvalidOption("a mix needs stems, each of them once")


@router.delete("/jobs/{job_id}/links", status_code=204)
def end_links(job_id: str, principal: Writer, session: RequestSession) -> None:
    """End all download links of a job: those that there are lead nowhere from now on."""
    service_links.end_links(session, principal, job_id)


@dataclass(frozen=True, slots=True)
class _Linked:
    link: DownloadLink
    prefix: str
    name: str


def _followed(token: str, request: Request, now: Now) -> _Linked:
    services = services_of(request)
    rate_limits_of(request).count(
        services.settings.rate_requests, "downloads", network_address(request)
    )
    # A read of its own: what follows may be sent for long.
    with reading(services.sessions) as session:
        link, job = service_links.follow(
            session, services.settings, site_id=site_of(request), token=token, now=now
        )
        return _Linked(link, prefix_of(session, job), job.name)


Followed = Annotated[_Linked, Depends(_followed)]


@router.get("/downloads/{token}", response_class=Response)
@router.head("/downloads/{token}", response_class=Response, include_in_schema=False)
def download_linked(
    linked: Followed, request: Request, storage: TheStorage, kept: TheKept
) -> Response:
    """Download the file that a link leads to. Ranges are supported, of ZIPs they are not."""
    reader = complete_result(storage, linked.prefix, linked.name)
    target = parse_format(linked.link.format)
    return send_download(request, kept, _file(reader, linked.link, target))


def _file(reader: ResultReader, link: DownloadLink, target: OutputFormat) -> Download:
    if link.mix is not None:
        texts, gain_db = link.mix
        return mix_download(reader, read_levels(texts), target, gain_db=gain_db)
    if link.stem is not None:
        return stem_download(reader, link.stem, target)
    return archive(reader, target)
