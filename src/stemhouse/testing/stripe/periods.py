"""Periods of subscriptions: calendar months and years from an anchor, days clipped."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from itertools import count

from stemhouse.testing.stripe.refusals import Json


def end_of_period(anchor: int, start: int, recurring: Json) -> int:
    """Return when the period ends that begins at `start`; the day of the anchor is kept, so that
    what began on the 31st ends on the last day of shorter months and on the 31st of longer ones.
    """
    return next(end for number in count(1) if (end := _after(anchor, number, recurring)) > start)


def _after(anchor: int, number: int, recurring: Json) -> int:
    moment = datetime.fromtimestamp(anchor, UTC)
    steps = number * recurring["interval_count"]
    if recurring["interval"] in {"day", "week"}:
        days = steps * (7 if recurring["interval"] == "week" else 1)
        return int((moment + timedelta(days=days)).timestamp())
    months = moment.month - 1 + steps * (12 if recurring["interval"] == "year" else 1)
    year, month = moment.year + months // 12, months % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return int(moment.replace(year=year, month=month, day=day).timestamp())
