# What songs cost at a site, what is free, and what keeps the free from being taken again and again.

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select, update

from stemhouse.api.app import create_app
from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.accounts.tables import Account, Alarm
from stemhouse.domains.accounts.tokens import free_credits_token
from stemhouse.domains.billing.free import Due, FreeTier
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.sweeping import forget_months
from stemhouse.domains.billing.tables import FreeGrant
from stemhouse.domains.uploads.tables import Upload
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.browser import PASSWORD, Browser
from tests.service.conftest import MakeMember, Member
from tests.service.installation import DATA, MODEL

SONG_S = 186.3
PLUS = {"title": {"en": "Plus"}, "max_duration_s": 3_600, "credits_per_month": 500}
OTHER_MODEL = {"name": "vocals", "title": {"en": "V"}, "model": MODEL, "stems": ["vocals"]}
ALL = {"name": "all", "title": {"en": "All"}, "model": MODEL}

Open = Callable[..., TestClient]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    token = SecretStr("seen")
    return settings.model_copy(update={"models_dir": DATA, "model": MODEL, "metrics_token": token})


@pytest.fixture
def opened(settings: Settings, clock: ManualClock) -> Iterator[Open]:
    clients = []

    def open_site(**changes: Any) -> TestClient:
        write_site(settings.data_dir / "sites", **changes)
        client = TestClient(create_app(settings, clock=clock))
        clients.append(client)
        return client.__enter__()

    yield open_site
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def song(sessions: SessionFactory, clock: ManualClock) -> Callable[..., str]:
    # An upload as it is after its examination. No song is separated here: there is no file.
    def add(owner: Member, duration_s: float = SONG_S) -> str:
        upload_id = new_id("upl")
        with transaction(sessions) as session:
            session.add(
                Upload(
                    id=upload_id,
                    site_id=owner.site_id,
                    account_id=owner.account_id,
                    way="form",
                    state="ready",
                    name="A song",
                    size_bytes=1,
                    received_bytes=1,
                    song_key=f"uploads/{upload_id}/song",
                    sha256=hashlib.sha256(upload_id.encode()).hexdigest(),
                    container="wav",
                    codec="pcm_s16le",
                    duration_s=duration_s,
                    sample_rate=44_100,
                    channels=2,
                    tags={},
                    retention_s=86_400.0,
                    created_at=clock(),
                    ready_at=clock(),
                    expires_at=clock() + timedelta(days=400),
                )
            )
        return upload_id

    return add


def order(client: TestClient, owner: Member, upload_id: str, **more: Any) -> httpx2.Response:
    body = {"upload_id": upload_id, **more}
    return client.post("/v1/jobs", json=body, headers=owner.headers)


def quote(client: TestClient, owner: Member, upload_id: str, **more: Any) -> dict[str, Any]:
    body = {"upload_id": upload_id, **more}
    answer = client.post("/v1/jobs?dry_run=true", json=body, headers=owner.headers)
    return dict(answer.json()["price"])


def balance(client: TestClient, owner: Member) -> dict[str, Any]:
    return dict(client.get("/v1/balance", headers=owner.headers).json())


def error_of(answer: httpx2.Response) -> dict[str, Any]:
    return dict(answer.json()["error"])


# --- prices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "wish", "price"),
    [
        ("second", {}, 187),
        ("second", {"quality": "best"}, 281),
        ("second", {"stems": ["vocals"]}, 94),
        ("second", {"stems": ["vocals"], "quality": "best"}, 141),
        ("second", {"stems": ["accompaniment"]}, 187),
        ("song", {}, 1),
        ("song", {"quality": "best"}, 2),
        ("song", {"stems": ["vocals"]}, 1),
    ],
)
def test_prices_come_from_the_site(
    opened: Open,
    member: Member,
    song: Callable[..., str],
    unit: str,
    wish: dict[str, Any],
    price: int,
) -> None:
    client = opened(
        unit=unit,
        outputs=[ALL, OTHER_MODEL],
        multipliers={"quality": {"best": 1.5}, "output": {"vocals": 0.5}},
    )

    assert quote(client, member, song(member), **wish) == {"amount": price, "unit": unit}


