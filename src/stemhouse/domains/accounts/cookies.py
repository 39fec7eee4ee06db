"""The cookies of a site: who is signed in, who is a guest, and the token pages send along.

Each site has names of its own, so that two sites on one host share nothing; and a site below a
path gets its cookies there alone.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request, Response

from stemhouse.domains.accounts.tokens import csrf_token
from stemhouse.http.services import services_of
from stemhouse.http.sites import place_of

CSRF_HEADER: Final = "x-csrf-token"
GUEST_TTL_S: Final = 30 * 86_400


def session_cookie(site_id: str) -> str:
    """Return the name of the cookie that holds a session's token."""
    return f"stemhouse_{site_id}_session"


def guest_cookie(site_id: str) -> str:
    """Return the name of the cookie that holds a guest's signed account."""
    return f"stemhouse_{site_id}_guest"


def csrf_cookie(site_id: str) -> str:
    """Return the name of the cookie that pages read to prove that they sent a request."""
    return f"stemhouse_{site_id}_csrf"


class SiteCookies:
    """Sets and removes the cookies of the site that a request is for."""

    def __init__(self, request: Request) -> None:
        place = place_of(request)
        self._site_id = place.site.name
        self._root_path = place.root_path
        self._settings = services_of(request).settings

    def sign_in(self, response: Response, token: str) -> None:
        """Sign a browser in; whoever was a guest there is one no more."""
        max_age = int(self._settings.session_ttl_s)
        self._forget(response, guest_cookie(self._site_id))
        self._set(response, session_cookie(self._site_id), token, max_age=max_age)
        self._set_csrf(response, token, max_age=max_age)

    def remember_guest(self, response: Response, value: str) -> None:
        """Remember a guest."""
        self._set(response, guest_cookie(self._site_id), value, max_age=GUEST_TTL_S)
        self._set_csrf(response, value, max_age=GUEST_TTL_S)

    def forget(self, response: Response) -> None:
        """Sign a browser out."""
        for name in (session_cookie, guest_cookie, csrf_cookie):
            self._forget(response, name(self._site_id))

    def _forget(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path=self._root_path or "/")
        self._forget_elsewhere(response, name)

    def _forget_elsewhere(self, response: Response, name: str) -> None:
        # The same site may have been visited by its host, whose cookies reach below every path:
        # a browser is one visitor of a site, not two.
        if self._root_path:
            response.delete_cookie(name, path="/")

    def _set(
        self, response: Response, name: str, value: str, *, max_age: int, readable: bool = False
    ) -> None:
        self._forget_elsewhere(response, name)
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=self._root_path or "/",
            secure=self._settings.secure_cookies,
            httponly=not readable,
            samesite="lax",
        )

    def _set_csrf(self, response: Response, cookie: str, *, max_age: int) -> None:
        # The page's script reads it and sends it back as a header.
        name, token = csrf_cookie(self._site_id), csrf_token(self._settings, cookie)
        self._set(response, name, token, max_age=max_age, readable=True)


TheCookies = Annotated[SiteCookies, Depends(SiteCookies)]
