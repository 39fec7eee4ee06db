# `stemhouse billing` and what it makes at Stripe: catalogues, webhooks, events that did not arrive,
# takings. The fake Stripe is what the commands talk to.

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner, Result

from stemhouse.cli.billing import app
from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.payments.reading import KINDS
from stemhouse.domains.payments.tables import Bill, PaymentCustomer, Purchase
from stemhouse.errors import InvalidOption, OutputExists
from stemhouse.testing.stripe import FakeStripe, Seller, running_stripe
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.webhooks import create_endpoint
from tests.service.conftest import MODELS, MakeMember, Member
from tests.service.shop import PAYS, SELLS, write_shop

Run = Callable[..., Result]
KEY, OTHER_KEY = "sk_test_of_the_installation", "sk_test_of_the_second_site"
PACKS = SELLS["packs"]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeStripe]:
    with running_stripe() as fake:
        yield fake


@pytest.fixture
def seller(fake: FakeStripe) -> Seller:
    return fake.open_account(KEY)


@pytest.fixture
def other(fake: FakeStripe) -> Seller:
    return fake.open_account(OTHER_KEY)


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    folder = tmp_path / "sites"
    write_shop(folder, "default")
    return folder


@pytest.fixture
def environment(
    database_url: str, tmp_path: Path, fake: FakeStripe, sites: Path
) -> dict[str, str | None]:
    return {
        "STEMHOUSE_DATA_DIR": str(tmp_path / "data"),
        "STEMHOUSE_SITES_DIR": str(sites),
        "STEMHOUSE_MODELS_DIR": str(MODELS),
        "STEMHOUSE_DATABASE_URL": database_url,
        "STEMHOUSE_STRIPE_API": fake.address,
        "STEMHOUSE_STRIPE_SECRET_KEY": KEY,
    }


@pytest.fixture
def run(environment: dict[str, str | None], seller: Seller) -> Run:
    def run(*arguments: str, given: str = "", **more: str) -> Result:
        return CliRunner().invoke(app, arguments, input=given, env={**environment, **more})

    return run


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def prices(account: FakeAccount, item: str, *, active: bool = True) -> list[int]:
    rows = account.rows("price", active=active)
    return [one["unit_amount"] for one in rows if one["metadata"]["item"] == item]


# --- sync


def test_a_plan_is_shown_before_anything_is_made(run: Run, seller: Seller) -> None:
    shown = done(run("sync", "--dry-run"))
    refused = done(run("sync", given="n\n"))
    nothing = seller.account.rows("product")
    made = done(run("sync", given="y\n"))
    again = done(run("sync", "--yes"))

    assert "make the product Stemhouse: 10 songs" in shown
    assert "make the price ten (once): 5.00 USD, 4.50 EUR" in shown
    assert "make the code HALF" in shown
    assert "then bring the portal to these prices" in shown
    assert "Do this at Stripe?" in refused
    assert (nothing, len(seller.account.rows("product"))) == ([], 3)
    assert "  done\n" in made
    assert "everything is as the site file says" in again


def test_a_changed_price_is_a_new_one_and_the_old_one_is_archived(
    run: Run, seller: Seller, sites: Path
) -> None:
    done(run("sync", "--yes"))
    packs = {"ten": {**PACKS["ten"], "prices": {"usd": 600, "eur": 450}}}
    monthly = {"monthly": {"usd": 500, "eur": 380}, "yearly": {"usd": 4_000, "eur": 3_800}}
    write_shop(sites, "default", packs=packs, plans__pro__prices=monthly)

    told = done(run("sync", "--yes"))

    account = seller.account
    assert "make the price ten (once): 6.00 USD, 4.50 EUR" in told
    assert (prices(account, "ten"), prices(account, "ten", active=False)) == ([600], [500])
    assert sorted(prices(account, "pro")) == [500, 4_000]
    (portal,) = account.rows("billing_portal.configuration", active=True)
    offered = portal["features"]["subscription_update"]["products"]
    assert {price for one in offered for price in one["prices"]} == {
        one["id"] for one in account.rows("price", active=True) if one["recurring"]
    }
    assert "everything is as the site file says" in done(run("sync"))


