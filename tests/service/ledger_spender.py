# A process that holds and ends without rest, until somebody kills it. Each word that it sends is a
# step that is committed.

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from multiprocessing.connection import Connection

from sqlalchemy import update
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import make_engine, make_sessions, transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.separations.tables import Job


def make_job(session: Session, owner: Owner, price: int) -> str:
    # As far as the books are concerned: a job on its way.
    job_id = new_id("job")
    session.add(
        Job(
            id=job_id,
            site_id=owner.site_id,
            account_id=owner.account_id,
            state="queued",
            upload_id="upl_none",
            name="A song",
            song_key="none",
            song_sha256="0" * 64,
            duration_s=1.0,
            model="tiny-2stems",
            residual=False,
            quality="fast",
            recipe_key=job_id,
            price=price,
            unit="second",
            urgency=1,
            running_cap=1,
            created_at=datetime.now(UTC),
            retention_s=1.0,
            attempt=0,
            failures=0,
            done_samples=0,
            last_event=1,
        )
    )
    session.flush()
    return job_id


def end_job(session: Session, job_id: str, state: str) -> None:
    session.execute(update(Job).where(Job.id == job_id).values(state=state))


def spend(url: str, owner: Owner, steps: Connection) -> None:
    sessions = make_sessions(make_engine(url))
    for number in itertools.count():
        with transaction(sessions) as session:
            job_id = make_job(session, owner, 10)
            Ledger(session, owner, "second", datetime.now(UTC)).hold(job_id, 10)
        steps.send("held")
        with transaction(sessions) as session:
            ledger = Ledger(session, owner, "second", datetime.now(UTC))
            if number % 2:
                ledger.refund(job_id)
                end_job(session, job_id, "canceled")
            else:
                ledger.settle(job_id, 10)
                end_job(session, job_id, "expired")
        steps.send("ended")
