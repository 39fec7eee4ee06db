"""What jobs cost, by the prices in the settings, and what is left of a site's takings."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy.orm import Session

from stemhouse.domains.payments.money import Takings, all_takings, months, next_month
from stemhouse.domains.separations import usage
from stemhouse.settings import Settings

MICRO: Final = 1_000_000
_HOUR_S: Final = 3_600.0
_GB_MONTH: Final = 1e9 * 30 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What the operator pays for machines.

    Attributes
    ----------
    currency : str or None
        None where the settings tell no prices.
    processor_hour_cents, device_hour_cents, gb_month_cents : float
        In its smallest unit.
    """

    currency: str | None
    processor_hour_cents: float
    device_hour_cents: float
    gb_month_cents: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read it from the settings."""
        return cls(
            currency=settings.cost_currency or None,
            processor_hour_cents=settings.cost_processor_hour_cents,
            device_hour_cents=settings.cost_device_hour_cents,
            gb_month_cents=settings.cost_gb_month_cents,
        )

    def microcents(self, processor_s: float, device_s: float, byte_seconds: float) -> int | None:
        """Return what something costs, in millionths of a cent; None without prices."""
        if self.currency is None:
            return None
        cents = (
            processor_s / _HOUR_S * self.processor_hour_cents
            + device_s / _HOUR_S * self.device_hour_cents
            + byte_seconds / _GB_MONTH * self.gb_month_cents
        )
        return round(cents * MICRO)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCost:
    """What a job took, with all its attempts."""

    attempts: int
    processor_s: float
    device_s: float
    stored_bytes: int
    currency: str | None
    cost_microcents: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCosts:
    """One month of one site: what its jobs took, and what is left of what it took in."""

    site: str
    month: str
    jobs: int
    processor_s: float
    device_s: float
    stored_bytes: int
    stored_gb_months: float
    currency: str | None
    cost_microcents: int | None
    cost_per_job_microcents: int | None
    net_cents: int
    """Takings in that currency; other currencies are not in it."""
    margin_microcents: int | None


def cost_of_jobs(session: Session, job_ids: list[str], tariff: Tariff) -> dict[str, JobCost]:
    """Return what jobs took, by their identifiers; those that took nothing are absent."""
    found = {}
    for job_id, attempts, processor_s, device_s, stored, byte_seconds in session.execute(
        usage.of_jobs(job_ids)
    ):
        found[job_id] = JobCost(
            attempts=attempts,
            processor_s=processor_s,
            device_s=device_s,
            stored_bytes=int(stored),
            currency=tariff.currency,
            cost_microcents=tariff.microcents(processor_s, device_s, byte_seconds),
        )
    return found


def all_costs(
    session: Session, now: datetime, sites: tuple[str, ...], tariff: Tariff
) -> list[SiteCosts]:
    """Return costs and margins since the first job, or the first payment, by month and site."""
    taken = {
        (one.month, one.site): one
        for site in sites
        for one in all_takings(session, now, site)
        if one.currency == tariff.currency
    }
    first = session.scalar(usage.first_use(sites))
    used = {} if first is None else dict(_used(session, first, now, sites))
    return [
        _costs(month, site, used.get((month, site)), taken.get((month, site)), tariff=tariff)
        for month, site in sorted({*taken, *used})
    ]


def as_csv(rows: list[SiteCosts]) -> str:
    """Write costs as a table that every spreadsheet reads."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(SiteCosts)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def _used(session: Session, first: datetime, now: datetime, sites: tuple[str, ...]) -> Any:
    for month, begin, end in months(first, next_month(now)):
        for row in session.execute(usage.of_sites(sites, begin, end)):
            yield (month, row[0]), row[1:]


def _costs(
    month: str, site: str, used: Any | None, taken: Takings | None, *, tariff: Tariff
) -> SiteCosts:
    jobs, processor_s, device_s, stored, byte_seconds = used or (0, 0.0, 0.0, 0, 0.0)
    cost = tariff.microcents(processor_s, device_s, byte_seconds)
    net_cents = 0 if taken is None else taken.net_cents
    return SiteCosts(
        site=site,
        month=month,
        jobs=jobs,
        processor_s=round(processor_s, 3),
        device_s=round(device_s, 3),
        stored_bytes=int(stored),
        stored_gb_months=round(byte_seconds / _GB_MONTH, 6),
        currency=tariff.currency,
        cost_microcents=cost,
        cost_per_job_microcents=None if cost is None or not jobs else round(cost / jobs),
        net_cents=net_cents,
        margin_microcents=None if cost is None else net_cents * MICRO - cost,
    )
