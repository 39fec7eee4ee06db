"""The plain pages that links in mails lead to; they work without JavaScript.

Opening one changes nothing, because mail scanners open links: only the button does.
"""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse

from stemhouse.domains.accounts import service_mailed
from stemhouse.domains.accounts.access import from_our_site, limit_sign_in
from stemhouse.domains.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from stemhouse.errors import ServiceError
from stemhouse.http.services import Now
from stemhouse.http.session import RequestSession
from stemhouse.http.sites import Place, ThePlace

router = APIRouter(include_in_schema=False)

_HEADERS = {
    # The address holds the token: no other server gets to see it, no frame shows the page.
    # (no-referrer would also blank the Origin of the form, by which we know our own page.)
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<style>body{{font:1rem/1.5 system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem}}</style>
</head><body><main><h1>{title}</h1>{body}</main></body></html>"""
_CONFIRM = """<form method="post" action="verify">
<input type="hidden" name="token" value="{token}">
<button>Yes, this address is mine</button></form>"""
_CHOOSE = """<form method="post" action="reset">
<input type="hidden" name="token" value="{token}">
<p><label>New password, at least {minimum} characters<br><input type="password" name="password"
autocomplete="new-password" required minlength="{minimum}" maxlength="{maximum}"></label></p>
<button>Set the password</button></form>"""

Token = Annotated[str, Query(max_length=100)]
FormToken = Annotated[str, Form(max_length=100)]
FormPassword = Annotated[str, Form(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
Checked = [Depends(from_our_site), Depends(limit_sign_in)]


@router.get("/verify")
def ask_to_confirm(place: ThePlace, token: Token = "") -> HTMLResponse:
    return _page(place, "Confirm your address", _CONFIRM.format(token=escape(token)))


@router.post("/verify", dependencies=Checked)
def confirm(
    token: FormToken,
    place: ThePlace,
    session: RequestSession,
    now: Now,
) -> HTMLResponse:
    try:
        service_mailed.confirm(session, place.site.name, token, now)
    except ServiceError as error:
        return _refusal(place, error)
    return _page(place, "Your address is confirmed", '<p><a href="./">Go on</a></p>')


@router.get("/reset")
def ask_for_password(place: ThePlace, token: Token = "") -> HTMLResponse:
    form = _CHOOSE.format(token=escape(token), minimum=MIN_LENGTH, maximum=MAX_LENGTH)
    return _page(place, "Choose a new password", form)


@router.post("/reset", dependencies=Checked)
def choose_password(
    token: FormToken,
    password: FormPassword,
    place: ThePlace,
    session: RequestSession,
    *,
    now: Now,
) -> HTMLResponse:
    try:
        service_mailed.choose_password(session, place.site.name, token, password, now=now)
    except ServiceError as error:
        return _refusal(place, error)
    return _page(place, "Your password is set", '<p><a href="./">Sign in with it</a></p>')


def _refusal(place: Place, error: ServiceError) -> HTMLResponse:
    return _page(place, "That did not work", f"<p>{escape(error.message)}</p>", status=410)


def _page(place: Place, title: str, body: str, *, status: int = 200) -> HTMLResponse:
    shown = escape(f"{title} · {place.site.title}")
    return HTMLResponse(_PAGE.format(title=shown, body=body), status, headers=_HEADERS)
