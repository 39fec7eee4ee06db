"""Pages of the working parts: the frame is ours, the elements in it are web components."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from fastapi import Request

from stemhouse.pages.routing import add_page, page_router
from stemhouse.pages.scene import Scene, Sheet

router = page_router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A page that holds one element."""

    name: str
    element: str
    texts: tuple[str, ...]
    """Sections of the texts that the element needs."""
    script: str = "src/app/studio.ts"
    narrow: bool = False
    other: str = ""
    """The shell that somebody may have meant instead."""
    shows_money: bool = False
    """Whether it shows packs and plans, and so needs their titles."""
    back: str = ""
    """The shell that one comes from."""
    screen: bool = False
    """Whether the element shows what the site calls its screen."""


_ADDRESSES = {"sign_in": "/sign-in", "sign_up": "/sign-up", "library": "/library"}
_ASKED = {"sign_in": "have_account", "sign_up": "no_account"}
_LISTENING = ("player", "songs", "stems")

SHELLS = {
    "/library": Shell(name="library", element="song-library", texts=("uploader", "songs")),
    "/account": Shell(
        name="account",
        element="account-page",
        texts=("account", "forms", "uploader", "money"),
        shows_money=True,
    ),
    "/sign-in": Shell(
        name="sign_in", element="sign-in-form", texts=("forms",), narrow=True, other="sign_up"
    ),
    "/sign-up": Shell(
        name="sign_up", element="sign-up-form", texts=("forms",), narrow=True, other="sign_in"
    ),
    "/admin": Shell(
        name="admin", element="admin-page", texts=("admin",), script="src/app/admin.ts"
    ),
    "/songs/{job_id}": Shell(
        name="song",
        element="song-page",
        texts=_LISTENING,
        script="src/app/player.ts",
        back="library",
        screen=True,
    ),
    "/shared/{link}": Shell(
        name="shared",
        element="shared-song",
        texts=_LISTENING,
        script="src/app/player.ts",
        screen=True,
    ),
}


def _sheet(scene: Scene, request: Request, shell: Shell) -> Sheet:
    title = scene.say(f"shell.{shell.name}")
    attributes = {f"data-{k.replace('_', '-')}": v for k, v in request.path_params.items()}
    if shell.screen:
        attributes["data-screen"] = scene.site.screen
    if shell.shows_money:
        attributes["data-titles"] = json.dumps(_titles(scene), ensure_ascii=False)
        attributes["data-sells"] = "yes" if scene.payments else "no"
    other = None
    if shell.other and (shell.other != "sign_up" or scene.sign_up):
        other = {
            "text": scene.say(f"shell.{_ASKED[shell.other]}"),
            "link": scene.say(f"shell.{shell.other}"),
            "path": _ADDRESSES[shell.other],
        }
    back = None
    if shell.back:
        back = {"text": scene.say(f"shell.{shell.back}"), "path": _ADDRESSES[shell.back]}
    return Sheet(
        template="shell.html",
        title=title,
        description=scene.site_texts.description,
        indexed=False,
        scripts=("src/app/site.ts", shell.script),
        texts=shell.texts,
        values={
            "heading": title,
            "element": shell.element,
            "attributes": attributes,
            "back": back,
            "narrow": shell.narrow,
            "lead": scene.say(f"shell.{shell.name}_lead") if shell.narrow else "",
            "other": other,
        },
    )


def _titles(scene: Scene) -> dict[str, str]:
    plans = {name: scene.own(plan.title) for name, plan in scene.site.plans.items()}
    return plans | {name: scene.own(pack.title) for name, pack in scene.site.packs.items()}


for _path, _shell in SHELLS.items():
    _make = partial(_sheet, shell=_shell)
    add_page(router, _path, _make, name=_shell.name)