def test_what_the_file_does_not_sell_any_more_is_archived_and_comes_back(
    run: Run, seller: Seller, sites: Path
) -> None:
    done(run("sync", "--yes"))
    more = {**PACKS, "fifty": {**PACKS["ten"], "title": {"en": "50 songs"}, "credits": 50}}
    write_shop(sites, "default", packs=more, coupons={})
    told = done(run("sync", "--yes"))
    write_shop(sites, "default", title="Stems & Sons", coupons={"HALF": {"percent_off": 40}})

    back = done(run("sync", "--yes"))

    account = seller.account
    assert "make the product Stemhouse: 50 songs" in told
    assert "switch the code HALF off, which the file does not have" in told
    assert "archive the product Stemhouse: 50 songs, which the file does not sell" in back
    assert "change the product Stems & Sons: 10 songs" in back
    assert "make the coupon HALF: 40 % off" in back
    assert not account.get("product", "stemhouse_default_pack_fifty")["active"]
    (code,) = account.rows("promotion_code", active=True)
    assert account.get("coupon", code["promotion"]["coupon"])["percent_off"] == 40


def test_a_code_with_other_terms_is_another_coupon_under_the_same_code(
    run: Run, seller: Seller, sites: Path
) -> None:
    done(run("sync", "--yes"))
    half = {"percent_off": 50, "months": 3, "max_redemptions": 10, "applies_to": ["pro"]}
    write_shop(sites, "default", coupons={"HALF": half})

    told = done(run("sync", "--yes"))

    (code,) = seller.account.rows("promotion_code", active=True)
    coupon = seller.account.get("coupon", code["promotion"]["coupon"])
    assert "switch the old code HALF off" in told
    assert (coupon["duration"], coupon["duration_in_months"]) == ("repeating", 3)
    assert coupon["applies_to"] == {"products": ["stemhouse_default_plan_pro"]}


def test_a_site_that_sells_packs_alone_has_a_portal_without_plans(
    run: Run, seller: Seller, sites: Path
) -> None:
    one = {"ten": {**PACKS["ten"], "prices": {"usd": 500}}}
    packs = {"plans__pro": None, "plans__max": None, "packs": one}
    write_shop(sites, "default", tax=True, **packs)

    done(run("sync", "--yes"))

    (portal,) = seller.account.rows("billing_portal.configuration")
    (price,) = seller.account.rows("price")
    assert not portal["features"]["subscription_update"]["enabled"]
    assert price["tax_behavior"] == "exclusive"


def test_taxes_that_are_switched_on_later_make_prices_that_say_so_in_every_currency(
    run: Run, seller: Seller, sites: Path
) -> None:
    done(run("sync", "--yes"))
    write_shop(sites, "default", tax=True)

    told = done(run("sync", "--yes"))

    assert "make the price ten (once): 5.00 USD, 4.50 EUR" in told
    rows = seller.account.rows("price", active=True)
    behaviors = {
        one["tax_behavior"] for row in rows for one in (row, *row["currency_options"].values())
    }
    assert (len(rows), behaviors) == (4, {"exclusive"})
    assert "everything is as the site file says" in done(run("sync"))


def test_amounts_without_decimals_are_told_as_they_are(run: Run, sites: Path) -> None:
    yen = {"monthly": {"jpy": 600}}
    write_shop(
        sites,
        "default",
        packs={"ten": {**PACKS["ten"], "prices": {"jpy": 700}}},
        plans__pro__prices=yen,
        plans__max__prices=yen,
    )

    assert "make the price ten (once): 700 JPY" in done(run("sync", "--yes"))


# --- one Stripe account or several


def test_sites_with_keys_of_their_own_are_made_in_their_own_accounts(
    run: Run, sites: Path, seller: Seller, other: Seller
) -> None:
    write_shop(sites, "second")
    keys = {"STEMHOUSE_STRIPE_SECRET_KEY__SECOND": OTHER_KEY}

    told = done(run("sync", "--yes", **keys))

    assert "default:" in told
    assert "second:" in told
    made = [
        {one["metadata"]["site"] for one in each.account.rows("product")}
        for each in (seller, other)
    ]
    assert made == [{"default"}, {"second"}]


def test_sites_that_share_an_account_do_not_touch_what_is_the_others(
    run: Run, sites: Path, seller: Seller
) -> None:
    done(run("sync", "--yes"))
    write_shop(sites, "second")
    refused = run("sync", "--yes", "--site", "second")
    before = len(seller.account.rows("product", active=True))
    write_shop(sites, "second", coupons={"SECOND": {"percent_off": 10}})

    done(run("sync", "--yes", "--site", "second"))

    # Stripe knows each code once, so it is refused before anything is made.
    assert isinstance(refused.exception, InvalidOption)
    assert (refused.exception.details, before) == ({"codes": ["HALF"]}, 3)
    assert len(seller.account.rows("product", active=True)) == 6
    assert "everything is as the site file says" in done(run("sync", "--site", "default"))
    # On a page of Checkout any code of the account may be typed: each is for its site's things.
    for site, code in (("default", "HALF"), ("second", "SECOND")):
        (row,) = seller.account.rows("promotion_code", active=True, code=code)
        coupon = seller.account.get("coupon", row["promotion"]["coupon"])
        products = coupon["applies_to"]["products"]
        assert len(products) == 3
        assert all(one.startswith(f"stemhouse_{site}_") for one in products)