def test_factors_are_as_exact_as_they_are_written(
    opened: Open, member: Member, song: Callable[..., str]
) -> None:
    client = opened(multipliers={"quality": {"standard": 1.1}})

    assert quote(client, member, song(member, 10.0))["amount"] == 11


def test_a_song_is_held_in_the_sites_unit(
    opened: Open, member: Member, song: Callable[..., str]
) -> None:
    client = opened(unit="song", plans__free__credits_at_sign_up=2)

    answer = order(client, member, song(member))

    assert answer.json()["price"] == {"amount": 1, "unit": "song"}
    shown = balance(client, member)
    assert (shown["unit"], shown["available"], shown["held"]) == ("song", 1, 1)


def test_missing_credits_are_named_with_where_to_buy_them_and_the_song_stays(
    opened: Open, member: Member, song: Callable[..., str]
) -> None:
    client = opened(
        unit="song",
        charges=True,
        plans__free__credits_at_sign_up=1,
        packs={"ten": {"title": {"en": "10"}, "credits": 10, "prices": {"usd": 500}}},
    )
    order(client, member, song(member))
    upload_id = song(member)

    answer = order(client, member, upload_id)

    assert answer.status_code == 402
    assert error_of(answer)["details"] == {
        "required": 1,
        "available": 0,
        "missing": 1,
        "unit": "song",
        "buy_url": "/prices",
    }
    there = client.get(f"/v1/uploads/{upload_id}", headers=member.headers)
    assert there.json()["state"] == "ready"


# --- free credits ---------------------------------------------------------------------------------


def test_free_credits_wait_for_the_address_to_be_confirmed(
    opened: Open, member: Member, sessions: SessionFactory, song: Callable[..., str]
) -> None:
    client = opened(guard={"free_needs_verified_email": True})
    with transaction(sessions) as session:
        session.execute(update(Account).values(email_verified_at=None))
    before, refused = balance(client, member), order(client, member, song(member))
    with transaction(sessions) as session:
        session.execute(update(Account).values(email_verified_at=datetime(2026, 1, 1, tzinfo=UTC)))

    assert (before["available"], before["withheld"]["reason"]) == (0, "unconfirmed")
    assert "confirm your e-mail" in before["withheld"]["message"]
    assert refused.status_code == 402
    assert "confirm your e-mail" in error_of(refused)["message"]
    assert error_of(refused)["details"]["withheld"] == {"amount": 36_000, "reason": "unconfirmed"}
    after = balance(client, member)
    assert (after["available"], after["withheld"]) == (36_000, None)
    assert order(client, member, song(member)).status_code == 201


def test_an_address_has_free_credits_once_also_after_its_account_was_deleted(
    opened: Open, clock: ManualClock, sessions: SessionFactory, song: Callable[..., str]
) -> None:
    client = opened(guard={"free_needs_verified_email": True})

    def join(address: str) -> tuple[Browser, Member]:
        browser = Browser(client)
        account = browser.sign_up(address).json()["account"]
        with transaction(sessions) as session:
            session.execute(update(Account).values(email_verified_at=clock()))
        return browser, Member(account["id"], "", "")

    browser, first = join("ada@example.org")
    browser.post("/v1/jobs", json={"upload_id": song(first)})
    browser.post("/v1/account/deletion", json={"password": PASSWORD})
    browser, again = join("Ada+again@example.org")

    shown = browser.get("/v1/balance").json()
    refused = browser.post("/v1/jobs", json={"upload_id": song(again)})
    assert (shown["available"], shown["withheld"]["reason"]) == (0, "given_before")
    assert (refused.status_code, "given to this e-mail" in error_of(refused)["message"]) == (
        402,
        True,
    )
    with transaction(sessions, read_only=True) as session:
        row = session.scalars(select(FreeGrant)).one()
    assert "ada" not in row.address_hash


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a.da+x@gmail.com", "ada@googlemail.com", True),
        ("ada+1@example.org", "ADA@example.org", True),
        ("a.da@example.org", "ada@example.org", False),
        ("+1@example.org", "+2@example.org", False),
    ],
)
def test_ways_to_write_one_mailbox_are_one_address(
    settings: Settings, one: str, other: str, same: bool
) -> None:
    tokens = {free_credits_token(settings, one), free_credits_token(settings, other)}

    assert (len(tokens) == 1) is same


