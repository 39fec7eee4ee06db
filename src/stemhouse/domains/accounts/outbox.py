"""Mails on their way: written in the transaction that causes them, sent after it, tried again.

So a mail is never sent for a change that was rolled back, nor lost when the process ends.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, reading, transaction
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.mail import Mail, Mailer
from stemhouse.domains.accounts.tables import OutgoingMail
from stemhouse.errors import MailFailed
from stemhouse.http.services import Clock

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 10
CLAIM_S: Final = 60.0
"""Seconds that a sender has before another one may try the same mail."""

FIRST_WAIT_S: Final = 30.0
"""Seconds after the first failure; each further one doubles them: ten attempts last a workday."""


def put(session: Session, mail: Mail, now: datetime) -> None:
    """Have a mail sent when the transaction is committed."""
    session.add(
        OutgoingMail(
            id=new_id("mail"),
            recipient=mail.recipient,
            subject=mail.subject,
            body=mail.body,
            created_at=now,
            attempts=0,
            next_attempt_at=now,
        )
    )


def send_due(sessions: SessionFactory, mailer: Mailer, clock: Clock) -> int:
    """Send what is due; return how many mails were handed over."""
    with reading(sessions) as session:
        due = list(session.scalars(queries.due_mails(clock())))
    return sum(_send(sessions, mailer, mail_id, clock()) for mail_id in due)


def _send(sessions: SessionFactory, mailer: Mailer, mail_id: str, now: datetime) -> bool:
    with transaction(sessions) as session:
        claim = queries.claim_mail(mail_id, now, until=now + timedelta(seconds=CLAIM_S))
        row = session.execute(claim).one_or_none()
    if row is None:
        return False  # another process was faster
    mail = Mail(recipient=row.recipient, subject=row.subject, body=row.body)
    try:
        mailer.send(mail)
    except MailFailed as error:
        _put_off(sessions, mail_id, row.attempts, now)
        logger.warning(
            "a mail could not be sent",
            extra={"mail_id": mail_id, "attempt": row.attempts, "reason": error.message},
        )
        return False
    with transaction(sessions) as session:
        session.execute(queries.remove_mail(mail_id))
    return True


def _put_off(sessions: SessionFactory, mail_id: str, attempts: int, now: datetime) -> None:
    with transaction(sessions) as session:
        if attempts >= MAX_ATTEMPTS:
            logger.error("a mail was given up", extra={"mail_id": mail_id})
            session.execute(queries.remove_mail(mail_id))
            return
        wait_s = FIRST_WAIT_S * 2 ** (attempts - 1)
        session.execute(queries.put_mail_off(mail_id, now + timedelta(seconds=wait_s)))
