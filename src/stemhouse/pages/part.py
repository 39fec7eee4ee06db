"""What pages add to the application."""

from __future__ import annotations

from stemhouse.http.part import Part
from stemhouse.pages import (
    assets_routes,
    discovery,
    example_stems,
    legal,
    mail_links,
    public,
    reference,
    shells,
    takedown,
)

PAGES = Part(
    name="pages",
    routers=(
        discovery.router,
        example_stems.router,
        public.router,
        legal.router,
        reference.router,
        shells.router,
        takedown.router,
        mail_links.router,
        assets_routes.router,
        assets_routes.embedding,
    ),
)