def test_two_accounts_of_one_address_that_ask_at_once_do_not_both_get_it(
    opened: Open, settings: Settings, sessions: SessionFactory, make_member: MakeMember
) -> None:
    client = opened()
    site, now = client.app.state.services.sites.by_name("default"), datetime(2026, 1, 1, tzinfo=UTC)  # type: ignore[attr-defined]
    members = [make_member(), make_member()]
    principals = [principal_of(client, one) for one in members]

    class SeenBefore(FreeTier):
        # What the second one saw before the first one wrote.
        def due(self, *asked: Any) -> Due:
            return seen

    with transaction(sessions) as session:
        ledgers = [
            Ledger(session, Owner(one.site_id, one.account_id), "second", now) for one in members
        ]
        seen = FreeTier(settings, site).due(session, principals[0], ledgers[0], now)
        for principal, ledger in zip(principals, ledgers, strict=True):
            SeenBefore(settings, site).grant(session, principal, ledger, now)

        assert [ledger.available() for ledger in ledgers] == [36_000, 0]


def principal_of(client: TestClient, member: Member) -> Any:
    from stemhouse.domains.accounts.plans import plan_for
    from stemhouse.domains.accounts.principal import Principal

    site = client.app.state.services.sites.by_name("default")  # type: ignore[attr-defined]
    return Principal(
        site_id=member.site_id,
        account_id=member.account_id,
        kind="user",
        plan=plan_for(site, "free"),
        scopes=frozenset(),
        via="key",
        credential_id="key",
    )


def test_credits_of_a_month_come_once_and_go_at_its_end(
    opened: Open, member: Member, clock: ManualClock, song: Callable[..., str]
) -> None:
    client = opened(plans__free__credits_at_sign_up=0, plans__free__credits_per_month=500)
    coming = balance(client, member)
    order(client, member, song(member))
    january = balance(client, member)
    clock.advance(31 * 86_400)
    february = balance(client, member)
    order(client, member, song(member))
    written = client.get("/v1/balance/entries", headers=member.headers).json()["data"]

    assert coming["lots"] == [
        {
            "available": 500,
            "expires_at": "2026-02-01T00:00:00.000Z",
            "note": "credits of January 2026",
        }
    ]
    assert (january["available"], january["held"]) == (313, 187)
    assert february["available"] == 500
    assert [one["kind"] for one in written] == ["hold", "grant", "expire", "hold", "grant"]


def test_december_ends_with_the_year(opened: Open, member: Member, clock: ManualClock) -> None:
    clock.advance(350 * 86_400)
    client = opened(plans__free__credits_per_month=500)

    ends = [lot["expires_at"] for lot in balance(client, member)["lots"]]

    assert ends == ["2027-01-01T00:00:00.000Z", None]


def test_a_plan_that_is_paid_for_brings_nothing_by_the_calendar(
    opened: Open, member: Member, sessions: SessionFactory
) -> None:
    plus = {**PLUS, "prices": {"monthly": {"usd": 400}}}
    client = opened(charges=True, plans__plus=plus)
    with transaction(sessions) as session:
        session.execute(update(Account).values(plan="plus"))

    shown = balance(client, member)

    assert (shown["available"], shown["lots"]) == (0, [])


def test_a_guest_gets_what_guests_get(opened: Open) -> None:
    browser = Browser(opened(plans__guest__credits_at_sign_up=300))
    browser.post("/v1/session/guest")

    assert browser.get("/v1/balance").json()["available"] == 300


def test_months_are_forgotten_and_sign_ups_are_not(
    sessions: SessionFactory, clock: ManualClock
) -> None:
    with transaction(sessions) as session:
        for cause in ("sign-up", "month:2026-01:free"):
            session.add(
                FreeGrant(site_id="default", address_hash="a", cause=cause, granted_at=clock())
            )
    clock.advance(63 * 86_400)

    forget_months(sessions, clock)

    with transaction(sessions, read_only=True) as session:
        assert session.scalars(select(FreeGrant.cause)).all() == ["sign-up"]


