"""Two plans bought in two tabs at the same moment: the second one is paid back and ended.

Whoever has a plan is sent to the portal, and a plan that is begun closes the pages of others; so
this happens only where two payments meet. What is left to do is read from the rows each time:
whatever crashes in between is done again, and Stripe does each step once.
"""

from __future__ import annotations

import logging
from typing import Final

from stemhouse.db.session import reading
from stemhouse.domains.payments import events, queries
from stemhouse.domains.payments.tables import Subscription
from stemhouse.domains.payments.till import Till
from stemhouse.errors import StemhouseError

logger = logging.getLogger(__name__)

AT_ONCE: Final = 20


def undo(till: Till) -> None:
    """Pay surplus subscriptions back and end them."""
    with reading(till.sessions) as session:
        rows = list(session.scalars(queries.surplus_subscriptions(AT_ONCE)))
    for row in rows:
        try:
            _undo(till, row)
        except StemhouseError as error:
            logger.warning(
                "a second subscription could not be given back yet",
                extra={"site": row.site_id, "subscription": row.stripe_id, "reason": error.code},
            )


def _undo(till: Till, row: Subscription) -> None:
    gateway = till.gateway(row.site_id)
    latest = gateway.subscription(row.stripe_id).latest_invoice_id
    # The money first: once it has ended nobody looks for it any more.
    if latest is not None:
        gateway.refund_invoice(latest, f"surplus:{latest}")
    gateway.cancel_subscription(row.stripe_id)
    events.write_truth(till, row.site_id, ("subscription", row.stripe_id))
    logger.warning(
        "a second subscription was given back",
        extra={"site": row.site_id, "subscription": row.stripe_id},
    )
