"""What browsers are told about our pages: only our own scripts and styles, in nobody's frame."""

from __future__ import annotations

from typing import Final

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # It says who is signed in, and holds their token.
    "Cache-Control": "no-store",
}

BUILT_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # The name changes with the content.
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}

EMBEDDED_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # Asked for again each time, answered with 304: an upgrade is seen at once.
    "Cache-Control": "no-cache",
    # Scripts of modules are fetched as data are: a page elsewhere needs the permission.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
}
