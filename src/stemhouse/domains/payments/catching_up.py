"""What goes on beside requests: events that are due or did not arrive, purchases that nobody pays.

Every process of the API does it; each step may run in several at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from stemhouse.db.session import reading, transaction
from stemhouse.db.upsert import insert_for
from stemhouse.domains.accounts.alarms import Alarming, raise_alarm
from stemhouse.domains.payments import departing, events, queries, surplus
from stemhouse.domains.payments.plan_months import CAUSE
from stemhouse.domains.payments.tables import StripeCursor
from stemhouse.domains.payments.till import Till
from stemhouse.errors import NotFound, StemhouseError

logger = logging.getLogger(__name__)

OVERLAP: Final = timedelta(minutes=10)
"""Asked for again each time: events may show up in the list a little late."""

LONGEST: Final = timedelta(days=29)
"""Stripe keeps events for 30 days."""

ABANDONED: Final = timedelta(hours=25)
"""A page of Checkout lasts for a day."""

KEPT: Final = timedelta(days=60)
AT_ONCE: Final = 100


def act_on_due(till: Till) -> int:
    """Do what events ask for that nobody did yet: after a crash, or when Stripe was away."""
    with reading(till.sessions) as session:
        due = list(session.scalars(queries.due_events(till.clock(), AT_ONCE)))
    return sum(events.act(till, one) for one in due)


def act(till: Till, event_id: str) -> None:
    """Do what an event asks for, and what follows from it at Stripe."""
    events.act(till, event_id)
    surplus.undo(till)


def reconcile(till: Till, site_name: str, since: datetime | None = None) -> int:
    """Ask Stripe for what happened and store what did not arrive; return how many that were.

    Raises
    ------
    ExternalError
        Stripe did not answer, or refused.
    """
    now = till.clock()
    with reading(till.sessions) as session:
        seen_until = session.scalar(queries.cursor(site_name))
    if since is None:
        since = now - LONGEST if seen_until is None else seen_until - OVERLAP
    told = till.gateway(site_name).events(since)
    with transaction(till.sessions) as session:
        new = [
            one.id for one in told if events.store(session, site_name, one, via="asked", now=now)
        ]
        if told:
            # By Stripe's clock: where ours is ahead, events would be passed over.
            latest = max(one.told_at for one in told)
            session.execute(
                insert_for(session, StripeCursor)
                .values(site_id=site_name, seen_until=latest)
                .on_conflict_do_update(index_elements=["site_id"], set_={"seen_until": latest})
            )
    for event_id in new:
        events.act(till, event_id)
    return len(new)


def reconcile_all(till: Till) -> None:
    """Ask each Stripe account once, however many sites are paid into it."""
    done: set[str] = set()
    for site in till.selling_sites():
        if site.name in done:
            continue
        done |= set(till.beside(site.name))
        try:
            reconcile(till, site.name)
        except StemhouseError as error:
            logger.warning(
                "Stripe could not be asked for events",
                extra={"site": site.name, "reason": error.code},
            )


def close_abandoned(till: Till) -> None:
    """End purchases that were begun and never paid, where nothing told of it."""
    with reading(till.sessions) as session:
        rows = list(session.scalars(queries.abandoned(till.clock() - ABANDONED, AT_ONCE)))
    for row in rows:
        try:
            known = row.session_id is not None and (
                events.write_truth(till, row.site_id, ("session", row.session_id)) is not None
            )
        except NotFound:
            known = False  # it never came to a page, or whose page it was has gone
        except StemhouseError as error:
            logger.warning(
                "Stripe could not be asked for a purchase",
                extra={"site": row.site_id, "reason": error.code},
            )
            continue
        if not known:
            with transaction(till.sessions) as session:
                session.execute(queries.give_up(row.id))


def give_months(till: Till) -> None:
    """Give what plans bring for the months that have begun: of a year that is paid, Stripe tells
    nothing when they do.
    """
    after = ""
    while True:
        with reading(till.sessions) as session:
            wanted = queries.months_due(till.clock(), CAUSE, after, AT_ONCE)
            rows = list(session.scalars(wanted))
        for row in rows:
            if till.serves(row.site_id):
                events.write_known(till, row)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].id


def watch_plans(till: Till) -> None:
    """Alarm the operator, once a month each, where somebody pays for a plan that its site lacks:
    Stripe goes on charging for it, and the account has the free one.
    """
    now = till.clock()
    with reading(till.sessions) as session:
        alarms = [
            Alarming(
                site_id=site.name,
                kind="plan_gone",
                subject=row.account_id,
                period=f"{now:%Y-%m}",
                data={"plan": row.plan},
            )
            for site in till.selling_sites()
            for row in session.scalars(queries.plans_beyond(site.name, list(site.plans)))
        ]
    if not alarms:
        return
    with transaction(till.sessions) as session:
        for alarm in alarms:
            raise_alarm(session, alarm, now)


def forget_old(till: Till) -> None:
    """Remove events that cannot come again any more."""
    with transaction(till.sessions) as session:
        session.execute(queries.old_events(till.clock() - KEPT))


class CatchingUp:
    """A thread that does all of it from time to time."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="payments", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present step."""
        self._stopped.set()
        self._thread.join()

    def once(self) -> None:
        """Do each step once."""
        steps: list[Callable[[Till], object]] = [
            reconcile_all,
            act_on_due,
            surplus.undo,
            give_months,
            watch_plans,
            close_abandoned,
            departing.remove_departed,
            forget_old,
        ]
        for step in steps:
            try:
                step(self._till)
            except SQLAlchemyError:  # the database is away for a moment: the next round mends it
                logger.exception("payments could not catch up", extra={"step": step.__name__})

    def _run(self) -> None:
        while not self._stopped.wait(self._till.settings.payment_sweep_s):
            self.once()
