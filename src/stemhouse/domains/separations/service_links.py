"""Links that download one file without an account: they carry all they need, signed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from stemhouse.domains.separations import queries
from stemhouse.domains.separations.tables import Job
from stemhouse.errors import NotFound
from stemhouse.settings import Settings


@dataclass(frozen=True, slots=True)
class DownloadLink:
    """What a link downloads.

    Attributes
    ----------
    account_id, job_id : str
        Whose job, and which.
    stem : str or None
        A stem; None is all of them as one ZIP.
    format : str
        As its maker's plan allowed it.
    expires_s : int
        When it ends, in seconds since 1970.
    """

    account_id: str
    job_id: str
    stem: str | None
    format: str
    expires_s: int

    @property
    def expires_at(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.expires_s, UTC)


def ending(now: datetime, expires_in_s: int) -> int:
    """Return when a link ends that is good for so long from now on."""
    return math.ceil(now.timestamp()) + expires_in_s


def token_of(settings: Settings, site_id: str, link: DownloadLink) -> str:
    """Return what a link has in its address; it works on its site alone."""
    return str(_serializer(settings, site_id).dumps(astuple(link)))


def follow(
    session: Session, settings: Settings, *, site_id: str, token: str, now: datetime
) -> tuple[DownloadLink, Job]:
    """Return what a link downloads, and its job.

    Raises
    ------
    NotFound
        The link was not made here, its job is gone, or it has expired, which the details say.
    """
    try:
        link = DownloadLink(*_serializer(settings, site_id).loads(token))
    except BadData as error:
        raise NotFound("this link leads nowhere") from error
    if now >= link.expires_at:
        raise NotFound("this link has expired; ask for a new one", reason="expired")
    job = session.scalar(queries.linked(site_id, link.account_id, link.job_id))
    if job is None:
        raise NotFound("this link leads nowhere any more: the song has been removed")
    return link, job


def _serializer(settings: Settings, site_id: str) -> URLSafeSerializer:
    secret = settings.secret_key.get_secret_value()
    options = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(secret, salt=f"download:{site_id}", signer_kwargs=options)
