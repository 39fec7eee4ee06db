"""Addresses of throw-away mail services, which take free credits again and again."""

from __future__ import annotations

from stemhouse.errors import MailRefused
from stemhouse.sites.schema import Site


def refuse_disposable(site: Site, email: str) -> None:
    """Refuse a throw-away address where the site does not take them.

    Raises
    ------
    MailRefused
        The domain, or one above it, belongs to such a service.
    """
    # A set of some thousand names, read when it is first needed.
    from disposable_email_domains import blocklist

    if not site.guard.refuse_disposable_mail:
        return
    labels = email.rpartition("@")[2].lower().split(".")
    domains = {".".join(labels[first:]) for first in range(len(labels) - 1)}
    if domains & blocklist or domains & {one.lower() for one in site.guard.disposable_domains}:
        raise MailRefused(
            "addresses of throw-away mail services are not taken here, because free credits would "
            "be taken with them again and again: use an address that you keep",
            domain=email.rpartition("@")[2],
        )