def test_a_site_that_sells_nothing_is_named_with_those_that_do(run: Run) -> None:
    answer = run("sync", "--site", "nowhere")

    assert isinstance(answer.exception, InvalidOption)
    assert answer.exception.details == {"selling": ["default"]}


# --- webhooks


def test_an_endpoint_is_made_and_its_secret_is_in_a_file_for_the_owner_alone(
    run: Run, seller: Seller, tmp_path: Path
) -> None:
    file = tmp_path / "secret.txt"

    told = done(run("webhook", str(file), STEMHOUSE_PUBLIC_URL="https://stems.example"))
    again = run("webhook", str(file))

    (endpoint,) = seller.account.rows("webhook_endpoint")
    assert endpoint["url"] == "https://stems.example/v1/stripe/webhooks"
    assert file.read_text().startswith("whsec_")
    assert file.read_text() not in told
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert isinstance(again.exception, OutputExists)
    assert len(seller.account.rows("webhook_endpoint")) == 1


def test_sync_has_an_endpoint_of_an_older_version_told_of_the_kinds_that_it_lacks(
    run: Run, seller: Seller, tmp_path: Path
) -> None:
    done(run("sync", "--yes"))
    done(run("webhook", str(tmp_path / "secret.txt"), STEMHOUSE_PUBLIC_URL="https://old.example"))
    (endpoint,) = seller.account.rows("webhook_endpoint")
    lacking = ["charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"]
    kinds = [kind for kind in KINDS if kind not in lacking]
    endpoint["enabled_events"] = [*kinds, "invoice.created"]
    foreign = {"url": "https://shop.example/stripe", "enabled_events": ["invoice.paid"]}
    create_endpoint(seller.account, foreign)

    shown = done(run("sync", "--dry-run"))
    before = list(endpoint["enabled_events"])
    told = done(run("sync", "--yes"))
    again = done(run("sync", "--yes"))

    says = f"send {endpoint['url']} these events as well: {', '.join(lacking)}"
    assert (says in shown, says in told) == (True, True)
    assert "portal" not in told
    assert not set(lacking) & set(before)
    assert set(endpoint["enabled_events"]) == {*KINDS, "invoice.created"}
    assert "everything is as the site file says" in again
    other = seller.account.rows("webhook_endpoint", url=foreign["url"])
    assert [one["enabled_events"] for one in other] == [["invoice.paid"]]


def test_sync_knows_an_endpoint_that_was_made_by_hand_by_its_address(
    run: Run, seller: Seller
) -> None:
    done(run("sync", "--yes"))
    mine = {"url": "https://stems.example/v1/stripe/webhooks", "enabled_events": ["invoice.paid"]}
    create_endpoint(seller.account, mine)
    everything = {"url": mine["url"], "enabled_events": ["*"]}
    create_endpoint(seller.account, everything)

    told = done(run("sync", "--yes", STEMHOUSE_PUBLIC_URL="https://stems.example"))

    assert told.count("these events as well") == 1
    rows = seller.account.rows("webhook_endpoint")
    assert sorted(len(one["enabled_events"]) for one in rows) == [1, len(KINDS)]


def test_the_real_stripe_sends_to_https_alone(run: Run, tmp_path: Path) -> None:
    answer = run("webhook", str(tmp_path / "secret.txt"), STEMHOUSE_STRIPE_API="")

    assert isinstance(answer.exception, InvalidOption)
    assert "STEMHOUSE_PUBLIC_URL" in str(answer.exception)


def test_an_endpoint_is_for_one_site(run: Run, sites: Path, tmp_path: Path) -> None:
    write_shop(sites, "second")

    answer = run("webhook", str(tmp_path / "secret.txt"))
    named = run("webhook", str(tmp_path / "secret.txt"), "--site", "second")

    assert isinstance(answer.exception, InvalidOption)
    assert "default, second" in str(answer.exception)
    assert "/s/second/v1/stripe/webhooks" in done(named)


def test_without_a_key_there_is_nothing_to_do(run: Run, tmp_path: Path) -> None:
    answer = run("webhook", str(tmp_path / "secret.txt"), STEMHOUSE_STRIPE_SECRET_KEY="")

    assert isinstance(answer.exception, InvalidOption)
    assert "STEMHOUSE_STRIPE_SECRET_KEY" in str(answer.exception)


