"""The cookies of a site: who is signed in, who is a guest, and the token pages send along.

Each site has names of its own, so that two sites on one host share nothing.
"""

from __future__ import annotations

from typing import Final

from fastapi import Response

from stemhouse.domains.accounts.tokens import csrf_token
from stemhouse.settings import Settings

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


def set_session(response: Response, settings: Settings, site_id: str, token: str) -> None:
    """Sign a browser in; whoever was a guest there is one no more."""
    max_age = int(settings.session_ttl_s)
    _set(response, settings, session_cookie(site_id), token, max_age=max_age)
    response.delete_cookie(guest_cookie(site_id), path="/")
    _set_csrf(response, settings, site_id, token, max_age=max_age)


def set_guest(response: Response, settings: Settings, site_id: str, value: str) -> None:
    """Remember a guest."""
    _set(response, settings, guest_cookie(site_id), value, max_age=GUEST_TTL_S)
    _set_csrf(response, settings, site_id, value, max_age=GUEST_TTL_S)


def forget(response: Response, site_id: str) -> None:
    """Sign a browser out."""
    for name in (session_cookie(site_id), guest_cookie(site_id), csrf_cookie(site_id)):
        response.delete_cookie(name, path="/")


def _set(response: Response, settings: Settings, name: str, value: str, *, max_age: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def _set_csrf(
    response: Response, settings: Settings, site_id: str, cookie: str, *, max_age: int
) -> None:
    response.set_cookie(
        csrf_cookie(site_id),
        csrf_token(settings, cookie),
        max_age=max_age,
        path="/",
        secure=settings.secure_cookies,
        httponly=False,  # the page's script reads it and sends it back as a header
        samesite="lax",
    )
