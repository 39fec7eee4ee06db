# Buying in a real browser, as `make demo-payments` lets anybody try it: the example sites, the
# pretended Stripe and its desk, where the clock is moved, money given back and payments disputed.

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE_MS, ROOT, SIZES, Look, faults_of
from tests.service.browser import PASSWORD
from tests.service.serving import end_gently, free_port, wait_for

PAYS, DECLINED, FAILS_LATER = "4242424242424242", "4000000000000002", "4000000000000341"
OPERATOR = {"email": "operator@example.org", "password": "pretended money"}

# The page takes the purchase out of its address when it has shown it, at its own pace.
PAID = re.compile(r"/account(\?.*)?$")


@dataclass(frozen=True)
class Demo:
    address: str
    desk: str

    def site(self, name: str, path: str = "") -> str:
        return f"{self.address}/s/{name}{path}"

    def do(self, what: str, charge: str = "") -> None:
        # A button of the desk: of a charge, or of everything.
        with httpx2.Client(timeout=60) as client:
            row = f'name="key" value="(\\d+)"><input type="hidden" name="charge" value="{charge}"'
            seller = re.search(row, client.get(self.desk).text) if charge else None
            assert seller or not charge
            more = {"key": seller[1], "charge": charge} if seller else {}
            answer = client.post(self.desk, data={"do": what, **more})
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    port, desk = free_port(), free_port()
    command = ["tools/demo_payments.py", "--port", str(port), "--stripe-port", str(desk)]
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield Demo(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{desk}")
    finally:
        end_gently(process)


@pytest.fixture
def context(browser: Browser, size: str) -> Iterator[BrowserContext]:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=size == "narrow",
        reduced_motion="reduce",
        locale="en-US",
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def sign_up(demo: Demo, page: Page) -> Callable[[str], dict[str, str]]:
    def sign_up(site: str) -> dict[str, str]:
        data = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
        answer = page.request.post(demo.site(site, "/v1/account"), data=data)
        assert answer.ok, answer.text()
        return data

    return sign_up


def pay(page: Page, card: str = PAYS) -> None:
    page.get_by_label("Card number").fill(card)
    page.get_by_role("button", name=re.compile("^(Pay|Subscribe)$")).click()


def charge_of(page: Page) -> str:
    # The receipt in the account's page leads to the charge.
    address = page.get_by_role("link", name=re.compile("^Receipt ")).first.get_attribute("href")
    assert address is not None
    return address.rpartition("/")[2]


def test_a_pack_is_declined_then_bought_and_paid_back(
    demo: Demo,
    page: Page,
    sign_up: Callable[[str], dict[str, str]],
    look: Look,
    expected_errors: list[str],
) -> None:
    expected_errors.append("402")
    sign_up("splitter")
    page.goto(demo.site("splitter", "/prices"))
    assert faults_of(page) == []
    look(page, "buying-prices")

    page.get_by_role("button", name="Buy Ten songs").click()
    page.wait_for_url("**/c/pay/*")
    pay(page, DECLINED)
    expect(page.locator("body")).to_contain_text("Your card was declined")
    pay(page)

    page.wait_for_url(PAID)
    expect(page.locator("account-purchase")).to_contain_text("It is on your account: Ten songs.")
    expect(page.locator("account-plan")).not_to_contain_text("plan")
    assert page.url == demo.site("splitter", "/account")
    credits_card = page.locator("account-credits")
    expect(credits_card.locator(".balance")).to_contain_text("10 songs")
    expect(credits_card).to_contain_text("Confirm your e-mail address")
    credits_card.get_by_text("History").click()
    expect(credits_card.locator("tbody tr")).to_contain_text(["Bought: Ten songs"])
    plan = page.locator("account-plan")
    plan.get_by_text("Invoices and receipts").click()
    expect(plan.locator("tbody tr")).to_contain_text(["Ten songs"])
    expect(plan.locator("tbody tr")).to_contain_text(["$5.00"])
    assert faults_of(page) == []
    assert fits(page)
    look(page, "buying-bought")

    page.reload()
    expect(credits_card.locator(".balance")).to_contain_text("10 songs")
    expect(page.locator("account-purchase")).to_be_hidden()
    plan.get_by_text("Invoices and receipts").click()
    demo.do("refund", charge_of(page))
    expect_after_reload(page, ".balance strong", "^0 songs$")
    credits_card.get_by_text("History").click()
    expect(credits_card).to_contain_text("Taken back, because it was paid back: Ten songs")
    plan.get_by_text("Invoices and receipts").click()
    expect(plan).to_contain_text("$5.00 paid back")
    assert fits(page)
    look(page, "buying-refunded")


def fits(page: Page) -> bool:
    # What is wider than the window scrolls within itself, and moves nothing else.
    wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return bool(wide <= window)


def expect_after_reload(page: Page, where: str, words: str) -> None:
    # Webhooks come when they come.
    place, wanted = page.locator(where).first, re.compile(words)
    for _ in range(120):
        page.reload()
        expect(place).to_be_visible()
        if wanted.search(place.text_content() or ""):
            return
        page.wait_for_timeout(250)
    expect(place).to_contain_text(wanted)


def test_a_plan_lifts_the_limit_at_once_changes_fails_to_renew_and_ends(
    demo: Demo, page: Page, sign_up: Callable[[str], dict[str, str]], look: Look
) -> None:
    known = sign_up("studio")
    page.goto(demo.site("studio"))
    expect(page.locator("song-uploader .dropzone .hint").first).to_contain_text("5:00")
    page.goto(demo.site("studio", "/prices"))
    page.get_by_role("button", name="Choose Pro").click()
    page.wait_for_url("**/c/pay/*")
    pay(page)

    page.wait_for_url(PAID)
    expect(page.locator("account-purchase")).to_contain_text("you have the plan Pro")
    plan = page.locator("account-plan")
    expect(plan).to_contain_text("renews on")
    expect(page.locator("account-profile")).to_contain_text("Pro")
    assert faults_of(page) == []
    look(page, "buying-plan")
    page.goto(demo.site("studio"))
    expect(page.locator("song-uploader .dropzone .hint").first).to_contain_text("20:00")

    # By the year from now on: the portal takes the difference.
    page.goto(demo.site("studio", "/prices"))
    expect(page.get_by_role("link", name="You have this plan")).to_be_visible()
    expect(page.get_by_role("button", name="Choose Pro")).to_have_count(0)
    look(page, "buying-owned")
    page.get_by_role("button", name="Pay by the year").click()
    page.wait_for_url("**/p/session/*")
    page.get_by_role("button", name="Change the plan").click()
    expect(page.locator("body")).to_contain_text("every year")
    page.get_by_role("link", name="Back to the shop").click()
    page.wait_for_url(re.compile(r"/account(\?back=yes)?$"))
    plan.get_by_text("Invoices and receipts").click()
    expect(plan.locator("tbody tr")).to_have_count(2)

    plan.get_by_role("button", name="Change or cancel the plan").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("body")).to_contain_text("when it ends")
    page.get_by_role("link", name="Back to the shop").click()
    page.wait_for_url(re.compile(r"/account(\?back=yes)?$"))
    expect_after_reload(page, "account-plan", "cancelled, lasts until")
    look(page, "buying-cancelled")

    plan.get_by_role("button", name="Change or cancel the plan").click()
    page.get_by_role("button", name="Do not cancel").click()
    page.get_by_label("Another card").fill(FAILS_LATER)
    page.get_by_role("button", name="Keep this card").click()
    page.goto(demo.site("studio", "/account"))
    expect_after_reload(page, "account-plan", "renews on")
    demo.do("366")
    # A year without a visit ends every session.
    assert page.request.post(demo.site("studio", "/v1/session"), data=known).ok
    expect_after_reload(page, "account-plan", "The last payment failed")
    assert faults_of(page) == []
    look(page, "buying-unpaid")


