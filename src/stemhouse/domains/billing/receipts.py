"""Receipts: what became of a job's price."""

from __future__ import annotations

from typing import cast

from sqlalchemy.orm import Session

from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.schemas import ReceiptAnswer
from stemhouse.domains.billing.views import show_entries
from stemhouse.domains.separations.purse import Unit
from stemhouse.errors import NotFound


def receipt_of(session: Session, owner: Owner, job_id: str) -> ReceiptAnswer:
    """Return a job's receipt, from the books alone where the job has been deleted.

    Raises
    ------
    NotFound
        The account has, and had, no such job.
    """
    whose = (owner.site_id, owner.account_id)
    rows = session.scalars(queries.transactions_of_job(*whose, job_id)).all()
    job = session.scalar(queries.job(*whose, job_id))
    if job is None and not rows:
        raise NotFound("there is no such job")
    entries = show_entries(session, *whose, rows)
    taken = -sum(entry.amount for entry in entries if entry.kind == "hold")
    charged = sum(entry.charged for entry in entries)
    back = sum(entry.amount for entry in entries if entry.kind != "hold")
    return ReceiptAnswer(
        job_id=job_id,
        status=None if job is None else job.state,
        song=None if job is None else job.name,
        duration_s=None if job is None else job.duration_s,
        model=None if job is None else job.model,
        quality=None if job is None else job.quality,
        unit=cast(Unit, rows[0].unit if job is None else job.unit),
        price=taken if job is None else job.price,
        held=taken - charged - back,
        charged=charged,
        given_back=back,
        entries=entries,
    )
