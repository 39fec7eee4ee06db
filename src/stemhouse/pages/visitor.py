"""Who looks at a page: nobody we know, a guest, or somebody with an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request

from stemhouse.db.session import reading
from stemhouse.domains.accounts import service
from stemhouse.domains.accounts.access import cookie_of, onlooker
from stemhouse.domains.accounts.tokens import csrf_token
from stemhouse.errors import Forbidden, Unauthenticated
from stemhouse.http.services import services_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks, and the token that the page's own requests carry."""

    kind: Literal["nobody", "guest", "user"] = "nobody"
    email: str | None = None
    token: str = ""
    operates: bool = False
    """Whether they find the operators' page."""
    plan: str = ""
    """The plan of an account: what they need not buy."""


def visitor_of(request: Request) -> Visitor:
    """Find out who looks; pages are for everybody, and what one may not do, the API will tell."""
    try:
        principal = onlooker(request)
    except (Forbidden, Unauthenticated):
        return Visitor()
    # A key in a header is a program's: it sees the page that everybody sees.
    cookie = None if principal is None else cookie_of(request, principal)
    if principal is None or cookie is None:
        return Visitor()
    services = services_of(request)
    with reading(services.sessions) as session:
        email = service.load(session, principal).email
    token = csrf_token(services.settings, cookie)
    operates, plan = principal.operates is not None, principal.plan.name
    return Visitor(principal.kind, email, token, operates, plan if principal.kind == "user" else "")


TheVisitor = Annotated[Visitor, Depends(visitor_of)]
