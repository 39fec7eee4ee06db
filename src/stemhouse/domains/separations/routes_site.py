"""The address where a site tells of itself; everybody may ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from stemhouse.domains.accounts.access import onlooker
from stemhouse.domains.accounts.plans import (
    FREE_PLAN,
    GUEST_PLAN,
    formats_of,
    qualities_of,
    takes_guests,
)
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations.access import TheDesk
from stemhouse.domains.separations.offers import Offer, offers_of
from stemhouse.domains.separations.schemas_site import (
    LimitsAnswer,
    OutputAnswer,
    PackAnswer,
    SiteAnswer,
)
from stemhouse.http.services import CurrentSettings
from stemhouse.sites.schema import Site

router = APIRouter(prefix="/v1", tags=["site"])


@router.get("/site")
def show_site(
    principal: Annotated[Principal | None, Depends(onlooker)],
    desk: TheDesk,
    settings: CurrentSettings,
) -> SiteAnswer:
    """Show what the site sells and allows; with a key or a cookie, what your own plan allows."""
    site = desk.site
    usual = GUEST_PLAN if takes_guests(site) else FREE_PLAN
    return SiteAnswer(
        name=site.name,
        title=site.title,
        languages=list(site.languages),
        screen=site.screen,
        unit=site.unit,
        charges=site.charges,
        guests=takes_guests(site),
        sign_up=settings.sign_up,
        openid=bool(settings.openid_issuer),
        outputs=[_output(offer) for offer in offers_of(site, desk.shelf)],
        plan=_limits(site, usual if principal is None else principal.plan.name),
        plans=[_limits(site, name) for name in site.plans],
        packs=[
            PackAnswer(
                name=name,
                title=pack.title,
                credits=pack.credits,
                prices=pack.prices,
                expires_days=pack.expires_days,
            )
            for name, pack in site.packs.items()
        ],
    )


def _output(offer: Offer) -> OutputAnswer:
    return OutputAnswer(
        name=offer.output.name,
        title=offer.output.title,
        model=offer.model.card.name,
        stems=list(offer.stems),
        residual=offer.output.residual,
    )


def _limits(site: Site, name: str) -> LimitsAnswer:
    plan = site.plans[name]
    return LimitsAnswer(
        name=name,
        title=plan.title,
        max_duration_s=plan.max_duration_s,
        max_upload_bytes=plan.max_upload_bytes,
        max_running_jobs=plan.max_running_jobs,
        max_files_at_once=plan.max_files_at_once,
        retention_s=plan.retention_s,
        max_songs=plan.max_songs,
        credits_at_sign_up=plan.credits_at_sign_up,
        credits_per_month=plan.credits_per_month,
        formats=formats_of(site, plan),
        qualities=qualities_of(site, plan),
        monthly={} if plan.prices is None else plan.prices.monthly,
        yearly={} if plan.prices is None else plan.prices.yearly,
    )
