"""The mail port: sends over SMTP, or keeps mails in a folder where there is no mail server."""

from __future__ import annotations

import logging
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from stemhouse.db.ids import new_id
from stemhouse.errors import InvalidSettings, MailFailed
from stemhouse.settings import Settings

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 20.0
_SMTP_PORT: Final = 587
_SMTPS_PORT: Final = 465


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail in plain text."""

    recipient: str
    subject: str
    body: str


class Mailer(Protocol):
    """Hands a mail over, or raises MailFailed."""

    def send(self, mail: Mail) -> None: ...


class FolderMailer:
    """Writes each mail to a file, for installations without a mail server."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, mail: Mail) -> None:
        path = self._folder / f"{new_id('mail')}.eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            partial.touch(mode=0o600)  # its link lets people in
            partial.write_bytes(bytes(_message(mail, self._sender)))
            partial.rename(path)
        except OSError as error:
            raise MailFailed(f"a mail could not be written to {self._folder}") from error
        # The mail holds a link that lets people in: the log says where it is, not what it says.
        logger.info("a mail was written", extra={"file": str(path), "subject": mail.subject})


class SmtpMailer:
    """Sends over SMTP, encrypted: STARTTLS with smtp://, from the start with smtps://."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise InvalidSettings("smtp_url must read smtp://user:password@host:587 or smtps://…")
        self._secure = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = parts.port or (_SMTPS_PORT if self._secure else _SMTP_PORT)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    def send(self, mail: Mail) -> None:
        try:
            with self._connected() as server:
                if self._user:
                    server.login(self._user, self._password)
                server.send_message(_message(mail, self._sender))
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(
                f"the mail server {self._host}:{self._port} did not take a mail "
                f"({type(error).__name__})"
            ) from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._secure:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
        elif self._user:
            server.close()
            raise MailFailed(
                f"the mail server {self._host} offers no encryption, so the password is not sent"
            )
        return server


def make_mailer(settings: Settings) -> Mailer:
    """Return the mailer that the settings ask for."""
    url = settings.smtp_url.get_secret_value()
    if url:
        return SmtpMailer(url, settings.mail_from)
    return FolderMailer(settings.data_dir / "mails", settings.mail_from)


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return message
