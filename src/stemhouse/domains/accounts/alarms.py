"""Alarms for the operator: that somebody may be taking more than is meant for one person.

An alarm refuses nothing. It is a row, a line in the log and a number; the operator looks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, reading
from stemhouse.db.upsert import insert_for
from stemhouse.domains.accounts import queries
from stemhouse.domains.accounts.tables import Alarm

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarming:
    """Something that the operator should see.

    Attributes
    ----------
    site_id, kind : str
        Where, and what.
    subject : str
        Who: an account, or what stands for a network address.
    period : str
        Of each subject a period has one alarm of a kind, such as one an hour.
    data : Mapping
        Numbers.
    """

    site_id: str
    kind: str
    subject: str
    period: str
    data: Mapping[str, Any]


def raise_alarm(session: Session, alarming: Alarming, now: datetime) -> bool:
    """Write an alarm down; False where there is one for the period already."""
    added = session.execute(
        insert_for(session, Alarm)
        .values(
            id=new_id("alm"),
            site_id=alarming.site_id,
            kind=alarming.kind,
            subject=alarming.subject,
            period=alarming.period,
            data=dict(alarming.data),
            raised_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Alarm.id)
    )
    if added.first() is None:
        return False
    facts = {"site": alarming.site_id, "kind": alarming.kind, "subject": alarming.subject}
    _log.warning("alarm", extra={**facts, **alarming.data})
    return True


class AlarmNumbers(Collector):
    """How many alarms nobody has looked at, for Prometheus."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def describe(self) -> Iterator[Metric]:
        """Name what `collect` gives, without asking the database."""
        yield _gauge()

    def collect(self) -> Iterator[Metric]:
        """Read the numbers; none while the database is away."""
        gauge = _gauge()
        try:
            with reading(self._sessions) as session:
                for site_id, kind, alarms in session.execute(queries.unseen_alarms()):
                    gauge.add_metric([site_id, kind], alarms)
        except SQLAlchemyError:
            return
        yield gauge


def _gauge() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "stemhouse_alarms", "Alarms that nobody has looked at.", labels=["site", "kind"]
    )
