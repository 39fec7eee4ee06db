"""The pages that search engines and everybody else may read."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from stemhouse.pages import offers, questions
from stemhouse.pages.example import example_for, parts
from stemhouse.pages.routing import add_page, page_router
from stemhouse.pages.scene import Scene, Sheet
from stemhouse.pages.wording import formats

router = page_router()


def home(scene: Scene, _request: Request) -> Sheet:
    """Return the first page."""
    site, texts = scene.site, scene.site_texts
    return Sheet(
        template="home.html",
        title="",
        description=texts.description,
        values={
            "facts": offers.facts(scene),
            "limits": offers.limits_now(scene),
            "example": example_for(site),
            "formats": formats(site.formats, scene.language),
            "offered": offers.offered(scene),
            "questions": questions.on_first_page(scene),
        },
        data=_application(scene),
        scripts=("src/app/site.ts", "src/app/studio.ts"),
        texts=("uploader", "songs", "forms"),
    )


def prices(scene: Scene, _request: Request) -> Sheet:
    """Return the page of prices."""
    return Sheet(
        template="prices.html",
        title=scene.say("prices.title"),
        description=scene.say("prices.description", title=scene.site.title),
        values={"offered": offers.offered(scene), "rows": offers.comparison(scene)},
        data=_application(scene),
    )


def help_page(scene: Scene, _request: Request) -> Sheet:
    """Return questions and answers."""
    site, groups = scene.site, questions.groups(scene)
    return Sheet(
        template="help.html",
        title=scene.say("help.title"),
        description=scene.say("help.description", title=site.title),
        values={
            "groups": groups,
            "lead": scene.say("help.lead", email=site.operator.email),
            "contact": scene.say("help.contact_text", email=site.operator.email),
        },
        data=questions.structured([one for group in groups for one in group.questions]),
    )


def developers(scene: Scene, _request: Request) -> Sheet:
    """Return the page for programmers."""
    site = scene.site
    sold = [stem for output in site.outputs for stem in output.stems]
    return Sheet(
        template="developers.html",
        title=scene.say("developers.title"),
        description=scene.say("developers.description", title=site.title),
        values={"stem": sold[0] if sold else "…"},
    )


def player(scene: Scene, _request: Request) -> Sheet:
    """Return the page on embedding the player."""
    return Sheet(
        template="player.html",
        title=scene.say("developers.player"),
        description=scene.say("developers.player_lead"),
        values={"rows": len(parts())},
        scripts=("src/app/site.ts", "src/app/player.ts"),
        texts=("player", "stems"),
    )


def _application(scene: Scene) -> dict[str, Any]:
    site = scene.site
    listed = [
        {
            "@type": "Offer",
            "name": scene.own(pack.title),
            "price": f"{cents / 100:.2f}",
            "priceCurrency": code.upper(),
        }
        for pack in site.packs.values()
        for code, cents in pack.prices.items()
    ] + [
        {
            "@type": "Offer",
            "name": scene.own(plan.title),
            "price": f"{cents / 100:.2f}",
            "priceCurrency": code.upper(),
        }
        for plan in site.plans.values()
        if plan.prices
        for code, cents in plan.prices.monthly.items()
    ]
    free = {"@type": "Offer", "name": scene.own(site.plans["free"].title), "price": "0"}
    return {
        "@context": "https://schema.org",
        "@type": "WebApplication",
        "name": site.title,
        "url": scene.absolute("/"),
        "description": scene.site_texts.description,
        "inLanguage": scene.language,
        "applicationCategory": "MultimediaApplication",
        "operatingSystem": "Any",
        "image": f"{scene.place.address}/picture-{scene.language}.png",
        "offers": [{**free, "priceCurrency": "USD"}, *listed],
        "provider": {
            "@type": "Organization",
            "name": site.operator.name,
            "email": site.operator.email,
        },
    }


add_page(router, "/", home, name="home")
add_page(router, "/prices", prices, name="prices")
add_page(router, "/help", help_page, name="help_page")
add_page(router, "/developers", developers, name="developers")
add_page(router, "/developers/player", player, name="player")
