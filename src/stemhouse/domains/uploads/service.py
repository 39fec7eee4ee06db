"""What happens to uploads in the database; `intake` moves their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.upsert import insert_for
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.uploads import queries
from stemhouse.domains.uploads.examine import Findings
from stemhouse.domains.uploads.receiver import too_large
from stemhouse.domains.uploads.schemas import UploadAnswer, UploadFailure
from stemhouse.domains.uploads.tables import BlockedRecording, Upload, UploadPart
from stemhouse.errors import (
    Conflict,
    NotFound,
    QuotaExceeded,
    RecordingBlocked,
    StemhouseError,
)

Way = Literal["form", "resumable", "address"]

_MAX_NAME_CHARACTERS = 500
PREFIX = "uploads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is about to come."""

    way: Way
    name: str
    size_bytes: int | None
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadySong:
    """An examined upload, as a job needs it."""

    upload_id: str
    name: str
    key: str
    sha256: str
    duration_s: float


def folder_of(upload_id: str) -> str:
    """Where an upload's files lie: ends in a slash, made of our identifier alone."""
    return f"{PREFIX}{upload_id}/"


def begin(
    session: Session, principal: Principal, announcement: Announcement, now: datetime
) -> Upload:
    """Make the row of a new upload.

    Raises
    ------
    UploadTooLarge
        More bytes are announced than the plan allows.
    QuotaExceeded
        As many uploads are on their way as the plan allows.
    """
    plan = principal.plan
    if announcement.size_bytes is not None and announcement.size_bytes > plan.max_upload_bytes:
        raise too_large(plan.max_upload_bytes)
    session.execute(queries.account_lock(principal.account_id))
    counted = queries.unfinished_count(principal.site_id, principal.account_id, now)
    if session.scalars(counted).one() >= plan.max_files_at_once:
        raise QuotaExceeded(
            "as many uploads are on their way as your plan allows at once "
            f"({plan.max_files_at_once}): wait for one to finish, or delete one",
            limit="max_files_at_once",
            allowed=plan.max_files_at_once,
            max_files_at_once=plan.max_files_at_once,
        )
    upload = Upload(
        id=new_id("upl"),
        site_id=principal.site_id,
        account_id=principal.account_id,
        way=announcement.way,
        state="receiving",
        name=_clean_name(announcement.name),
        size_bytes=announcement.size_bytes,
        received_bytes=0,
        tags={},
        retention_s=plan.retention_s,
        created_at=now,
        expires_at=now + timedelta(seconds=announcement.ttl_s),
    )
    session.add(upload)
    session.flush()
    return upload


def rename(session: Session, upload_id: str, name: str) -> None:
    """Give an upload that is on its way another name."""
    upload = session.get(Upload, upload_id)
    if upload is not None:
        upload.name = _clean_name(name)
        session.flush()


def find(session: Session, principal: Principal, upload_id: str) -> Upload:
    """Return an upload of an account.

    Raises
    ------
    NotFound
        The account has none of this identifier.
    """
    statement = queries.upload_of(principal.site_id, principal.account_id, upload_id)
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound("there is no such upload; it may have expired")
    return found


def receiving(session: Session, principal: Principal, upload_id: str, now: datetime) -> Upload:
    """Return an upload that still takes bytes.

    Raises
    ------
    NotFound
        There is none, or its time is over.
    Conflict
        It is complete.
    """
    upload = find(session, principal, upload_id)
    if upload.expires_at <= now:
        raise NotFound("this upload has expired; begin again")
    if upload.state != "receiving":
        raise Conflict("this upload is complete", state=upload.state)
    return upload


def add_part(session: Session, upload_id: str, part: UploadPart) -> None:
    """Count a stored part.

    Raises
    ------
    Conflict
        Somebody else added one at the same place, or the upload is gone or complete.
    """
    outcome = session.execute(queries.advance(upload_id, part.offset_bytes, part.size_bytes))
    assert isinstance(outcome, CursorResult)
    if outcome.rowcount != 1:
        raise Conflict("another request sends the same part; ask for the offset again")
    session.add(part)
    session.flush()


def take_for_examining(session: Session, upload_id: str, now: datetime, limit_s: float) -> bool:
    """Become the one who examines; false when somebody else is or was."""
    stale = now - timedelta(seconds=limit_s)
    outcome = session.execute(queries.claim(upload_id, now, stale))
    assert isinstance(outcome, CursorResult)
    return outcome.rowcount == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSong:
    """Where the bytes of a finished upload lie."""

    key: str
    sha256: str
    size_bytes: int


