"""What payments work with: the sites that sell, their Stripe accounts, the database."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

from stemhouse.db.session import SessionFactory
from stemhouse.domains.payments.gateway import StripeGateway
from stemhouse.errors import NotFound
from stemhouse.http.services import Clock
from stemhouse.settings import Settings
from stemhouse.sites.book import SiteBook
from stemhouse.sites.schema import Site


@dataclass
class Till:
    """The collaborators of everything here."""

    settings: Settings
    sessions: SessionFactory
    sites: SiteBook
    clock: Clock
    _gateways: dict[str, StripeGateway] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def grace(self) -> timedelta:
        """How long a plan goes on when its renewal was not paid."""
        return timedelta(seconds=self.settings.payment_grace_s)

    def sells(self, site: Site) -> bool:
        """Whether a site takes money: its file says so, and there is a key."""
        return site.charges and bool(self._key(site.name))

    def serves(self, site_name: str) -> bool:
        """Whether a site is there, with a key: both may be missing after a slip of the operator."""
        return self.sites.find(site_name) is not None and bool(self._key(site_name))

    def selling_sites(self) -> list[Site]:
        """Return the sites that take money."""
        return [site for site in self.sites.all() if self.sells(site)]

    def beside(self, site_name: str) -> list[str]:
        """Return the names of the sites that are paid into the same Stripe account."""
        key = self._key(site_name)
        return [site.name for site in self.sites.all() if self._key(site.name) == key]

    def webhook_secret(self, site: Site) -> str:
        """Return what Stripe signs with for a site.

        Raises
        ------
        NotFound
            The site sells nothing, or its webhooks have no secret.
        """
        secret = self.settings.stripe_of(site.name).webhook_secret.get_secret_value()
        if not self.sells(site) or not secret:
            raise NotFound("this site takes no webhooks of Stripe")
        return secret

    def gateway(self, site_name: str) -> StripeGateway:
        """Return the Stripe account of a site.

        Raises
        ------
        NotFound
            The site has no key.
        """
        key = self._key(site_name)
        if not key:
            raise NotFound("nothing is sold here")
        with self._lock:
            if key not in self._gateways:
                self._gateways[key] = StripeGateway(key, self.settings.stripe_api)
            return self._gateways[key]

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            for gateway in self._gateways.values():
                gateway.close()
            self._gateways.clear()

    def _key(self, site_name: str) -> str:
        return self.settings.stripe_of(site_name).secret_key.get_secret_value()
