"""The fake Stripe as a server: one application for its API and its pages."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Address

from stemhouse.testing.stripe.account import API_VERSION, FakeAccount
from stemhouse.testing.stripe.checkout import expire_old, write_invoice
from stemhouse.testing.stripe.debits import settle
from stemhouse.testing.stripe.forms import read_form
from stemhouse.testing.stripe.pages import page_routes
from stemhouse.testing.stripe.refusals import Json, Refusal, bad, not_done
from stemhouse.testing.stripe.routes import ROUTES, Route
from stemhouse.testing.stripe.shapes import read, shape
from stemhouse.testing.stripe.showing import shown
from stemhouse.testing.stripe.subscriptions import run_customer
from stemhouse.testing.stripe.webhooks import Post, Send

Clock = Callable[[], datetime]

_START_S: Final = 20.0
_KEPT: Final = {200, 402}
"""Answers that a repeated request gets again: what was refused before it began is tried anew."""


@dataclass(frozen=True)
class Seller:
    """One account and its webhooks, for whoever drives the fake."""

    account: FakeAccount
    post: Post

    def catch_up(self) -> None:
        """Let happen what is due by now: renewals, attempts, ends of sessions, banks' answers."""
        with self.account.lock:
            expire_old(self.account)
            settle(self.account, write_invoice)
            for customer in reversed(self.account.rows("customer")):
                run_customer(self.account, customer["id"])


class FakeStripe:
    """A small Stripe with several accounts.

    Parameters
    ----------
    clock : callable
        Tells the time; move it, then let ``Seller.catch_up`` do what was due.
    send : callable, optional
        Posts webhooks; over HTTP where absent.
    """

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), send: Send | None = None) -> None:
        self.address = ""
        self.clock = clock
        self.sellers: dict[str, Seller] = {}
        self.broken: list[int] = []
        """Statuses that the next requests get instead of what they ask for."""
        self._send = send

    def open_account(
        self,
        key: str,
        name: str = "A shop",
        *,
        clock: Clock | None = None,
        send: Send | None = None,
    ) -> Seller:
        """Open an account; its secret key begins with ``sk_test_``. It may have a time and a way
        to send webhooks of its own.
        """
        if not key.startswith("sk_test_"):
            raise ValueError("a secret key of the test mode begins with sk_test_")
        account = FakeAccount(key, name, clock or self.clock, self.address)
        self.sellers[key] = Seller(account, Post(account, send or self._send))
        return self.sellers[key]

    def application(self) -> Starlette:
        """Return the application."""

        async def api(request: Request) -> Response:
            body = (await request.body()).decode("utf-8", "replace")
            return await run_in_threadpool(self._answer, request, body)

        methods = ["GET", "POST", "DELETE", "PUT", "PATCH"]
        routes = [Address("/v1/{path:path}", api, methods=methods), *page_routes(self)]
        return Starlette(routes=routes)

    def _answer(self, request: Request, body: str) -> Response:
        if self.broken:
            status = self.broken.pop(0)
            answer: Json = {"error": {"type": "api_error", "message": "Something went wrong."}}
            return JSONResponse(answer, status_code=status)
        try:
            account = self._account(request)
            with account.lock:
                return self._once(account, request, body)
        except Refusal as refused:
            return JSONResponse(refused.body, status_code=refused.status)

    def _account(self, request: Request) -> FakeAccount:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refusal(
                401,
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
            )
        seller = self.sellers.get(key)
        if seller is None:
            shown_key = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
            raise Refusal(401, f"Invalid API Key provided: {shown_key}")
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise bad(f"Invalid Stripe API version: {version}. This one knows {API_VERSION}.")
        return seller.account

    def _once(self, account: FakeAccount, request: Request, body: str) -> Response:
        key = request.headers.get("idempotency-key")
        if key is None or request.method != "POST":
            status, answer = self._do(account, request, body)
            return JSONResponse(answer, status_code=status)
        asked = f"{request.url.path}\n{body}".encode()
        fingerprint = hashlib.sha256(asked).hexdigest()
        if key not in account.answers:
            status, answer = self._do(account, request, body)
            if status in _KEPT:
                account.answers[key] = (fingerprint, status, answer)
            return JSONResponse(answer, status_code=status)
        before, status, answer = account.answers[key]
        if before != fingerprint:
            raise bad_idempotency(key)
        return JSONResponse(answer, status, headers={"Idempotent-Replayed": "true"})

    def _do(self, account: FakeAccount, request: Request, body: str) -> tuple[int, Json]:
        try:
            route, ids = _find(request.method, request.path_params["path"])
            asked = _asked(route, request.url.query if request.method == "GET" else body)
            expand = asked.pop("expand", [])
            answer = route.do(account, asked, *ids)
            return 200, json.loads(json.dumps(shown(account, answer, expand)))
        except Refusal as refused:
            return refused.status, refused.body


def bad_idempotency(key: str) -> Refusal:
    """Refuse a key that was used for something else."""
    return Refusal(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
        kind="idempotency_error",
    )


@contextmanager
def running_stripe(
    clock: Clock = lambda: datetime.now(UTC), send: Send | None = None, port: int = 0
) -> Iterator[FakeStripe]:
    """Run a fake Stripe in a thread of this process, at 127.0.0.1.

    ``stripe.StripeClient(key, base_addresses={"api": fake.address})`` talks to it.
    """
    fake = FakeStripe(clock, send)
    config = uvicorn.Config(
        fake.application(),
        host="127.0.0.1",
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    # Otherwise each answer waits 40 ms for the client to acknowledge its headers.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fake.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        _wait(server)
        yield fake
    finally:
        # Clients keep their connections open: nobody is waited for.
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()


def _wait(server: uvicorn.Server) -> None:
    waited = threading.Event()
    for _ in range(round(_START_S / 0.01)):
        if server.started:
            return
        waited.wait(0.01)
    raise TimeoutError("the fake Stripe did not start")


def _find(method: str, path: str) -> tuple[Route, tuple[Any, ...]]:
    for route in ROUTES:
        found = route.path.fullmatch(path)
        if found and route.method == method:
            return route, found.groups()
    raise Refusal(
        404,
        f"Unrecognized request URL ({method}: /v1/{path}). Please see https://stripe.com/docs or "
        "we can help at https://support.stripe.com/.",
    )


def _asked(route: Route, text: str) -> Json:
    asked = read(read_form(text), shape(route.shape))
    for name in asked:
        if name not in route.done:
            raise not_done(f"the parameter {name}")
    return asked
