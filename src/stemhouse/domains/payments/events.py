"""Events of Stripe: stored once, acted on once, in whatever order they come.

What an event holds is not believed, only what it is about: that is read anew. Between the reading
and the writing another event of the same customer may be written; then it is read again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from stemhouse.db.session import reading, transaction
from stemhouse.db.upsert import insert_for
from stemhouse.domains.payments import queries
from stemhouse.domains.payments.facts import About, EventFacts, Truth
from stemhouse.domains.payments.gateway import StripeGateway
from stemhouse.domains.payments.tables import PaymentCustomer, StripeEvent
from stemhouse.domains.payments.till import Till
from stemhouse.domains.payments.writing import Writer
from stemhouse.errors import NotFound, StemhouseError

logger = logging.getLogger(__name__)

READ_AGAIN: Final = 8
"""How often the truth is read anew while others write; then it is somebody's later turn."""

FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 3_600.0
MOST_ATTEMPTS: Final = 60
"""With these pauses about two days: whatever is wrong with Stripe by then needs a hand."""


def store(session: Session, site_name: str, facts: EventFacts, *, via: str, now: datetime) -> bool:
    """Store an event, once; False when it was there already."""
    added = session.execute(
        insert_for(session, StripeEvent)
        .values(
            id=facts.id,
            site_id=site_name,
            kind=facts.kind,
            about=facts.about,
            object_id=facts.object_id,
            via=via,
            state="received",
            attempts=0,
            next_attempt_at=now,
            told_at=facts.told_at,
            received_at=now,
        )
        .on_conflict_do_nothing()
        .returning(StripeEvent.id)
    )
    return added.first() is not None


def act(till: Till, event_id: str) -> bool:
    """Do what an event asks for, unless it was done; False when it must wait for another turn."""
    with reading(till.sessions) as session:
        event = session.scalar(queries.event(event_id))
    if event is None or event.state != "received":
        return True
    if not till.serves(event.site_id):
        _postpone(till, event, "no_key")
        return False
    try:
        written = write_truth(till, event.site_id, (_about(event), event.object_id), event_id)
    except NotFound:
        written = None  # gone at Stripe: nothing is left to be done
    except StemhouseError as error:
        _postpone(till, event, error.code)
        return False
    if written is None:
        with transaction(till.sessions) as session:
            session.execute(queries.finish_event(event_id, "ignored"))
        return True
    if not written:
        _postpone(till, event, "busy")
    return written


def write_truth(
    till: Till, site_name: str, what: tuple[About, str], event_id: str | None = None
) -> bool | None:
    """Read something from Stripe and write what follows from it.

    Parameters
    ----------
    till : Till
        The collaborators.
    site_name : str
        Whose Stripe account is asked.
    what : tuple
        What to read: its kind and its identifier.
    event_id : str, optional
        The event behind it, which is done in the same transaction.

    Returns
    -------
    bool or None
        None when it belongs to nobody here; False when others wrote all the time.

    Raises
    ------
    NotFound
        There is no such thing at Stripe.
    ExternalError
        Stripe did not answer, or refused.
    """
    gateway = till.gateway(site_name)
    truth = read_truth(gateway, *what)
    for _ in range(READ_AGAIN):
        if truth.customer_id is None:
            return None
        with reading(till.sessions) as session:
            wanted = queries.customer_of(truth.customer_id, till.beside(site_name))
            customer = session.scalar(wanted)
        if customer is None:
            return None
        # After its revision is known: what is read now is not older than what was written.
        truth = read_truth(gateway, *what)
        if _write(till, customer, truth, event_id):
            return True
    return False


def write_known(till: Till, customer: PaymentCustomer) -> None:
    """Write what follows from the rows of a customer at this moment, without asking Stripe."""
    _write(till, customer, Truth(customer_id=customer.customer_id), None)


def read_truth(gateway: StripeGateway, about: About, object_id: str) -> Truth:
    """Read what an event is about, and what hangs together with it."""
    if about == "session":
        session = gateway.session(object_id)
        subscription_id, invoice_id = session.subscription_id, session.invoice_id
        subscription = gateway.subscription(subscription_id) if subscription_id else None
        return Truth(
            customer_id=session.customer_id,
            session=session,
            subscription=subscription,
            invoice=gateway.invoice(invoice_id) if invoice_id else None,
        )
    if about == "subscription":
        subscription = gateway.subscription(object_id)
        latest = subscription.latest_invoice_id
        invoice = gateway.invoice(latest) if latest else None
        return Truth(
            customer_id=subscription.customer_id, subscription=subscription, invoice=invoice
        )
    found = gateway.invoice_of_payment(object_id) if about == "payment" else object_id
    if found is None:
        return Truth(customer_id=None)  # a payment that is for no invoice is none of ours
    invoice = gateway.invoice(found)
    mine = invoice.subscription_id
    subscription = gateway.subscription(mine) if mine else None
    return Truth(customer_id=invoice.customer_id, subscription=subscription, invoice=invoice)


def _write(till: Till, customer: PaymentCustomer, truth: Truth, event_id: str | None) -> bool:
    site = till.sites.by_name(customer.site_id)
    with transaction(till.sessions) as session:
        revision = session.scalar(queries.claim(customer))
        if revision is None:
            return False
        if event_id is not None:
            mine = session.scalar(queries.finish_event(event_id, "done"))
            if mine is None:
                session.rollback()
                return True  # another process was faster
        row = session.get_one(PaymentCustomer, customer.id)
        Writer(session, site, row, till.clock(), till.grace).write(truth)
    return True


def _postpone(till: Till, event: StripeEvent, error: str) -> None:
    attempts = event.attempts + 1
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts - 1, 20))
    over = attempts >= MOST_ATTEMPTS
    values = {
        "attempts": attempts,
        "error": error,
        "state": "given_up" if over else "received",
        "next_attempt_at": None if over else till.clock() + timedelta(seconds=pause_s),
    }
    with transaction(till.sessions) as session:
        session.execute(
            update(StripeEvent)
            .where(StripeEvent.id == event.id, StripeEvent.state == "received")
            .values(values)
        )
    level = logging.ERROR if over else logging.WARNING
    logger.log(
        level,
        "an event of Stripe could not be done",
        extra={"event": event.id, "kind": event.kind, "reason": error, "attempt": attempts},
    )


def _about(event: StripeEvent) -> About:
    about: About = event.about  # type: ignore[assignment]
    return about
