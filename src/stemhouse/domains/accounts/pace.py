"""How many accounts one network address makes in a day, and how many guests it becomes."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from stemhouse.db.session import transaction
from stemhouse.domains.accounts.alarms import Alarming, raise_alarm
from stemhouse.domains.accounts.tokens import address_token
from stemhouse.errors import RateLimited
from stemhouse.http.limits import network_address, rate_limits_of
from stemhouse.http.services import services_of
from stemhouse.http.sites import place_of

KIND: Final = "accounts_per_address"


def limit_accounts(request: Request) -> None:
    """Count sign-ups by network address: too many alarm the operator, or are refused.

    Raises
    ------
    RateLimited
        The site allows no more today.
    """
    services, site = services_of(request), place_of(request).site
    guard, limits = site.guard, rate_limits_of(request)
    who = address_token(services.settings, network_address(request))
    # Refused sign-ups count too: whoever goes on trying is what the alarm is for.
    if guard.alarm_accounts_per_address:
        try:
            rates = f"{guard.alarm_accounts_per_address}/day"
            limits.count_together(rates, f"{KIND}:alarm:{site.name}", who)
        except RateLimited:
            _alarm(request, who)
    if guard.accounts_per_address_per_day:
        try:
            rates = f"{guard.accounts_per_address_per_day}/day"
            limits.count_together(rates, f"{KIND}:{site.name}", who)
        except RateLimited as error:
            raise RateLimited(
                "as many accounts were made from your network today as one network may make "
                f"({guard.accounts_per_address_per_day}), so that free credits are left for "
                "everybody: come back tomorrow, or write to whoever runs this service",
                reason=KIND,
                **error.details,
            ) from None


def limit_guests(request: Request) -> None:
    """Count guests by network address.

    Raises
    ------
    RateLimited
        The site takes no more today.
    """
    services, site = services_of(request), place_of(request).site
    who = address_token(services.settings, network_address(request))
    most = site.guard.guests_per_address_per_day
    try:
        rate_limits_of(request).count_together(f"{most}/day", f"guest:{site.name}", who)
    except RateLimited as error:
        raise RateLimited(
            "as many people tried this without an account from your network today as one network "
            f"may ({most}), so that free songs are left for everybody: make an account, or come "
            "back tomorrow",
            reason="guests_per_address",
            **error.details,
        ) from None


def _alarm(request: Request, who: str) -> None:
    services, site = services_of(request), place_of(request).site
    now = services.clock()
    alarm = Alarming(
        site_id=site.name,
        kind=KIND,
        subject=who,
        period=f"{now:%Y-%m-%d}",
        data={"allowed": site.guard.alarm_accounts_per_address},
    )
    # A transaction of its own, before the request's: the request may be refused.
    with transaction(services.sessions) as session:
        raise_alarm(session, alarm, now)
