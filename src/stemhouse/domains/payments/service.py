"""Going to the till, and to the portal.

Stripe is asked between transactions, never in one: each step is small, and a step that was done
twice is done once at Stripe, by its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import update
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import reading, transaction
from stemhouse.db.upsert import insert_for
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.payments import events, queries, surplus
from stemhouse.domains.payments.departing import depart
from stemhouse.domains.payments.offers import Offer, currencies_of, offer_named
from stemhouse.domains.payments.reading import PURCHASE, SITE
from stemhouse.domains.payments.schemas import (
    CheckoutAnswer,
    CheckoutRequest,
    PurchaseAnswer,
    StoreAnswer,
    SubscriptionAnswer,
)
from stemhouse.domains.payments.tables import PaymentCustomer, Purchase, Subscription
from stemhouse.domains.payments.till import Till
from stemhouse.errors import (
    Conflict,
    InvalidOption,
    NotFound,
    PaymentsRefused,
)
from stemhouse.http.sites import Place

Json = dict[str, Any]

GO_ON_WITHIN: Final = timedelta(hours=12)
"""How long somebody goes on with the purchase that was begun: its page lasts for a day."""

NOT_SYNCED: Final = (
    "Stripe has no such price of this site: the operator must run stemhouse billing sync"
)


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who is at the till, and where."""

    principal: Principal
    place: Place


def open_checkout(till: Till, shopper: Shopper, asked: CheckoutRequest) -> CheckoutAnswer:
    """Begin a purchase, or go on with one; or change the plan of who has one.

    Raises
    ------
    NotFound
        The site does not sell that.
    InvalidOption
        There is no price in that currency, or the code cannot be used.
    Conflict
        That plan is there already.
    ExternalError
        Stripe did not answer, or refused.
    """
    site = shopper.place.site
    _refuse_unsold(till, shopper)
    interval = asked.interval if asked.kind == "plan" else "once"
    offer = offer_named(site, asked.kind, asked.item, interval)
    currency, price_cents = offer.price_in(asked.currency)
    _refuse_code(till, shopper, asked)
    wanted = Purchase(
        id=new_id("pur"),
        site_id=site.name,
        account_id=shopper.principal.account_id,
        kind=offer.kind,
        item=offer.item,
        interval=offer.interval,
        currency=currency,
        price_cents=price_cents,
        code=None if asked.code is None else asked.code.upper(),
        credits=offer.credits,
        unit=site.unit,
        expires_days=offer.expires_days,
        state="open",
        return_path=asked.return_path,
        created_at=till.clock(),
    )
    if offer.kind == "plan":
        live = _live(till, shopper) or _close_other_tabs(till, shopper, wanted)
        if live is not None:
            return _change_plan(till, shopper, live, offer, return_path=asked.return_path)
    return _begin(till, shopper, offer, wanted)


def open_portal(till: Till, shopper: Shopper, return_path: str, flow: Json | None = None) -> str:
    """Return a link to the portal of Stripe.

    Raises
    ------
    NotFound
        The site sells nothing, or the account never bought anything.
    ExternalError
        Stripe did not answer, or refused.
    """
    site = shopper.place.site
    _refuse_unsold(till, shopper)
    with reading(till.sessions) as session:
        customer = session.scalar(queries.customer(*_whose(shopper)))
    if customer is None or customer.customer_id is None:
        raise NotFound("this account has not bought anything yet")
    gateway = till.gateway(site.name)
    configuration = gateway.portal_configuration(site.name)
    if configuration is None:
        raise PaymentsRefused(NOT_SYNCED)
    fields: Json = {
        "customer": customer.customer_id,
        "configuration": configuration,
        "return_url": f"{shopper.place.address}{return_path}",
    }
    return gateway.open_portal(fields if flow is None else {**fields, "flow_data": flow})


def check_purchase(till: Till, shopper: Shopper, purchase_id: str) -> PurchaseAnswer:
    """Ask Stripe now what became of a purchase, and return it; its webhook may be late, or lost.

    Raises
    ------
    NotFound
        There is no such purchase.
    ExternalError
        Stripe did not answer, or refused.
    """
    wanted = queries.purchase(*_whose(shopper), purchase_id)
    with reading(till.sessions) as session:
        found = session.scalar(wanted)
    if found is None:
        raise NotFound("there is no such purchase")
    if found.state == "open" and found.session_id is not None:
        events.write_truth(till, found.site_id, ("session", found.session_id))
        surplus.undo(till)
        with reading(till.sessions) as session:
            found = session.scalars(wanted).one()
    return PurchaseAnswer.model_validate(found)


