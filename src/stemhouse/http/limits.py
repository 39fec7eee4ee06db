"""How often somebody may ask: counted per account or address, refused with the time to come back.

Ordinary requests are counted in the memory of each process, because a write for each read would
cost more than the read. What must hold across processes and restarts (signing in, guests, uploads,
jobs) is counted in the database. With Redis, both are counted there.
"""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache

from fastapi import Request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from stemhouse.db.session import SessionFactory
from stemhouse.errors import InvalidSettings, RateLimited
from stemhouse.http.counting import DatabaseCounts
from stemhouse.http.services import Clock
from stemhouse.settings import Settings

_SUBSCRIBERS_NETWORK = 64
"""Bits of an IPv6 address that name a subscriber; the rest is theirs to vary."""


class RateLimits:
    """The limits of one application."""

    def __init__(self, settings: Settings, sessions: SessionFactory, clock: Clock) -> None:
        self._clock = clock
        own, shared = _storages(settings, sessions, clock)
        self._own = FixedWindowRateLimiter(own)
        self._shared = FixedWindowRateLimiter(shared)

    def count(self, rates: str, what: str, who: str) -> None:
        """Count something that may happen often, within this process.

        Parameters
        ----------
        rates : str
            Such as ``10/minute;50/hour``; empty means no limit.
        what, who : str
            The kind of thing, and the account or address that is counted.

        Raises
        ------
        RateLimited
            It was too often; the details say after how many seconds to come back.
        """
        self._count(self._own, rates, what, who)

    def count_together(self, rates: str, what: str, who: str) -> None:
        """Count something that several processes limit together; otherwise like ``count``."""
        self._count(self._shared, rates, what, who)

    def _count(self, limiter: FixedWindowRateLimiter, rates: str, what: str, who: str) -> None:
        for rate in parse_rates(rates):
            if not limiter.hit(rate, what, who):
                ends = limiter.get_window_stats(rate, what, who).reset_time
                wait_s = max(1.0, ends - self._now_of(limiter))
                raise RateLimited(
                    f"too many requests: at most {rate} are allowed, come back in {wait_s:.0f} s",
                    retry_after_s=round(wait_s),
                    limit=str(rate),
                )

    def _now_of(self, limiter: FixedWindowRateLimiter) -> float:
        if isinstance(limiter.storage, DatabaseCounts):
            return self._clock().timestamp()
        return time.time()


@lru_cache(maxsize=64)
def parse_rates(text: str) -> tuple[RateLimitItem, ...]:
    """Read rates such as ``10/minute;50/hour``.

    Raises
    ------
    InvalidSettings
        The text is not a list of rates.
    """
    if not text.strip():
        return ()
    try:
        return tuple(parse_many(text))
    except ValueError as error:
        raise InvalidSettings(
            f"{text!r} is not a rate: write such as 10/minute;50/hour, or nothing for no limit"
        ) from error


def network_address(request: Request) -> str:
    """Return whom a request without an account is counted against."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _SUBSCRIBERS_NETWORK), strict=False))
    return str(address)


def rate_limits_of(request: Request) -> RateLimits:
    """Return the limits of a request's application."""
    limits: RateLimits = request.app.state.rate_limits
    return limits


def _storages(
    settings: Settings, sessions: SessionFactory, clock: Clock
) -> tuple[Storage, Storage]:
    kind = settings.limits_storage
    if kind.startswith(("redis://", "rediss://")):
        redis = RedisStorage(kind, key_prefix="stemhouse")
        return redis, redis
    own = MemoryStorage()
    if kind == "memory":
        return own, own
    return own, DatabaseCounts(sessions, clock)