def test_a_song_that_cannot_be_paid_waits_until_it_can_and_a_dispute_is_seen(
    demo: Demo,
    page: Page,
    song: Callable[..., Path],
    sign_up: Callable[[str], dict[str, str]],
    *,
    look: Look,
    expected_errors: list[str],
) -> None:
    expected_errors.append("402")
    sign_up("splitter")
    page.goto(demo.site("splitter"))
    page.locator("input[type=file]").set_input_files(song())
    page.get_by_label("I may use these songs").check()
    items = page.locator(".items .item")
    expect(items).to_contain_text(["Ready. Price: 1 song"])

    page.get_by_role("button", name="Take it apart").click()
    expect(items).to_contain_text(["This costs 1 song more than you have. The song is kept"])
    expect(items).to_contain_text(["Free credits wait for you: confirm your e-mail address"])
    assert faults_of(page) == []
    look(page, "buying-too-few")
    items.get_by_role("link", name="See prices").click()
    buy_songs(page)
    page.get_by_role("link", name="Go on with your songs").click()

    page.get_by_label("I may use these songs").check()
    expect(items).to_contain_text(["Ready. Price: 1 song"])
    page.get_by_role("button", name="Take it apart").click()
    expect(page.locator("song-list .song")).to_contain_text(["song"])
    page.goto(demo.site("splitter", "/account"))
    expect(page.locator("account-credits .balance strong")).to_have_text("9 songs")
    expect_after_reload(page, "account-credits details", "Receipt")
    receipt = page.locator("job-receipt").first
    page.locator("account-credits").get_by_text("History").click()
    receipt.get_by_text("Receipt").click()
    expect(receipt).to_contain_text(re.compile(r"Price\s*1 song\s*Charged\s*1 song"))
    assert faults_of(page) == []
    look(page, "buying-receipt")
    page.locator("account-plan").get_by_text("Invoices and receipts").click()

    demo.do("dispute", charge_of(page))
    expect_after_reload(page, "account-credits .balance strong", "^0 songs$")
    show_missing(demo, page, look)


def buy_songs(page: Page) -> None:
    page.get_by_role("button", name="Buy Ten songs").click()
    page.wait_for_url("**/c/pay/*")
    pay(page)
    page.wait_for_url(PAID)
    expect(page.locator("account-purchase")).to_contain_text("It is on your account")


def show_missing(demo: Demo, page: Page, look: Look) -> None:
    # The song was on its way when its credits were to go back: the operator decides.
    page.context.clear_cookies()
    assert page.request.post(demo.site("splitter", "/v1/session"), data=OPERATOR).ok
    page.goto(demo.site("splitter", "/admin#money"))
    money = page.locator("admin-money")
    expect(money.get_by_role("region", name="Takings by month")).to_contain_text("splitter")
    costs = money.get_by_role("region", name="Costs and margin by month")
    expect(costs).to_contain_text("splitter")
    missing = money.get_by_role("region", name="Credits that are missing")
    expect(missing.locator("tbody tr")).to_contain_text(["paid back: ten"])
    expect(missing.get_by_role("cell", name="1 song", exact=True)).to_be_visible()
    assert faults_of(page) == []
    assert fits(page)
    look(page, "buying-operator")
    page.once("dialog", lambda dialog: dialog.accept("they paid by other means"))
    missing.get_by_role("button", name=re.compile("^Decided")).click()

    expect(missing).to_have_count(0)
