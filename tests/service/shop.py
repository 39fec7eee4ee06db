# Sites that sell, the fake Stripe that they sell through, and people who buy.

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select

from stemhouse.api.app import create_app
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import LedgerFlag
from stemhouse.domains.payments.catalogue import Catalogue, take
from stemhouse.domains.payments.gateway import StripeGateway
from stemhouse.domains.payments.portal import plan_portal
from stemhouse.domains.payments.reading import KINDS
from stemhouse.domains.payments.tables import Bill, Purchase, StripeEvent
from stemhouse.domains.payments.till import Till
from stemhouse.settings import Settings, SiteStripe
from stemhouse.sites.loading import load_site
from stemhouse.sites.schema import Site
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from stemhouse.testing.stripe import FakeStripe, Seller
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.webhooks import create_endpoint
from tests.service.conftest import Member
from tests.trust import trusted

PAYS, DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0002"
FAILS_LATER, DISPUTED = "4000 0000 0000 0341", "4000 0000 0000 0259"
BANK_PAYS, BANK_FAILS = "DE89 3704 0044 0532 0130 00", "DE62 3704 0044 0532 0130 01"
DAY_S = 86_400.0

SELLS: dict[str, Any] = {
    "charges": True,
    "unit": "song",
    "packs": {
        "ten": {
            "title": {"en": "10 songs"},
            "credits": 10,
            "prices": {"usd": 500, "eur": 450},
        }
    },
    "plans__pro": {
        "title": {"en": "Pro"},
        "max_duration_s": 1_200,
        "prices": {"monthly": {"usd": 400, "eur": 380}, "yearly": {"usd": 4_000, "eur": 3_800}},
    },
    "plans__max": {
        "title": {"en": "Max"},
        "max_duration_s": 3_600,
        "prices": {"monthly": {"usd": 1_000, "eur": 950}},
    },
    "coupons": {"HALF": {"percent_off": 50, "months": 1}},
    "plans__free__max_duration_s": 300,
    "plans__free__credits_at_sign_up": 2,
}


def new_browser() -> httpx2.Client:
    return httpx2.Client(verify=trusted())


@dataclass
class Counter:
    # A site's till: its Stripe account and how its webhooks come to the service.
    site: str
    key: str
    seller: Seller
    secret: str = ""

    @property
    def account(self) -> Any:
        return self.seller.account


