"""Terms and privacy: Markdown in the files of texts, filled from the site's own settings."""

from __future__ import annotations

from typing import Literal

from fastapi import Request

from stemhouse.pages.markdown import whole
from stemhouse.pages.offers import FREE, GUEST, limits, pack_kept
from stemhouse.pages.rendering import templates
from stemhouse.pages.routing import add_page, page_router
from stemhouse.pages.scene import Scene, Sheet

router = page_router()


def terms(scene: Scene, _request: Request) -> Sheet:
    """Return the terms of use."""
    return _sheet(scene, "terms")


def privacy(scene: Scene, _request: Request) -> Sheet:
    """Return what is kept about people."""
    return _sheet(scene, "privacy")


def _sheet(scene: Scene, name: Literal["terms", "privacy"]) -> Sheet:
    plans = scene.site.plans
    source = templates.from_string(scene.texts.raw(f"legal.{name}")).render(
        site=scene.site,
        operator=scene.site.operator,
        free=limits(scene, plans[FREE]),
        guest=limits(scene, plans[GUEST]) if GUEST in plans else None,
        paid=[limits(scene, plan) for plan in plans.values() if plan.prices],
        pack_kept=pack_kept(scene),
        prices=scene.link("/prices"),
        takedown=scene.link("/takedown"),
    )
    title = scene.say(f"legal.{name}_title")
    return Sheet(
        template="legal.html",
        title=title,
        description=scene.say(f"legal.{name}_description", title=scene.site.title),
        values={"heading": title, "body": whole(source)},
    )


add_page(router, "/terms", terms, name="terms")
add_page(router, "/privacy", privacy, name="privacy")
