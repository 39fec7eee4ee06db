"""The page on which anybody reports a recording."""

from __future__ import annotations

from fastapi import Request

from stemhouse.pages.routing import add_page, page_router
from stemhouse.pages.scene import Scene, Sheet

router = page_router()


def takedown(scene: Scene, _request: Request) -> Sheet:
    """Return the page."""
    return Sheet(
        template="takedown.html",
        title=scene.say("takedown.title"),
        description=scene.say("takedown.description", title=scene.site.title),
    )


add_page(router, "/takedown", takedown, name="takedown")