@dataclass
class Shop:
    app: FastAPI
    client: TestClient
    fake: FakeStripe
    clock: ManualClock
    sessions: SessionFactory
    counters: dict[str, Counter]
    browser: httpx2.Client = field(default_factory=new_browser)

    @property
    def till(self) -> Till:
        till: Till = self.app.state.till
        return till

    def counter(self, site: str = "default") -> Counter:
        return self.counters[site]

    # --- what the operator does

    def sync(self, site: str = "default") -> list[str]:
        return sync(self.till.gateway(site), self.till.sites.by_name(site))

    def catch_up(self) -> None:
        self.app.state.catching_up.once()

    # --- what people do

    def checkout(self, member: Member, **asked: Any) -> Any:
        return self.client.post(
            f"/s/{member.site_id}/v1/checkout", json=asked, headers=member.headers
        )

    def url(self, member: Member, **asked: Any) -> str:
        answer = self.checkout(member, **asked)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])

    def pay(self, url: str, card: str = PAYS) -> httpx2.Response:
        return self.browser.post(url, data={"do": "pay", "card": card})

    def buy(self, member: Member, card: str = PAYS, **asked: Any) -> None:
        # With all its webhooks.
        asked = asked or {"kind": "pack", "item": "ten"}
        assert self.pay(self.url(member, **asked), card).status_code == 303
        self.deliver(member.site_id)

    def subscribe(self, member: Member, item: str = "pro", **asked: Any) -> None:
        self.buy(member, kind="plan", item=item, **asked)

    def portal(self, member: Member, **asked: Any) -> str:
        answer = self.client.post(
            f"/s/{member.site_id}/v1/portal", json=asked, headers=member.headers
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"])

    def press(self, url: str, what: str, value: str = "") -> httpx2.Response:
        return self.browser.post(url, data={"do": what, "value": value})

    def get(self, member: Member, path: str) -> Any:
        answer = self.client.get(f"/s/{member.site_id}{path}", headers=member.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # --- what goes on at Stripe

    def deliver(self, site: str = "default", **how: Any) -> list[int]:
        return self.counter(site).seller.post.deliver(**how)

    def move(self, days: float, *, deliver: bool = True) -> None:
        # A day at a time, as life does: webhooks come with the days.
        while days > 0:
            self.clock.advance(min(days, 1) * DAY_S)
            days -= 1
            for counter in self.counters.values():
                counter.seller.catch_up()
                if deliver:
                    counter.seller.post.deliver()

    def refund(self, amount: int | None = None, site: str = "default") -> None:
        from stemhouse.testing.stripe.money import create_refund

        account = self.counter(site).account
        charge = account.rows("charge", paid=True)[0]["id"]
        asked = {"charge": charge} | ({} if amount is None else {"amount": amount})
        create_refund(account, asked)
        self.deliver(site)

    def close_dispute(self, *, won: bool, site: str = "default") -> None:
        from stemhouse.testing.stripe.money import end_dispute

        account = self.counter(site).account
        end_dispute(account, account.rows("dispute")[0], won=won)
        self.deliver(site)

    # --- what is there afterwards

    def credits(self, member: Member) -> int:
        with transaction(self.sessions, read_only=True) as session:
            owner = Owner(member.site_id, member.account_id)
            return Ledger(session, owner, "song", self.clock()).available()

    def flagged(self, member: Member) -> int:
        with transaction(self.sessions, read_only=True) as session:
            short = select(LedgerFlag.short - LedgerFlag.settled).where(
                LedgerFlag.account_id == member.account_id, LedgerFlag.cleared_at.is_(None)
            )
            return sum(session.scalars(short))

    def plan(self, member: Member) -> str:
        # As the account's next request has it.
        return str(self.get(member, "/v1/account")["plan"])

    def bills(self, member: Member) -> list[Bill]:
        with transaction(self.sessions, read_only=True) as session:
            mine = select(Bill).where(Bill.account_id == member.account_id)
            return list(session.scalars(mine.order_by(Bill.created_at, Bill.id)))

    def purchases(self, member: Member) -> list[str]:
        with transaction(self.sessions, read_only=True) as session:
            states = select(Purchase.state).where(Purchase.account_id == member.account_id)
            return list(session.scalars(states.order_by(Purchase.id)))

    def events(self) -> list[tuple[str, str]]:
        with transaction(self.sessions, read_only=True) as session:
            rows = select(StripeEvent.kind, StripeEvent.state).order_by(StripeEvent.kind)
            return [(row[0], row[1]) for row in session.execute(rows)]

    def spend(self, member: Member, songs: int, now: datetime | None = None) -> None:
        with transaction(self.sessions) as session:
            owner = Owner(member.site_id, member.account_id)
            ledger = Ledger(session, owner, "song", now or self.clock())
            job = f"job_{random.random()}"
            ledger.hold(job, songs)
            ledger.settle(job, songs)


@contextmanager
def without_pauses() -> Iterator[None]:
    # Stripe's library leaves a Stripe that failed alone for a second before it asks again. The fake
    # one fails as often as it is told to.
    import stripe

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.0)
        yield


def write_shop(folder: Path, site: str, **more: Any) -> Site:
    changes = SELLS | ({} if site == "default" else {"hosts": []}) | more
    return load_site(write_site(folder, site, **changes))


def synced(fake: FakeStripe, site: Site) -> FakeAccount:
    # A Stripe account with the catalogue of a site.
    key = f"sk_test_of_the_catalogue_of_{site.name}"
    seller = fake.open_account(key)
    with closing(StripeGateway(key, fake.address)) as gateway:
        sync(gateway, site)
    return seller.account


def sync(gateway: StripeGateway, site: Site) -> list[str]:
    steps = Catalogue(gateway, site).plan()
    for step in steps:
        take(step)
    portal = plan_portal(gateway, site)
    for step in portal:
        take(step)
    return [step.says for step in (*steps, *portal)]


def selling_settings(settings: Settings, folder: Path, keys: dict[str, str]) -> Settings:
    # One file for each site, each with a Stripe account of its own.
    for site in keys:
        write_shop(folder, site)
    return settings.model_copy(
        update={
            "sites_dir": folder,
            "payment_sweep_s": 3_600.0,
            "stripe_sites": {
                site: SiteStripe(secret_key=SecretStr(key)) for site, key in keys.items()
            },
        }
    )


def open_app(settings: Settings, clock: ManualClock, counters: dict[str, Counter]) -> FastAPI:
    # Stripe's endpoints are made first: the service is told their secrets.
    keys = {}
    for site, counter in counters.items():
        asked = {
            "url": f"http://testserver/s/{site}/v1/stripe/webhooks",
            "enabled_events": list(KINDS),
        }
        counter.secret = create_endpoint(counter.account, asked)["secret"]
        keys[site] = SiteStripe(
            secret_key=SecretStr(counter.key), webhook_secret=SecretStr(counter.secret)
        )
    return create_app(settings.model_copy(update={"stripe_sites": keys}), clock=clock)


def posting(client: Callable[[], TestClient]) -> Callable[[str, dict[str, str], bytes], int]:
    # Webhooks reach the application without a network.
    def send(url: str, headers: dict[str, str], body: bytes) -> int:
        return client().post(urlsplit(url).path, content=body, headers=headers).status_code

    return send


def account_row(shop: Shop, member: Member) -> Account:
    with transaction(shop.sessions, read_only=True) as session:
        return session.get_one(Account, member.account_id)
