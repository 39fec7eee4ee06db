"""The pages: where a card is typed, the portal, invoices and receipts, and the desk of whoever
tries things out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from stemhouse.testing.stripe import checkout, debits, money, portal
from stemhouse.testing.stripe.account import FakeAccount
from stemhouse.testing.stripe.cards import KNOWN
from stemhouse.testing.stripe.catalogue import amount_in
from stemhouse.testing.stripe.refusals import Json, Refusal

if TYPE_CHECKING:
    from stemhouse.testing.stripe.server import FakeStripe

_SEE_OTHER: Final = 303
_DAY_S: Final = 86_400.0
_PAGES: Final = Environment(
    loader=PackageLoader("stemhouse.testing.stripe"), autoescape=select_autoescape()
)


def page_routes(fake: FakeStripe) -> list[Route]:
    """Return the addresses of the pages."""
    pages = Pages(fake)
    return [
        Route("/", _page(pages.desk), methods=["GET", "POST"]),
        Route("/c/pay/{id}", _page(pages.checkout), methods=["GET", "POST"]),
        Route("/p/session/{id}", _page(pages.portal), methods=["GET", "POST"]),
        Route("/invoices/{id}", _page(pages.invoice)),
        Route("/invoices/{id}/pdf", _page(pages.invoice)),
        Route("/receipts/{id}", _page(pages.receipt)),
    ]


def _page(show: Callable[[Request, dict[str, str]], Response]) -> Callable[[Request], Any]:
    async def page(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        return await run_in_threadpool(show, request, form)

    return page


class Pages:
    """What the pages show, and what their buttons do."""

    def __init__(self, fake: FakeStripe) -> None:
        self._fake = fake

    def checkout(self, request: Request, form: dict[str, str]) -> Response:
        """Show a session, take a code or a card."""
        account, session = self._find("checkout.session", request)
        if session is None:
            return _gone()
        error = ""
        with account.lock:
            try:
                if form.get("do") == "code":
                    checkout.use_code(account, session, form.get("code", ""))
                elif form.get("do") == "pay":
                    checkout.complete(account, session["id"], form.get("card", ""))
                    done = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
                    return RedirectResponse(done, _SEE_OTHER)
            except Refusal as refused:
                error = str(refused)
            numbers = (*KNOWN, *debits.KNOWN)
            facts = {"session": session, "cards": numbers, "error": error}
            return _shown(account, "checkout", f"Pay {account.name}", **facts)

    def portal(self, request: Request, form: dict[str, str]) -> Response:
        """Show what a customer has, and change it."""
        account, session = self._find("billing_portal.session", request)
        if session is None:
            return _gone()
        error = ""
        with account.lock:
            try:
                if form:
                    portal.act(account, session["id"], form.get("do", ""), form.get("value", ""))
            except Refusal as refused:
                error = str(refused)
            subscription = portal.subscription_in(account, session)
            flow = (session["flow"] or {}).get("subscription_update_confirm") or {"items": [{}]}
            facts = {
                "session": session,
                "subscription": subscription,
                "choices": portal.choices_in(account, session),
                "wanted": flow["items"][0].get("price"),
                "invoices": account.rows("invoice", customer=session["customer"]),
                "error": error,
            }
            return _shown(account, "portal", account.name, **facts)

    def invoice(self, request: Request, _form: dict[str, str]) -> Response:
        """Show an invoice."""
        account, found = self._find("invoice", request)
        if found is None:
            return _gone()
        return _shown(account, "invoice", f"Invoice {found['number']}", invoice=found)

    def receipt(self, request: Request, _form: dict[str, str]) -> Response:
        """Show a receipt."""
        account, found = self._find("charge", request)
        if found is None:
            return _gone()
        return _shown(account, "receipt", "Receipt", charge=found, shop=account.name)

    def desk(self, _request: Request, form: dict[str, str]) -> Response:
        """Show and do what people cannot: move the clock, mistreat webhooks, refund."""
        error = ""
        try:
            if form:
                self._do(form)
        except Refusal as refused:
            error = str(refused)
        facts = {
            "title": "The desk",
            "now": f"{self._fake.clock():%Y-%m-%d %H:%M}",
            "movable": hasattr(self._fake.clock, "advance"),
            "sellers": list(self._fake.sellers.values()),
            "money": _money,
            "error": error,
        }
        return HTMLResponse(_PAGES.get_template("desk.html").render(facts))

    def _do(self, form: dict[str, str]) -> None:
        what = form["do"]
        sellers = list(self._fake.sellers.values())
        if what.isdecimal():
            self._fake.clock.advance(int(what) * _DAY_S)  # type: ignore[attr-defined]
            for one in sellers:
                one.catch_up()
            return
        seller = sellers[int(form["key"])]
        account = seller.account
        if what == "hold":
            seller.post.held = not seller.post.held
        elif what == "shuffle":
            seller.post.deliver(times=2, shuffled=Random())
        elif what == "lose":
            seller.post.lose()
        elif what == "again":
            seller.post.again()
        elif what == "refund":
            with account.lock:
                money.create_refund(account, {"charge": form["charge"]})
        elif what == "dispute":
            with account.lock:
                money.dispute(account, form["charge"])

    def _find(self, kind: str, request: Request) -> tuple[FakeAccount, Json | None]:
        accounts = [seller.account for seller in self._fake.sellers.values()]
        for account in accounts:
            found = account.find(kind, request.path_params["id"])
            if found is not None:
                return account, found
        return accounts[0], None


def _gone() -> Response:
    facts = {"title": "There is nothing here", "error": "This link is wrong, or its time is over."}
    return HTMLResponse(_PAGES.get_template("base.html").render(facts), 404)


def _shown(account: FakeAccount, page: str, title: str, **facts: object) -> Response:
    names = {one["id"]: one["name"] for one in account.rows("product")}
    tools = {"money": _money, "day": _day, "amount": amount_in, "names": names}
    status = 402 if facts.get("error") else 200
    text = _PAGES.get_template(f"{page}.html").render({"title": title, **tools, **facts})
    return HTMLResponse(text, status)


def _money(cents: int, currency: str) -> str:
    digits = 0 if currency == "jpy" else 2
    return f"{cents / 10**digits:.{digits}f} {currency.upper()}"


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
