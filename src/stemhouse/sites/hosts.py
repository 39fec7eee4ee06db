"""Hosts of sites, and the addresses under which people reach them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from stemhouse.sites.schema import Site

ANY_HOST: Final = "*"
PREFIX: Final = "/s"
"""Every site is also below this path and its name."""

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})?|\[[0-9a-f:.]{2,45}\]")
_PORT = re.compile(r"[0-9]{1,5}")
_LOCAL = re.compile(r"localhost|.+\.localhost|127(?:\.\d+){3}|::1")


def plain_host(header: str) -> str | None:
    """Return the host in a Host header: lower case, without port and trailing dot.

    None where the header is no host at all: nobody honest sends such a one.
    """
    host, colon, port = header.strip().lower().rpartition(":")
    if not colon or port.endswith("]"):
        host = header.strip().lower()
    elif port and not _PORT.fullmatch(port):
        return None
    host = host.removesuffix(".")
    return host if _HOST.fullmatch(host) else None


def address_of(site: Site, base: str, asked: str = "") -> str:
    """Return the address under which a site is to be reached, without a slash at its end.

    Parameters
    ----------
    site : Site
        Of its hosts that fit, the first counts. A host of this machine (``acapella.localhost``)
        fits an installation on this machine, any other one an installation that others reach.
    base : str
        Where the installation is reached: ``Settings.address``. It gives scheme and port.
    asked : str
        The host that was asked for: counts before the first, if the site names it.
    """
    parts = urlsplit(base)
    fitting = [host for host in site.hosts if _is_local(host) == _is_local(parts.hostname or "")]
    port = "" if parts.port is None else f":{parts.port}"
    if asked in fitting:
        return f"{parts.scheme}://{asked}{port}"
    if ANY_HOST in site.hosts:
        return base
    return f"{parts.scheme}://{fitting[0]}{port}" if fitting else base + prefix_of(site.name)


def prefix_of(name: str) -> str:
    """Return the path below which a site is on every host."""
    return f"{PREFIX}/{name}"


def _is_local(host: str) -> bool:
    """Whether a host is this machine, for whoever asks."""
    return _LOCAL.fullmatch(host) is not None
