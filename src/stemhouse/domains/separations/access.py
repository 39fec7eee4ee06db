"""What the routes of jobs take from the application."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from stemhouse.domains.accounts.access import needs
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations.lifecycle import Change, tell_nobody
from stemhouse.domains.separations.purse import FreePurse
from stemhouse.domains.separations.service import Desk
from stemhouse.domains.separations.watch import JobWatch
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace
from stemhouse.results import KeptDownloads
from stemhouse.storage import Storage


async def _desk(request: Request, place: ThePlace) -> Desk:
    site = place.site
    sells = site.charges and (site.packs or any(plan.prices for plan in site.plans.values()))
    return Desk(
        shelf=request.app.state.shelf,
        site=site,
        buy_url=f"{place.root_path}/prices" if sells else None,
    )


async def _watch(request: Request) -> JobWatch:
    watch: JobWatch = request.app.state.job_watch
    return watch


async def _storage(request: Request) -> Storage:
    storage: Storage = request.app.state.storage
    return storage


async def _kept(request: Request) -> KeptDownloads:
    kept: KeptDownloads = request.app.state.kept_downloads
    return kept


async def _change(request: Request, session: RequestSession, now: Now) -> Change:
    state = request.app.state
    return Change(
        session,
        state.job_queue,
        # Domains above this one may put theirs there when the application starts.
        getattr(state, "purse", None) or FreePurse(),
        now,
        getattr(state, "announce", None) or tell_nobody,
    )


Reader = Annotated[Principal, Depends(needs("jobs:read"))]
Writer = Annotated[Principal, Depends(needs("jobs:write"))]
TheDesk = Annotated[Desk, Depends(_desk)]
TheWatch = Annotated[JobWatch, Depends(_watch)]
TheStorage = Annotated[Storage, Depends(_storage)]
TheKept = Annotated[KeptDownloads, Depends(_kept)]
TheChange = Annotated[Change, Depends(_change)]