def show_store(session: Session, till: Till, shopper: Shopper) -> StoreAnswer:
    """Return what an account's page shows of its plan."""
    site = shopper.place.site
    _refuse_unsold(till, shopper)
    live = session.scalar(queries.live_subscription(*_whose(shopper)))
    customer = session.scalar(queries.customer(*_whose(shopper)))
    return StoreAnswer(
        currencies=currencies_of(site),
        subscription=None if live is None else _shown(live, till),
        has_plans=any(plan.prices for plan in site.plans.values()),
        has_portal=customer is not None and customer.customer_id is not None,
    )


def _shown(row: Subscription, till: Till) -> SubscriptionAnswer:
    since = row.past_due_since
    return SubscriptionAnswer.model_validate(
        {
            **{
                name: getattr(row, name)
                for name in SubscriptionAnswer.model_fields
                if name != "grace_until"
            },
            "grace_until": None if since is None else since + till.grace,
        }
    )


def _begin(till: Till, shopper: Shopper, offer: Offer, wanted: Purchase) -> CheckoutAnswer:
    with transaction(till.sessions) as session:
        since = till.clock() - GO_ON_WITHIN
        begun = session.scalar(queries.open_purchase(wanted, since))
        if begun is not None and begun.url is not None:
            return CheckoutAnswer(url=begun.url, purchase_id=begun.id)
        customer = _customer_row(session, till, shopper)
        account = session.scalars(queries.account(*_whose(shopper))).one()
        email = account.email
        session.add(wanted)
    gateway = till.gateway(wanted.site_id)
    try:
        customer_id = customer.customer_id or _new_customer(till, customer, email)
        fields = _session_fields(till, shopper, offer, wanted)
        made = gateway.create_session({**fields, "customer": customer_id}, wanted.id)
    except (PaymentsRefused, InvalidOption):
        with transaction(till.sessions) as session:
            failed = update(Purchase).where(Purchase.id == wanted.id)
            session.execute(failed.values(state="failed"))
        raise
    assert made.url is not None, "a new session has a page"
    with transaction(till.sessions) as session:
        known = session.scalar(queries.give_page(wanted.id, made.id, made.url))
        if known is None:
            # The account was deleted meanwhile, in another tab: nobody is to pay for it.
            depart(session, wanted.site_id, customer_id, till.clock())
    if known is None:
        raise NotFound("this account is gone")
    return CheckoutAnswer(url=made.url, purchase_id=wanted.id)


def _live(till: Till, shopper: Shopper) -> Subscription | None:
    with reading(till.sessions) as session:
        return session.scalar(queries.live_subscription(*_whose(shopper)))


def _close_other_tabs(till: Till, shopper: Shopper, wanted: Purchase) -> Subscription | None:
    """Close the pages where other plans could still be paid; return one that was paid meanwhile."""
    with reading(till.sessions) as session:
        others = list(session.scalars(queries.other_open_plans(wanted)))
    gateway = till.gateway(wanted.site_id)
    for one in others:
        assert one.session_id is not None, "it was asked for by its session"
        try:
            gateway.expire_session(one.session_id)
        except PaymentsRefused:
            pass  # it was paid, or is over: the truth says which
        events.write_truth(till, one.site_id, ("session", one.session_id))
    return _live(till, shopper) if others else None


def _change_plan(
    till: Till, shopper: Shopper, live: Subscription, offer: Offer, *, return_path: str
) -> CheckoutAnswer:
    """Send who has a plan to the portal, to confirm another one and pay the difference."""
    if (live.plan, live.interval) == (offer.item, offer.interval):
        raise Conflict("this account has that plan already: look after it in the portal")
    gateway = till.gateway(live.site_id)
    now = gateway.subscription(live.stripe_id)
    if now.currency not in offer.amounts:
        raise Conflict(f"there is no price in {now.currency}, which the present plan is paid in")
    price = gateway.price(offer.lookup_key)
    if price is None or price.amounts != offer.amounts:
        raise PaymentsRefused(NOT_SYNCED)
    item = {"id": now.item_id, "price": price.id, "quantity": 1}
    flow: Json | None = {
        "type": "subscription_update_confirm",
        "subscription_update_confirm": {"subscription": now.id, "items": [item]},
    }
    if now.changes_to is not None:
        flow = None  # another change waits already, and is taken back there first
    url = open_portal(till, shopper, return_path, flow)
    return CheckoutAnswer(url=url, purchase_id=None)


