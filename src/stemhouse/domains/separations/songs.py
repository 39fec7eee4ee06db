"""What a job needs to know of an upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """An examined upload.

    Attributes
    ----------
    upload_id : str
        The upload.
    name : str
        As people know it.
    key : str
        Where its bytes are stored.
    sha256 : str
        Of its bytes.
    duration_s : float
        As the examination found it.
    """

    upload_id: str
    name: str
    key: str
    sha256: str
    duration_s: float


class Songs(Protocol):
    """Finds uploads."""

    def __call__(self, session: Session, site_id: str, account_id: str, upload_id: str) -> Song:
        """Return an account's upload, complete and examined.

        Raises
        ------
        NotFound
            There is none of this account.
        Conflict
            It is not complete yet.
        """
        ...
