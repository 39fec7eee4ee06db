"""Customers at Stripe whose accounts are gone: nobody asks their cards any more."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from sqlalchemy import delete
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
        rows = list(session.scalars(queries.departures(AT_ONCE)))
    for row in rows:
        try:
            gateway = till.gateway(row.site_id)
            # A page that is open in some tab would take money that nobody has anything for.
            gateway.expire_sessions(row.customer_id)
            gateway.delete_customer(row.customer_id)
        except StemhouseError as error:
            logger.warning(
                "a customer could not be removed at Stripe",
                extra={"site": row.site_id, "reason": error.code},
            )
            continue
        with transaction(till.sessions) as session:
            session.execute(delete(StripeDeparture).where(StripeDeparture.id == row.id))