# --- limits against abuse -------------------------------------------------------------------------


def test_more_than_may_be_held_at_once_is_refused_with_the_reason(
    opened: Open, member: Member, song: Callable[..., str]
) -> None:
    client = opened(guard={"free_needs_verified_email": False, "max_held": 300})
    order(client, member, song(member))

    answer = order(client, member, song(member))

    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (403, "quota_exceeded")
    assert error["details"] == {"limit": "max_held", "allowed": 300, "held": 187, "unit": "second"}
    assert "300 seconds at once" in error["message"]


def test_a_pace_that_no_person_has_alarms_the_operator_once_an_hour(
    opened: Open, member: Member, sessions: SessionFactory, song: Callable[..., str]
) -> None:
    client = opened(guard={"free_needs_verified_email": False, "alarm_jobs_per_hour": 1})

    answers = [order(client, member, song(member)).status_code for _ in range(3)]

    with transaction(sessions, read_only=True) as session:
        alarm = session.scalars(select(Alarm)).one()
    assert answers == [201, 201, 201]
    assert (alarm.kind, alarm.subject) == ("jobs_per_hour", member.account_id)
    assert alarm.data == {"jobs": 2, "allowed": 1}
    numbers = client.get("/metrics", headers={"Authorization": "Bearer seen"}).text
    assert 'stemhouse_alarms{kind="jobs_per_hour",site="default"} 1.0' in numbers


def test_accounts_of_one_network_are_limited_and_alarm_the_operator(
    opened: Open, sessions: SessionFactory, settings: Settings
) -> None:
    client = opened(
        guard={"accounts_per_address_per_day": 2, "alarm_accounts_per_address": 2},
    )

    answers = [Browser(client).sign_up(f"a{number}@example.org") for number in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    assert (
        "as many accounts were made from your network today as one network may make (2)"
        in error_of(answers[2])["message"]
    )
    assert error_of(answers[2])["details"]["retry_after_s"] > 0
    assert error_of(answers[2])["details"]["reason"] == "accounts_per_address"
    with transaction(sessions, read_only=True) as session:
        assert session.scalars(select(Alarm.kind)).all() == ["accounts_per_address"]


def test_guests_of_one_network_are_limited_and_told_why(opened: Open) -> None:
    client = opened(guard={"guests_per_address_per_day": 1})

    first, second = [Browser(client).post("/v1/session/guest") for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 429)
    assert "so that free songs are left for everybody" in error_of(second)["message"]
    assert error_of(second)["details"]["reason"] == "guests_per_address"


def test_a_site_may_leave_accounts_uncounted(opened: Open) -> None:
    client = opened(guard={"accounts_per_address_per_day": 0, "alarm_accounts_per_address": 0})

    assert Browser(client).sign_up("ada@example.org").status_code == 201


@pytest.mark.parametrize(
    ("guard", "address", "status"),
    [
        ({}, "ada@mailinator.com", 400),
        ({}, "ada@sub.mailinator.com", 400),
        ({"disposable_domains": ["Throw.Away"]}, "ada@throw.away", 400),
        ({"refuse_disposable_mail": False}, "ada@mailinator.com", 201),
    ],
)
def test_throw_away_addresses_are_refused_where_the_site_says_so(
    opened: Open, guard: dict[str, Any], address: str, status: int
) -> None:
    answer = Browser(opened(guard=guard)).sign_up(address)

    assert answer.status_code == status
    assert status == 201 or error_of(answer)["code"] == "mail_refused"


def test_an_address_is_not_changed_to_a_throw_away_one(opened: Open) -> None:
    browser = Browser(opened())
    browser.sign_up("ada@example.org")
    body = {"email": "ada@mailinator.com", "password": PASSWORD}

    answer = browser.put("/v1/account/email", json=body)

    assert (answer.status_code, error_of(answer)["code"]) == (400, "mail_refused")
