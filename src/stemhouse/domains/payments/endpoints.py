"""Where Stripe sends a site's events: an endpoint, and of which kinds of events it is told."""

from __future__ import annotations

from collections.abc import Callable

from stemhouse.domains.payments.catalogue import Step
from stemhouse.domains.payments.gateway import StripeGateway, asking, plain, site_in
from stemhouse.domains.payments.reading import KINDS, SITE
from stemhouse.sites.schema import Site

_EVERYTHING = "*"


def make_endpoint(gateway: StripeGateway, site: Site, url: str) -> str:
    """Have Stripe send a site's events to an address; return the secret that it signs with.

    Raises
    ------
    ExternalError
        Stripe did not answer, or refused.
    """
    fields = {"url": url, "enabled_events": list(KINDS), "metadata": {SITE: site.name}}
    with asking():
        return str(gateway.api.webhook_endpoints.create(fields).secret)


def plan_endpoints(gateway: StripeGateway, site: Site, url: str) -> list[Step]:
    """Return what is left to be done for the endpoints that a site has: an older version asked for
    fewer kinds of events. Its own are those that were made for it, or that lead to its address.
    """
    with asking():
        listed = gateway.api.webhook_endpoints.list({"limit": 100})
        rows = [plain(one) for one in listed.auto_paging_iter()]
    steps = []
    for row in rows:
        mine = site_in(row) == site.name or row["url"] == url
        missing = [kind for kind in KINDS if kind not in row["enabled_events"]]
        if not mine or not missing or _EVERYTHING in row["enabled_events"]:
            continue
        # What somebody else added stays.
        wanted = [*row["enabled_events"], *missing]
        says = f"send {row['url']} these events as well: {', '.join(missing)}"
        steps.append(Step(says, _update(gateway, row["id"], wanted)))
    return steps


def _update(gateway: StripeGateway, endpoint_id: str, kinds: list[str]) -> Callable[[], object]:
    endpoints = gateway.api.webhook_endpoints
    return lambda: endpoints.update(endpoint_id, {"enabled_events": kinds})