# --- what did not arrive, and what was taken


def test_what_did_not_arrive_is_asked_for(
    run: Run, fake: FakeStripe, seller: Seller, sessions: SessionFactory, make_member: MakeMember
) -> None:
    done(run("sync", "--yes"))
    pay_for_pack(fake, seller, sessions, make_member())

    told = done(run("reconcile", "--days", "1"))
    again = done(run("reconcile"))

    assert "default: events that had not arrived: 3" in told
    assert "default: events that had not arrived: 0" in again
    assert "events that were waiting and are done: 0" in again
    with transaction(sessions, read_only=True) as session:
        assert [one.state for one in session.query(Purchase)] == ["paid"]


def pay_for_pack(
    fake: FakeStripe, seller: Seller, sessions: SessionFactory, member: Member
) -> None:
    # As if the service had stopped right after somebody went to the till.
    from stemhouse.domains.payments.gateway import StripeGateway

    price = seller.account.rows("price", lookup_key="stemhouse_default_pack_ten_once")[0]
    purchase_id = new_id("pur")
    noted = {"site": "default", "purchase": purchase_id}
    with closing(StripeGateway(KEY, fake.address)) as gateway:
        customer = gateway.create_customer({"email": "ada@example.org"}, "one")
        made = gateway.create_session(
            {
                "mode": "payment",
                "line_items": [{"price": price["id"], "quantity": 1}],
                "customer": customer,
                "success_url": "https://stems.example",
                "metadata": noted,
                "invoice_creation": {"enabled": True, "invoice_data": {"metadata": noted}},
            },
            "two",
        )
    owned: dict[str, Any] = {"site_id": "default", "account_id": member.account_id}
    now = datetime.now(UTC)
    with transaction(sessions) as session:
        session.add(
            PaymentCustomer(
                id=new_id("cust"), customer_id=customer, revision=0, created_at=now, **owned
            )
        )
        session.add(
            Purchase(
                id=purchase_id,
                kind="pack",
                item="ten",
                interval="once",
                currency="usd",
                price_cents=500,
                credits=10,
                unit="song",
                expires_days=365,
                state="open",
                return_path="/account",
                created_at=now,
                **owned,
            )
        )
    with httpx2.Client() as browser:
        assert browser.post(str(made.url), data={"do": "pay", "card": PAYS}).status_code == 303


def bill(site: str, paid_at: datetime, **more: Any) -> Bill:
    facts = {"total_cents": 440, "tax_cents": 40, "paid_cents": 440, "refunded_cents": 0}
    facts |= {"disputed_cents": 0, "currency": "usd", **more}
    return Bill(
        id=new_id("bil"),
        site_id=site,
        stripe_id=new_id("in"),
        item="ten",
        status="paid",
        credits=0,
        credits_taken=0,
        credits_short=0,
        created_at=paid_at,
        paid_at=paid_at,
        **facts,
    )


def test_takings_are_a_table_by_month_site_and_currency(run: Run, sessions: SessionFactory) -> None:
    this, year = datetime.now(UTC), datetime.now(UTC) - timedelta(days=365)
    with transaction(sessions) as session:
        session.add_all(
            [
                bill("default", year),
                bill("default", this, refunded_cents=110),
                bill("default", this, refunded_cents=220, disputed_cents=440),
                bill("default", this, currency="eur", total_cents=0, tax_cents=0, paid_cents=0),
                bill("second", this),
            ]
        )

    rows = list(csv.DictReader(io.StringIO(done(run("money")))))
    one = list(csv.DictReader(io.StringIO(done(run("money", "--site", "second")))))
    month = list(csv.DictReader(io.StringIO(done(run("money", "--month", f"{year:%Y-%m}")))))

    facts = [(row["month"], row["site"], row["currency"], row["net_cents"]) for row in rows]
    assert facts == [
        (f"{year:%Y-%m}", "default", "usd", "400"),
        (f"{this:%Y-%m}", "default", "eur", "0"),
        # 880 paid and 550 back, because a bill gives back at most what was paid for it; of 80 of
        # taxes 30 are left.
        (f"{this:%Y-%m}", "default", "usd", "300"),
        (f"{this:%Y-%m}", "second", "usd", "400"),
    ]
    assert [row["site"] for row in one] == ["second"]
    assert [row["month"] for row in month] == [f"{year:%Y-%m}"]


def test_where_nothing_was_paid_the_table_has_a_head_alone(run: Run) -> None:
    assert done(run("money")).startswith("site,month,currency,bills")
    assert done(run("money")).count("\n") == 1
