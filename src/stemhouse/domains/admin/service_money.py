"""What sites earn and owe, and what looks like abuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from stemhouse.domains.accounts.tables import Alarm
from stemhouse.domains.admin import queries
from stemhouse.domains.admin.operator import Deed, Operator, record
from stemhouse.domains.admin.schemas_money import (
    AlarmAnswer,
    CreditsAnswer,
    FlagAnswer,
    MoneyAnswer,
    SiteCostsAnswer,
    SubscribersAnswer,
    TakingsAnswer,
)
from stemhouse.domains.admin.service_accounts import owners
from stemhouse.domains.billing import queries as billing
from stemhouse.domains.billing.closing import totals_of_site
from stemhouse.domains.billing.tables import LedgerFlag
from stemhouse.domains.payments import costs, money
from stemhouse.domains.payments.costs import Tariff, all_costs
from stemhouse.domains.separations.purse import Unit
from stemhouse.errors import NotFound


def shown(session: Session, operator: Operator, tariff: Tariff, now: datetime) -> MoneyAnswer:
    """Return credits, costs, takings and subscribers of the operator's sites."""
    return MoneyAnswer(
        costs=[
            SiteCostsAnswer(**asdict(one))
            for one in all_costs(session, now, operator.sites, tariff)
        ],
        credits=[one for site in operator.sites for one in _credits(session, site)],
        takings=[TakingsAnswer(**asdict(one)) for one in _takings(session, operator, now)],
        subscribers=[
            SubscribersAnswer(**asdict(one))
            for site in operator.sites
            for one in money.subscribers(session, site)
        ],
    )


def as_csv(session: Session, operator: Operator, now: datetime) -> str:
    """Return the takings as a table for spreadsheets."""
    return money.as_csv(_takings(session, operator, now))


def costs_as_csv(session: Session, operator: Operator, tariff: Tariff, now: datetime) -> str:
    """Return costs and margins as a table for spreadsheets."""
    return costs.as_csv(all_costs(session, now, operator.sites, tariff))


def show_alarm(alarm: Alarm) -> AlarmAnswer:
    """Return an alarm."""
    return AlarmAnswer(
        id=alarm.id,
        site=alarm.site_id,
        kind=alarm.kind,
        subject=alarm.subject,
        data=alarm.data,
        raised_at=alarm.raised_at,
        seen_at=alarm.seen_at,
    )


def see(session: Session, operator: Operator, alarm_id: str, now: datetime) -> Alarm:
    """Say that an operator has seen an alarm. Again changes nothing.

    Raises
    ------
    NotFound
        None of the operator's sites has it.
    """
    alarm = session.scalar(queries.alarms(operator.sites).where(Alarm.id == alarm_id))
    if alarm is None:
        raise NotFound("there is no such alarm")
    if alarm.seen_at is None:
        alarm.seen_at = now
        session.flush()
        deed = Deed(kind="alarm_seen", site_id=alarm.site_id, target_id=alarm.id)
        record(session, operator, deed, now)
    return alarm


def show_flags(session: Session, found: Sequence[LedgerFlag]) -> list[FlagAnswer]:
    """Return what could not be taken back, with whose it is and why."""
    known = owners(session, [one.account_id for one in found])
    ids = [one.transaction_id for one in found]
    moved = {row.id: row for row in session.scalars(billing.transactions_by_id(ids))}
    return [
        FlagAnswer(
            id=one.transaction_id,
            site=one.site_id,
            owner=known[one.account_id],
            short=one.short - one.settled if one.cleared_at is None else one.short,
            unit=cast(Unit, moved[one.transaction_id].unit),
            note=moved[one.transaction_id].note,
            created_at=one.created_at,
            cleared_at=one.cleared_at,
        )
        for one in found
    ]


def clear_flag(
    session: Session, operator: Operator, flag_id: str, reason: str, *, now: datetime
) -> FlagAnswer:
    """Say that it is decided what becomes of missing credits. Again changes nothing.

    Raises
    ------
    NotFound
        None of the operator's sites has it.
    """
    wanted = billing.flags(operator.sites).where(LedgerFlag.transaction_id == flag_id)
    flag = session.scalar(wanted)
    if flag is None:
        raise NotFound("nothing is missing there")
    if flag.cleared_at is None:
        flag.cleared_at = now
        session.flush()
        deed = Deed(
            kind="flag_cleared",
            site_id=flag.site_id,
            target_id=flag.account_id,
            reason=reason,
            data={"id": flag.transaction_id, "short": flag.short},
        )
        record(session, operator, deed, now)
    return show_flags(session, [flag])[0]


def _takings(session: Session, operator: Operator, now: datetime) -> list[money.Takings]:
    found = [
        one for site in operator.sites for one in money.all_takings(session, now, site_id=site)
    ]
    return sorted(found, key=lambda one: (one.month, one.site, one.currency))


def _credits(session: Session, site: str) -> list[CreditsAnswer]:
    return [
        CreditsAnswer(
            site=site,
            unit=cast(Unit, unit),
            granted=totals.granted,
            spent=totals.spent,
            expired=totals.expired,
            taken_back=totals.taken_back,
            outstanding=totals.available + totals.held,
            dropped=totals.dropped,
        )
        for unit, totals in sorted(totals_of_site(session, site).items())
    ]
