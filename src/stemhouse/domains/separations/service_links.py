"""Links that download one file without an account: they carry all they need, signed."""

from __future__ import annotations

import hashlib
import math
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from itsdangerous import BadData, Serializer, URLSafeSerializer
from itsdangerous.encoding import base64_encode
from sqlalchemy.orm import Session

from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.separations import queries, service
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
        A stem; None is all of them as one ZIP, or the mix.
    format : str
        As its maker's plan allowed it.
    expires_s : int
        When it ends, in seconds since 1970.
    made_after : int
        How often the job's links had been ended when it was made.
    mix : (list of str, float) or None
        What is in a mix, as its address writes it, and the gain of the whole in dB.
    """

    account_id: str
    job_id: str
    stem: str | None
    format: str
    expires_s: int
    made_after: int = 0
    mix: tuple[list[str], float] | None = None

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


def end_links(session: Session, principal: Principal, job_id: str) -> None:
    """End all links of a job that there are.

    Raises
    ------
    NotFound
        The account has no such job.
    """
    job = service.find(session, principal, job_id)
    session.execute(queries.end_links(job.id))


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
    if job.links_ended != link.made_after:
        raise NotFound("this link was taken back by who made it", reason="ended")
    return link, job


class _Serializer(URLSafeSerializer):
    """Without compression: its sign is a dot at the beginning, and web servers hide such names."""

    def dump_payload(self, obj: Any) -> bytes:
        return base64_encode(Serializer.dump_payload(self, obj))


def _serializer(settings: Settings, site_id: str) -> URLSafeSerializer:
    secret = settings.secret_key.get_secret_value()
    options = {"digest_method": hashlib.sha256}
    return _Serializer(secret, salt=f"download:{site_id}", signer_kwargs=options)
