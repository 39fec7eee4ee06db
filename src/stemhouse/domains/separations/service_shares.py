"""Links to a song's stems for people without an account: made, listed, taken back, followed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from itsdangerous import BadSignature, Signer
from sqlalchemy.orm import Session

from stemhouse.db.ids import is_id, new_id
from stemhouse.domains.separations import queries
from stemhouse.domains.separations.tables import Job, Share
from stemhouse.errors import NotFound, QuotaExceeded
from stemhouse.settings import Settings

MOST_SHARES: Final = 100
"""Of one job. Each can be taken back alone; more than this nobody keeps in mind."""


def share(session: Session, job: Job, *, now: datetime, expires_in_s: int) -> Share:
    """Make a link to the stems of a job, which its owner asks for.

    Raises
    ------
    QuotaExceeded
        It has a hundred links.
    """
    if len(shares_of(session, job)) >= MOST_SHARES:
        raise QuotaExceeded(f"a job has {MOST_SHARES} links at most: take one back", limit="shares")
    made = Share(
        id=new_id("shr"),
        site_id=job.site_id,
        account_id=job.account_id,
        job_id=job.id,
        created_at=now,
        expires_at=now + timedelta(seconds=expires_in_s),
    )
    session.add(made)
    session.flush()
    return made


def shares_of(session: Session, job: Job) -> Sequence[Share]:
    """Return a job's links, newest first."""
    found = queries.shares_of(job.site_id, job.account_id).where(Share.job_id == job.id)
    return session.scalars(found).all()


def take_back(session: Session, job: Job, share_id: str) -> None:
    """End a link at once.

    Raises
    ------
    NotFound
        There is no such link.
    """
    found = next((one for one in shares_of(session, job) if one.id == share_id), None)
    if found is None:
        raise NotFound("there is no such link")
    session.delete(found)


def token_of(settings: Settings, share: Share) -> str:
    """Return what a link has in its address: cannot be guessed, and can be shown again."""
    return _signer(settings, share.site_id).sign(share.id).decode()


def shared_job(
    session: Session, settings: Settings, *, site_id: str, token: str, now: datetime
) -> Job:
    """Return the job that a link leads to.

    Raises
    ------
    NotFound
        The link was not made here, was taken back, or has expired, which the details say.
    """
    try:
        share_id = _signer(settings, site_id).unsign(token).decode("ascii", "replace")
    except BadSignature as error:
        raise NotFound("this link leads nowhere") from error
    found = None
    if is_id(share_id, "shr"):
        found = session.execute(queries.shared(site_id, share_id)).one_or_none()
    if found is None:
        raise NotFound("this link leads nowhere")
    share, job = found
    if share.expires_at <= now:
        raise NotFound("this link has expired; ask for a new one", reason="expired")
    return job


def _signer(settings: Settings, site_id: str) -> Signer:
    secret = settings.secret_key.get_secret_value()
    return Signer(secret, salt=f"share:{site_id}", digest_method=hashlib.sha256)
