"""Starts the service with the fake Stripe: anybody can buy with a test card in a browser."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

import uvicorn
from pydantic import SecretStr
from sqlalchemy import Engine

from stemhouse.api.app import create_app
from stemhouse.db.checks import upgrade
from stemhouse.db.session import make_engine, make_sessions, transaction
from stemhouse.domains.accounts.service import NewUser, create_user
from stemhouse.domains.payments.catalogue import Catalogue, take
from stemhouse.domains.payments.gateway import StripeGateway
from stemhouse.domains.payments.portal import plan_portal
from stemhouse.domains.payments.reading import KINDS
from stemhouse.http.services import utc_now
from stemhouse.logs import configure_logging
from stemhouse.settings import Settings, SiteStripe
from stemhouse.sites.hosts import address_of, prefix_of
from stemhouse.sites.place import open_book
from stemhouse.sites.schema import Site
from stemhouse.testing.clock import ShiftedClock
from stemhouse.testing.stripe import FakeStripe, running_stripe
from stemhouse.testing.stripe.delivering import delivering

HELLO = """
The service sells, through a Stripe that is only pretended:

{sites}

Pay with 4242 4242 4242 4242; 4000 0000 0000 0002 is declined. {desk}
is the desk: move the clock, hold webhooks back, shuffle or lose them, refund, dispute.
Sign in as {operator} with the password {password} to see what sites earn and what songs
cost (/admin). Everything is gone when you end it with Ctrl-C.
"""

OPERATOR, PASSWORD = "operator@example.org", "pretended money"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--stripe-port", type=int, default=8001)
    asked = parser.parse_args()
    # Ended from outside it leaves nothing behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    clock = ShiftedClock()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stripe(clock, port=asked.stripe_port) as fake,
    ):
        settings = Settings(
            data_dir=Path(folder),
            secret_key=SecretStr("only for a demonstration, and for nothing else"),
            port=asked.port,
            stripe_api=fake.address,
            payment_sweep_s=5,
            # Whoever tries it out signs up often.
            rate_sign_in="1000/minute",
            cost_currency="usd",
            cost_processor_hour_cents=4.0,
            cost_device_hour_cents=200.0,
            cost_gb_month_cents=2.0,
        )
        selling = [site for site in open_book(settings).all() if site.charges]
        keys = {site.name: _open(fake, site, settings) for site in selling}
        settings = settings.model_copy(update={"stripe_sites": keys})
        configure_logging(settings)
        engine = make_engine(settings.effective_database_url)
        upgrade(engine)
        _let_operate(engine, selling)
        app = create_app(settings, engine=engine, clock=clock, with_worker=True)
        sites = [f"  {site.title}: {address_of(site, settings.address)}/" for site in selling]
        told = {"desk": fake.address, "operator": OPERATOR, "password": PASSWORD}
        print(HELLO.format(sites="\n".join(sites), **told), flush=True)
        with delivering(fake):
            uvicorn.run(app, host=settings.host, port=settings.port, log_config=None)
    return 0


def _open(fake: FakeStripe, site: Site, settings: Settings) -> SiteStripe:
    """Open a Stripe account for a site, with its catalogue and its webhooks; return the keys."""
    key = f"sk_test_of_{site.name}"
    fake.open_account(key, site.title)
    gateway = StripeGateway(key, fake.address)
    for step in Catalogue(gateway, site).plan():
        take(step)
    for step in plan_portal(gateway, site):
        take(step)
    url = f"{settings.address}{prefix_of(site.name)}/v1/stripe/webhooks"
    hook = gateway.api.webhook_endpoints.create({"url": url, "enabled_events": list(KINDS)})
    gateway.close()
    return SiteStripe(secret_key=SecretStr(key), webhook_secret=SecretStr(hook.secret))


def _let_operate(engine: Engine, sites: list[Site]) -> None:
    """Make an account at each site that operates them all."""
    now = utc_now()
    with transaction(make_sessions(engine)) as session:
        for site in sites:
            new = NewUser(site_id=site.name, email=OPERATOR, password=PASSWORD)
            create_user(session, new, now).operates = "all"


if __name__ == "__main__":
    sys.exit(main())