def make_ready(
    session: Session, upload_id: str, song: StoredSong, found: Findings, *, now: datetime
) -> Upload:
    """Write down what the examination found; from now on jobs can use the upload.

    Raises
    ------
    NotFound
        It was deleted meanwhile.
    """
    upload = session.get(Upload, upload_id)
    if upload is None:
        raise NotFound("this upload was deleted")
    upload.state = "ready"
    upload.examining_since = None
    upload.song_key, upload.sha256 = song.key, song.sha256
    upload.size_bytes = upload.received_bytes = song.size_bytes
    upload.container, upload.codec = found.container, found.codec
    upload.duration_s, upload.sample_rate = found.duration_s, found.sample_rate
    upload.channels, upload.tags = found.channels, dict(found.tags)
    upload.ready_at = now
    session.execute(queries.forget_parts(upload_id))
    session.flush()
    return upload


def reject(session: Session, upload_id: str, error: StemhouseError) -> None:
    """Write down why an upload was refused; its bytes are removed by whoever calls."""
    upload = session.get(Upload, upload_id)
    if upload is None:
        return
    upload.state, upload.examining_since = "rejected", None
    upload.error_code, upload.error_message = error.code, error.message
    session.execute(queries.forget_parts(upload_id))
    session.flush()


def block_recording(
    session: Session, site_id: str, sha256: str, cause: str, *, now: datetime
) -> None:
    """Take a recording no more on a site, from now on."""
    row = {"site_id": site_id, "sha256": sha256, "cause": cause, "at": now}
    session.execute(insert_for(session, BlockedRecording).values(row).on_conflict_do_nothing())


def withdraw(session: Session, upload: Upload, now: datetime) -> None:
    """Take a blocked recording away from its sender; the sweep removes its bytes."""
    refusal = _blocked()
    upload.state, upload.expires_at = "rejected", now
    upload.error_code, upload.error_message = refusal.code, refusal.message
    session.flush()


def refuse_blocked(session: Session, site_id: str, sha256: str) -> None:
    """Refuse a recording that was taken down.

    Raises
    ------
    RecordingBlocked
        It was.
    """
    if session.get(BlockedRecording, (site_id, sha256)) is not None:
        raise _blocked()


def _blocked() -> RecordingBlocked:
    return RecordingBlocked(
        "this recording was taken down at the request of its owner and is not separated here; "
        "write to us if that is a mistake"
    )


def remove(session: Session, principal: Principal, upload_id: str) -> None:
    """Remove the row of an upload; the caller removes `folder_of` after the commit."""
    session.delete(find(session, principal, upload_id))
    session.flush()


def ready_song(session: Session, site_id: str, account_id: str, upload_id: str) -> ReadySong:
    """Return an account's upload for a job, and keep it as long as the plan keeps songs.

    Raises
    ------
    NotFound
        There is none of this account.
    Conflict
        It is not complete, or was rejected.
    RecordingBlocked
        It was taken down.
    """
    upload = session.scalars(queries.upload_of(site_id, account_id, upload_id)).one_or_none()
    if upload is None:
        raise NotFound("there is no such upload; it may have expired")
    if upload.state != "ready":
        raise Conflict(
            "this upload was rejected; send another file"
            if upload.state == "rejected"
            else "this upload is not complete yet",
            state=upload.state,
        )
    assert upload.song_key is not None, "held by a constraint"
    assert upload.sha256 is not None, "held by a constraint"
    assert upload.duration_s is not None, "held by a constraint"
    assert upload.ready_at is not None, "written together with the state"
    refuse_blocked(session, site_id, upload.sha256)
    kept_until = upload.ready_at + timedelta(seconds=upload.retention_s)
    upload.expires_at = max(upload.expires_at, kept_until)
    return ReadySong(
        upload_id=upload.id,
        name=upload.name,
        key=upload.song_key,
        sha256=upload.sha256,
        duration_s=upload.duration_s,
    )


def shown(upload: Upload) -> UploadAnswer:
    """Return an upload as it is shown."""
    failure = None
    if upload.error_code is not None:
        failure = UploadFailure(code=upload.error_code, message=upload.error_message or "")
    names = set(UploadAnswer.model_fields) - {"error"}
    return UploadAnswer(**{name: getattr(upload, name) for name in names}, error=failure)


def _clean_name(name: str) -> str:
    # A path is cut to its last part; what no database takes is replaced.
    bare = name.replace("\\", "/").rsplit("/", 1)[-1].replace("\0", "")
    printable = bare.encode("utf-8", "replace").decode("utf-8")
    return (
        "".join(c if c.isprintable() else " " for c in printable).strip()[:_MAX_NAME_CHARACTERS]
        or "song"
    )
