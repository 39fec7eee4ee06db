"""SQL of uploads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Delete, Select, Update, delete, func, or_, select, update

from stemhouse.domains.accounts.scope import owned_by
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.uploads.tables import Discarded, Upload, UploadPart


def uploads_of(site_id: str, account_id: str) -> Select[Upload]:
    """All uploads of an account."""
    return owned_by(select(Upload), site_id, account_id)


def upload_of(site_id: str, account_id: str, upload_id: str) -> Select[Upload]:
    """One upload of an account."""
    return uploads_of(site_id, account_id).where(Upload.id == upload_id)


def account_lock(account_id: str) -> Select[str]:
    """Hold an account's row, so that two uploads that begin at once are counted one by one."""
    return select(Account.id).where(Account.id == account_id).with_for_update()


def unfinished_count(site_id: str, account_id: str, now: datetime) -> Select[int]:
    """How many uploads of an account are on their way."""
    statement = owned_by(select(Upload), site_id, account_id).where(
        Upload.state.in_(("receiving", "examining")), Upload.expires_at > now
    )
    return statement.with_only_columns(func.count())


def parts_of(upload_id: str) -> Select[UploadPart]:
    """The stored parts of an upload, in order. The caller has looked up the upload's owner."""
    return (
        select(UploadPart)
        .where(UploadPart.upload_id == upload_id)
        .order_by(UploadPart.offset_bytes)
    )


def advance(upload_id: str, received: int, size: int) -> Update:
    """Count a further part, if nobody else did meanwhile."""
    return (
        update(Upload)
        .where(
            Upload.id == upload_id,
            Upload.received_bytes == received,
            Upload.state == "receiving",
        )
        .values(received_bytes=received + size)
    )


def claim(upload_id: str, now: datetime, stale: datetime) -> Update:
    """Become the one who examines an upload, if nobody else does."""
    return (
        update(Upload)
        .where(
            Upload.id == upload_id,
            or_(
                Upload.state == "receiving",
                (Upload.state == "examining") & (Upload.examining_since < stale),
            ),
        )
        .values(state="examining", examining_since=now)
    )


def release(upload_id: str) -> Update:
    """Let somebody else examine an upload."""
    return (
        update(Upload)
        .where(Upload.id == upload_id, Upload.state == "examining")
        .values(state="receiving", examining_since=None)
    )


def forget_parts(upload_id: str) -> Delete:
    """Remove the rows of an upload's parts."""
    return delete(UploadPart).where(UploadPart.upload_id == upload_id)


def expired(now: datetime, most: int) -> Select[Upload]:
    """Uploads whose time is over, of any account: for the sweeper alone."""
    return select(Upload).where(Upload.expires_at <= now).order_by(Upload.expires_at).limit(most)


def existing(upload_ids: list[str]) -> Select[str]:
    """Which of these uploads there are, of any account: for the sweeper alone."""
    return select(Upload.id).where(Upload.id.in_(upload_ids))


def discarded(most: int) -> Select[str]:
    """List stored files to remove, of any account."""
    return select(Discarded.prefix).order_by(Discarded.at).limit(most)
