"""Finds the site of a request: by the beginning of its path, ``/s/NAME/``, or by its host."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from http import HTTPStatus
from typing import Final

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from stemhouse.api.errors import error_answer
from stemhouse.http.services import Services
from stemhouse.http.sites import Place
from stemhouse.sites.hosts import PREFIX, address_of, plain_host, prefix_of
from stemhouse.sites.schema import Site

OPERATIONS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""For whoever runs the machines: they ask by any host, and belong to no site."""


class Sites:
    """ASGI middleware that puts the site into the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = self._find(scope)
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _find(self, scope: Scope) -> Response | None:
        """Put the place into the scope, or return the answer where there is none."""
        services: Services = scope["app"].state.services
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if path == PREFIX or path.startswith(f"{PREFIX}/"):
            return _by_path(scope, services, path)
        host = plain_host(Headers(scope=scope).get("host", ""))
        site = None if host is None else services.sites.for_host(host)
        if host is not None and site is not None:
            _settle(scope, site, address_of(site, services.settings.address, host))
            return None
        return None if path in OPERATIONS else _unknown(scope, services)


def _by_path(scope: Scope, services: Services, path: str) -> Response | None:
    name, slash, _ = path.removeprefix(f"{PREFIX}/").partition("/")
    site = services.sites.find(name)
    if site is None:
        return _unknown(scope, services)
    root_path: str = scope.get("root_path", "") + prefix_of(site.name)
    if not slash:
        return RedirectResponse(f"{root_path}/", HTTPStatus.PERMANENT_REDIRECT)
    scope["root_path"] = root_path
    _settle(scope, site, services.settings.address + prefix_of(site.name))
    return None


def _settle(scope: Scope, site: Site, address: str) -> None:
    state = scope.setdefault("state", {})
    state["site"] = site
    state["place"] = Place(
        site=site,
        root_path=scope.get("root_path", ""),
        address=address,
        accept_language=Headers(scope=scope).get("accept-language", ""),
    )


def _unknown(scope: Scope, services: Services) -> Response:
    # Whoever tries it out is told what there is. To the world the brands are not each other's.
    told = () if services.settings.production else services.sites.all()
    sites = [(site, address_of(site, services.settings.address)) for site in told]
    if "text/html" in Headers(scope=scope).get("accept", ""):
        links = "".join(
            f'<li><a href="{escape(address)}/">{escape(site.title)}</a></li>'
            for site, address in sites
        )
        listed = f"<p>These are here:</p><ul>{links}</ul>" if links else ""
        page = _PAGE.format(style=_STYLE, listed=listed)
        return HTMLResponse(page, HTTPStatus.NOT_FOUND, headers={"Content-Security-Policy": _CSP})
    return error_answer(
        HTTPStatus.NOT_FOUND,
        "not_found",
        "there is no site at this address; the details list the sites and their addresses"
        if sites
        else "there is no site at this address",
        request_id=scope.get("state", {}).get("request_id", ""),
        details={"sites": [{"name": site.name, "address": address} for site, address in sites]},
    )


_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 1.05rem/1.6 system-ui, sans-serif; margin: 0 }
main { max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem }
h1 { font-size: 1.6rem; line-height: 1.25 }
ul { padding: 0; list-style: none }
a { display: block; padding: .6rem 0; color: inherit; border-bottom: 1px solid #8884 }
"""
_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_CSP: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>No such site</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<style>{style}</style></head>
<body><main><h1>There is no site at this address</h1>{listed}</main></body></html>"""