def _customer_row(session: Session, till: Till, shopper: Shopper) -> PaymentCustomer:
    site_id, account_id = _whose(shopper)
    session.execute(
        insert_for(session, PaymentCustomer)
        .values(
            id=new_id("cust"),
            site_id=site_id,
            account_id=account_id,
            revision=0,
            created_at=till.clock(),
        )
        .on_conflict_do_nothing()
    )
    return session.scalars(queries.customer(site_id, account_id)).one()


def _new_customer(till: Till, row: PaymentCustomer, email: str | None) -> str:
    metadata = {SITE: row.site_id, "account": row.account_id}
    fields: Json = {"metadata": metadata} | ({"email": email} if email else {})
    made = till.gateway(row.site_id).create_customer(fields, row.id)
    with transaction(till.sessions) as session:
        session.execute(queries.name_customer(row.id, made))
    return made


def _session_fields(till: Till, shopper: Shopper, offer: Offer, wanted: Purchase) -> Json:
    gateway, site = till.gateway(wanted.site_id), shopper.place.site
    price = gateway.price(offer.lookup_key)
    if price is None or price.amounts != offer.amounts:
        raise PaymentsRefused(NOT_SYNCED)
    back = f"{shopper.place.address}{wanted.return_path}"
    joint = "&" if "?" in back else "?"
    noted = {SITE: site.name, PURCHASE: wanted.id}
    fields: Json = {
        "mode": "payment" if offer.kind == "pack" else "subscription",
        "line_items": [{"price": price.id, "quantity": 1}],
        "currency": wanted.currency,
        "client_reference_id": wanted.id,
        "metadata": noted,
        "success_url": f"{back}{joint}{urlencode({'purchase': wanted.id})}",
        "cancel_url": back,
    }
    if wanted.code is not None:
        code_id = gateway.promotion_code(wanted.code)
        if code_id is None:
            raise InvalidOption("this code cannot be used any more", code=wanted.code)
        fields["discounts"] = [{"promotion_code": code_id}]
    elif site.coupons:
        fields["allow_promotion_codes"] = True
    if site.tax:
        fields["automatic_tax"] = {"enabled": True}
        fields["customer_update"] = {"address": "auto", "name": "auto"}
    if offer.kind == "pack":
        fields["payment_intent_data"] = {"metadata": noted}
        fields["invoice_creation"] = {"enabled": True, "invoice_data": {"metadata": noted}}
    else:
        fields["subscription_data"] = {"metadata": noted}
    return fields


def _refuse_code(till: Till, shopper: Shopper, asked: CheckoutRequest) -> None:
    if asked.code is None:
        return
    coupon = shopper.place.site.coupons.get(asked.code.upper())
    if coupon is None:
        raise InvalidOption("this code is not valid here", code=asked.code)
    if coupon.applies_to and asked.item not in coupon.applies_to:
        raise InvalidOption(
            f"this code is for something else: {', '.join(coupon.applies_to)}",
            code=asked.code,
            applies_to=list(coupon.applies_to),
        )
    if coupon.first_purchase and _has_paid(till, shopper):
        raise InvalidOption("this code is for a first purchase only", code=asked.code)


def _has_paid(till: Till, shopper: Shopper) -> bool:
    # Stripe holds to the same. It says so without words that help, and after the code was taken.
    with reading(till.sessions) as session:
        bills = session.scalars(queries.bills(*_whose(shopper)))
        return any(bill.paid_cents > 0 for bill in bills)


def _refuse_unsold(till: Till, shopper: Shopper) -> None:
    if not till.sells(shopper.place.site):
        raise NotFound("nothing is sold here")


def _whose(shopper: Shopper) -> tuple[str, str]:
    return shopper.principal.site_id, shopper.principal.account_id
