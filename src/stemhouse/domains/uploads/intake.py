"""Moves the bytes of uploads: into temporary files, through the examination, into the storage.

Nothing here runs inside a request's transaction: bytes take their time, and a transaction that
waits for a sender would hold up everybody else's. Each change is a short transaction of its own.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stemhouse.db.session import SessionFactory, reading, transaction
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.uploads import queries, service
from stemhouse.domains.uploads.examine import WALL_FACTOR, ExamineLimits, Examiner, Findings
from stemhouse.domains.uploads.receiver import Receiver, too_large
from stemhouse.domains.uploads.schemas import UploadAnswer
from stemhouse.domains.uploads.service import Announcement, StoredSong, folder_of
from stemhouse.domains.uploads.tables import Upload, UploadPart
from stemhouse.errors import Conflict, InputError, SourceUnreachable, StemhouseError
from stemhouse.http.outbound import Answer, OutboundPolicy, fetch
from stemhouse.logs import keep_private
from stemhouse.settings import Settings
from stemhouse.storage import Storage

_log = logging.getLogger(__name__)

_OK = 200
_STORING_S = 300.0
"""On top of the examination: longest time that an upload is in the hands of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes uploads in; one per application.

    Attributes
    ----------
    sessions : SessionFactory
        The database.
    storage : Storage
        Where songs are kept.
    settings : Settings
        Limits of the installation.
    clock : callable
        Tells the time.
    examiner : Examiner
        Looks into files.
    """

    sessions: SessionFactory
    storage: Storage
    settings: Settings
    clock: Callable[[], datetime]
    examiner: Examiner

    def begin(self, principal: Principal, announcement: Announcement) -> UploadAnswer:
        """Make a new upload; see `service.begin`."""
        keep_private(announcement.name)
        with transaction(self.sessions) as session:
            return service.shown(service.begin(session, principal, announcement, self.clock()))

    def rename(self, upload_id: str, name: str) -> None:
        """Give an upload of one go the name that its form told."""
        keep_private(name)
        with transaction(self.sessions) as session:
            service.rename(session, upload_id, name)

    def find(self, principal: Principal, upload_id: str) -> UploadAnswer:
        """Return an upload as it is now."""
        with transaction(self.sessions, read_only=True) as session:
            return service.shown(service.find(session, principal, upload_id))

    def receiver(self, principal: Principal) -> Receiver:
        """Return a temporary file for an upload of one go."""
        return Receiver(self._folder, principal.plan.max_upload_bytes)

    def accept(self, principal: Principal, upload_id: str, receiver: Receiver) -> UploadAnswer:
        """Examine and keep what a receiver took; nothing stays of what is refused."""
        with self._undone_on_error(upload_id):
            found = self._examine(principal, receiver)
            return self._keep(upload_id, receiver, found)

    def give_up(self, upload_id: str) -> None:
        """Forget an upload of one go that did not arrive."""
        with transaction(self.sessions) as session:
            upload = session.get(Upload, upload_id)
            if upload is not None and upload.state in ("receiving", "examining"):
                session.delete(upload)
        self.remove_files(upload_id)

    def fetch(self, principal: Principal, address: str, name: str | None) -> UploadAnswer:
        """Fetch a song from an address, examine and keep it.

        Raises
        ------
        AddressRefused, SourceUnreachable
            The address is not allowed, or there is no file.
        """
        name = name or _name_in(address)
        announcement = Announcement(
            way="address", name=name, size_bytes=None, ttl_s=self.settings.upload_ttl_s
        )
        upload = self.begin(principal, announcement)
        policy = OutboundPolicy(
            self.settings.allow_private_addresses, self.settings.fetch_timeout_s
        )
        with self.receiver(principal) as receiver:
            with self._undone_on_error(upload.id), fetch(address, policy) as answer:
                _check_answer(answer, principal.plan.max_upload_bytes)
                for block in answer.blocks:
                    receiver.write(block)
            return self.accept(principal, upload.id, receiver)

    def check_offset(self, principal: Principal, upload_id: str, offset: int) -> UploadAnswer:
        """Return a resumable upload that goes on at `offset`.

        Raises
        ------
        NotFound
            There is none, or its time is over.
        Conflict
            It is complete, or goes on elsewhere.
        """
        with transaction(self.sessions, read_only=True) as session:
            upload = service.receiving(session, principal, upload_id, self.clock())
            if upload.received_bytes != offset or upload.way != "resumable":
                raise Conflict(
                    f"this upload goes on at byte {upload.received_bytes}, not {offset}",
                    offset=upload.received_bytes,
                )
            return service.shown(upload)

    def append(self, upload_id: str, offset: int, data: bytes) -> int:
        """Store the next part of a resumable upload; return where it goes on.

        The bytes are stored before they are counted: what was counted is there. Two requests that
        send the same part store it twice and count it once.
        """
        key = f"{folder_of(upload_id)}parts/{offset:015d}-{secrets.token_hex(8)}"
        self.storage.put(key, data)
        part = UploadPart(upload_id=upload_id, offset_bytes=offset, size_bytes=len(data), key=key)
        try:
            with transaction(self.sessions) as session:
                service.add_part(session, upload_id, part)
        except BaseException:
            self.storage.delete(key)
            raise
        return offset + len(data)

    def complete(self, principal: Principal, upload_id: str) -> UploadAnswer:
        """Join the parts of a resumable upload, examine and keep the whole.

        May be called again when it was interrupted; of two callers, one works.
        """
        limit_s = self.settings.probe_cpu_s * WALL_FACTOR + _STORING_S
        with transaction(self.sessions) as session:
            upload = service.find(session, principal, upload_id)
            if not service.take_for_examining(session, upload_id, self.clock(), limit_s):
                return service.shown(upload)
            parts = [
                (part.key, part.size_bytes) for part in session.scalars(queries.parts_of(upload_id))
            ]
        try:
            with self.receiver(principal) as receiver:
                for key, _size in parts:
                    for block in self.storage.stream(key):
                        receiver.write(block)
                found = self._examine(principal, receiver)
                answer = self._keep(upload_id, receiver, found)
        except InputError as error:
            self._reject(upload_id, error)
            raise
        except BaseException:
            with transaction(self.sessions) as session:
                session.execute(queries.release(upload_id))
            raise
        self.storage.delete(*(key for key, _size in parts))
        return answer

    @property
    def _folder(self) -> Path:
        return self.settings.data_dir / "incoming"

    def _examine(self, principal: Principal, receiver: Receiver) -> Findings:
        limits = ExamineLimits(
            max_duration_s=principal.plan.max_duration_s,
            memory_bytes=self.settings.probe_memory_bytes,
            cpu_s=self.settings.probe_cpu_s,
        )
        found = self.examiner.examine(receiver.file, limits)
        with reading(self.sessions) as session:
            service.refuse_blocked(session, principal.site_id, receiver.sha256)
        return found

    def _keep(self, upload_id: str, receiver: Receiver, found: Findings) -> UploadAnswer:
        key = f"{folder_of(upload_id)}song"
        receiver.file.seek(0)
        self.storage.put(key, receiver.file)
        song = StoredSong(key=key, sha256=receiver.sha256, size_bytes=receiver.size_bytes)
        with transaction(self.sessions) as session:
            return service.shown(
                service.make_ready(session, upload_id, song, found, now=self.clock())
            )

    def _reject(self, upload_id: str, error: StemhouseError) -> None:
        with transaction(self.sessions) as session:
            service.reject(session, upload_id, error)
        self.remove_files(upload_id)

    def remove_files(self, upload_id: str) -> None:
        """Remove the files of an upload that nobody needs; the sweeper tries again."""
        try:
            self.storage.delete_prefix(folder_of(upload_id))
        except StemhouseError as error:
            _log.warning("files of an upload stay for the sweeper", extra={"code": error.code})

    @contextmanager
    def _undone_on_error(self, upload_id: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.give_up(upload_id)
            raise


def _check_answer(answer: Answer, max_bytes: int) -> None:
    if answer.status != _OK:
        raise SourceUnreachable(
            f"there is no file at this address: it answers with status {answer.status}",
            status=answer.status,
        )
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceUnreachable("the host of this address sends the file compressed")
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large(max_bytes)


def _name_in(address: str) -> str:
    try:
        path = urlsplit(address).path
    except ValueError:
        return "song"  # refused in a moment
    return unquote(path.rstrip("/").rsplit("/", 1)[-1]) or "song"
