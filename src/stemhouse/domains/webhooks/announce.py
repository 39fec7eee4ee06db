"""Writing deliveries: in the transaction that changes the job, so that none is lost or invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.upsert import insert_for
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.separations.views import show_job
from stemhouse.domains.webhooks import queries
from stemhouse.domains.webhooks.events import job_event, payload
from stemhouse.domains.webhooks.tables import WebhookDelivery, WebhookEndpoint
from stemhouse.http.services import Clock


class JobAnnouncer:
    """Told of every step of a job; it is what `lifecycle.Change.announce` calls.

    Parameters
    ----------
    clock : callable
        Tells the time.
    address_of : callable
        Returns the address of a site of a name. What is told leads there, wherever it is read.
    """

    def __init__(self, clock: Clock, address_of: Callable[[str], str]) -> None:
        self._clock = clock
        self._address_of = address_of

    def __call__(self, session: Session, job: Job, kind: str) -> None:
        """Write a delivery for each endpoint that wants to know."""
        event = job_event(kind)
        if event is None:
            return
        endpoints = session.scalars(queries.listening(job.site_id, job.account_id)).all()
        wanted = [endpoint for endpoint in endpoints if event in endpoint.events]
        if not wanted:
            return
        now = self._clock()
        shown = show_job(session, job, self._address_of(job.site_id))
        body = payload(event, now, shown.model_dump(mode="json"))
        facts = {
            "event": event,
            "source": f"{job.id}/{job.last_event}",
            "job_id": job.id,
            "payload": body,
        }
        for endpoint in wanted:
            enqueue(session, endpoint, facts, now)


def enqueue(
    session: Session, endpoint: WebhookEndpoint, facts: dict[str, Any], now: datetime
) -> str:
    """Write a delivery that is due now; one of the same source changes nothing."""
    delivery_id = new_id("whd")
    session.execute(
        insert_for(session, WebhookDelivery)
        .values(
            id=delivery_id,
            site_id=endpoint.site_id,
            account_id=endpoint.account_id,
            endpoint_id=endpoint.id,
            state="pending",
            attempts=0,
            round_first=0,
            round_began_at=now,
            next_attempt_at=now,
            created_at=now,
            **facts,
        )
        .on_conflict_do_nothing()
    )
    return delivery_id
