"""The page on which anybody reports a recording; it works without a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Request
from fastapi.responses import Response
from pydantic import ValidationError

from stemhouse.domains.accounts.access import from_our_site
from stemhouse.domains.takedowns import routes
from stemhouse.domains.takedowns.schemas import TakedownRequest
from stemhouse.domains.takedowns.states import ROLES
from stemhouse.http.schemas import Storable
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import ThePlace
from stemhouse.pages.rendering import answer
from stemhouse.pages.routing import add_form, add_page, page_router
from stemhouse.pages.scene import Scene, Sheet, TheScene

router = page_router()

Line = Annotated[str, Form(max_length=320), Storable]
Paragraph = Annotated[str, Form(max_length=5000), Storable]

_CHECKED: Final = [Depends(from_our_site), Depends(routes.limit_takedowns)]


def takedown(scene: Scene, _request: Request) -> Sheet:
    """Return the page."""
    return _sheet(scene)


def report(
    request: Request,
    scene: TheScene,
    session: RequestSession,
    place: ThePlace,
    *,
    now: Now,
    name: Line = "",
    email: Line = "",
    role: Line = "",
    work: Paragraph = "",
    where: Annotated[str, Form(alias="place", max_length=5000), Storable] = "",
    statement: Paragraph = "",
    true_and_entitled: Line = "",
) -> Response:
    given: dict[str, Any] = {
        "name": name,
        "email": email,
        "role": role,
        "work": work,
        "place": where,
        "statement": statement,
    }
    try:
        asked = TakedownRequest.model_validate(
            given | {"true_and_entitled": true_and_entitled == "true"}
        )
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors()}
        return answer(request, scene, _sheet(scene, given=given, wrong=wrong))
    received = routes.ask_for_takedown(asked, session, place, now)
    facts = {"id": received.id, "email": asked.email}
    return answer(request, scene, _sheet(scene, received=facts))


def _sheet(
    scene: Scene,
    *,
    given: Mapping[str, str] | None = None,
    wrong: set[str] | None = None,
    received: Mapping[str, str] | None = None,
) -> Sheet:
    return Sheet(
        template="takedown.html",
        title=scene.say("takedown.title"),
        description=scene.say("takedown.description", title=scene.site.title),
        values={
            "given": given or {},
            "wrong": wrong or set(),
            "received": received,
            "roles": ROLES,
        },
        status=422 if wrong else 200,
    )


add_page(router, "/takedown", takedown, name="takedown")
add_form(router, "/takedown", report, dependencies=_CHECKED)
