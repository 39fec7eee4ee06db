"""Customers at Stripe whose accounts are gone: nobody asks their cards any more.

A bank may still be on its way to pay for something. A customer stays for so long, and is given back
what then comes for nobody.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import reading, transaction
from stemhouse.db.upsert import insert_for
from stemhouse.domains.payments import queries
from stemhouse.domains.payments.tables import StripeDeparture
from stemhouse.domains.payments.till import Till
from stemhouse.errors import StemhouseError

logger = logging.getLogger(__name__)

AT_ONCE: Final = 100

BANKS_TAKE_AT_MOST: Final = timedelta(days=30)
"""After that a payment by bank has come, or does not."""

FIRST_PAUSE: Final = timedelta(minutes=2)
LONGEST_PAUSE: Final = timedelta(hours=6)
"""Banks take days: whoever waits for one is asked about after pauses that double up to this one."""


def depart(session: Session, site_id: str, customer_id: str, now: datetime) -> None:
    """Note that a customer is to be removed at Stripe, which is told after the commit."""
    session.execute(
        insert_for(session, StripeDeparture)
        .values(id=new_id("dep"), site_id=site_id, customer_id=customer_id, created_at=now)
        .on_conflict_do_nothing()
    )


def remove_departed(till: Till) -> None:
    """Remove customers at Stripe, with what they subscribe to and what they could still pay."""
    with reading(till.sessions) as session:
        rows = list(session.scalars(queries.departures(till.clock(), AT_ONCE)))
    for row in rows:
        try:
            removed = _remove(till, row)
        except StemhouseError as error:
            removed = False
            logger.warning(
                "a customer could not be removed at Stripe",
                extra={"site": row.site_id, "reason": error.code, "attempt": row.attempts + 1},
            )
        mine = StripeDeparture.id == row.id
        with transaction(till.sessions) as session:
            session.execute(
                delete(StripeDeparture).where(mine)
                if removed
                else update(StripeDeparture).where(mine).values(_later(row, till.clock()))
            )


def _later(row: StripeDeparture, now: datetime) -> dict[str, object]:
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(row.attempts, 20))
    return {"attempts": row.attempts + 1, "next_attempt_at": now + pause}


def _remove(till: Till, row: StripeDeparture) -> bool:
    gateway = till.gateway(row.site_id)
    # A page that is open in some tab would take money that nobody has anything for.
    gateway.expire_sessions(row.customer_id)
    complete = gateway.complete_sessions(row.customer_id)
    for session in complete:
        if session.paid and session.invoice_id is not None:
            _give_back(till, row, session.invoice_id)
    subscribed = [one.subscription_id for one in complete if one.subscription_id is not None]
    bank_pays = any(
        one.subscription_id is None and not one.paid and not one.failed for one in complete
    )
    if bank_pays and till.clock() < row.created_at + BANKS_TAKE_AT_MOST:
        # Whoever is removed subscribes to nothing; who stays for a while must not either.
        for subscription_id in subscribed:
            gateway.cancel_subscription(subscription_id)
        return False
    gateway.delete_customer(row.customer_id)
    return True


def _give_back(till: Till, row: StripeDeparture, invoice_id: str) -> None:
    with reading(till.sessions) as session:
        if session.scalar(queries.bill(invoice_id)) is not None:
            return  # paid while there was an account
    till.gateway(row.site_id).refund_invoice(invoice_id, f"nobody:{invoice_id}")
    logger.warning(
        "what was paid for a deleted account was given back",
        extra={"site": row.site_id, "invoice": invoice_id},
    )
