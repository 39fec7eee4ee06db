"""The pages that links in mails lead to; they work without JavaScript.

Opening one changes nothing, because mail scanners open links: only the button does.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Request
from fastapi.responses import Response

from stemhouse.domains.accounts import service_mailed
from stemhouse.domains.accounts.access import from_our_site, limit_sign_in
from stemhouse.domains.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from stemhouse.errors import Conflict, LinkExpired
from stemhouse.http.schemas import Storable
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.pages.rendering import answer
from stemhouse.pages.routing import add_form, add_page, page_router
from stemhouse.pages.scene import Scene, Sheet, TheScene
from stemhouse.pages.visitor import Visitor

router = page_router()

Token = Annotated[str, Form(max_length=100), Storable]
Password = Annotated[str, Form(max_length=MAX_LENGTH), Storable]

_CHECKED: Final = [Depends(from_our_site), Depends(limit_sign_in)]


def ask_to_confirm(scene: Scene, request: Request) -> Sheet:
    """Return the page that confirms an address."""
    return _asking(scene, "verify", _token_of(request))


def confirm(
    request: Request, scene: TheScene, session: RequestSession, *, token: Token, now: Now
) -> Response:
    try:
        service_mailed.confirm(session, scene.site.name, token, now)
    except (LinkExpired, Conflict) as error:
        return answer(request, scene, _refused(scene, error))
    return answer(request, scene, _done(scene, "verify", "/"))


def ask_for_password(scene: Scene, request: Request) -> Sheet:
    """Return the page on which a new password is chosen."""
    return _asking(scene, "reset", _token_of(request))


def choose_password(
    request: Request,
    scene: TheScene,
    session: RequestSession,
    *,
    token: Token,
    password: Password = "",
    now: Now,
) -> Response:
    if len(password) < MIN_LENGTH:
        return answer(request, scene, _asking(scene, "reset", token, too_short=True))
    try:
        service_mailed.choose_password(session, scene.site.name, token, password, now=now)
    except LinkExpired as error:
        return answer(request, scene, _refused(scene, error))
    # Nobody is signed in any more, not even here.
    nobody = replace(scene, visitor=Visitor())
    return answer(request, nobody, _done(scene, "reset", "/sign-in"))


def _token_of(request: Request) -> str:
    return request.query_params.get("token", "")[:100]


def _asking(scene: Scene, what: str, token: str, *, too_short: bool = False) -> Sheet:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if too_short else HTTPStatus.OK
    return _sheet(
        scene,
        f"{what}_title",
        f"{what}_lead",
        status=status,
        asking={"what": what, "token": token, "least": MIN_LENGTH, "most": MAX_LENGTH},
        too_short=too_short,
    )


def _done(scene: Scene, what: str, path: str) -> Sheet:
    return _sheet(
        scene,
        f"{what}_done",
        f"{what}_done_lead",
        way={"path": path, "text": scene.say(f"mail.{what}_on")},
    )


def _refused(scene: Scene, error: LinkExpired | Conflict) -> Sheet:
    why = "taken" if isinstance(error, Conflict) else "old"
    way = {"path": "/sign-in", "text": scene.say("mail.refused_on")}
    return _sheet(scene, "refused", f"refused_{why}", status=HTTPStatus.GONE, way=way)


def _sheet(
    scene: Scene, title: str, lead: str, *, status: HTTPStatus = HTTPStatus.OK, **values: Any
) -> Sheet:
    heading = scene.say(f"mail.{title}")
    nothing = {"asking": None, "too_short": False, "way": None}
    return Sheet(
        template="mail_link.html",
        title=heading,
        description=scene.site_texts.description,
        indexed=False,
        secret=True,
        values={**nothing, "heading": heading, "lead": scene.say(f"mail.{lead}"), **values},
        status=status.value,
    )


add_page(router, "/verify", ask_to_confirm, name="verify")
add_form(router, "/verify", confirm, dependencies=_CHECKED)
add_page(router, "/reset", ask_for_password, name="reset")
add_form(router, "/reset", choose_password, dependencies=_CHECKED)
