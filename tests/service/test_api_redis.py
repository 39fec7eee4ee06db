# Limits that several web nodes count together in Redis.

from __future__ import annotations

import socket
import uuid

import pytest

from stemhouse.db.session import SessionFactory
from stemhouse.errors import RateLimited
from stemhouse.http.limits import RateLimits
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock

ADDRESS = ("127.0.0.1", 6379)


def test_nodes_count_together_in_redis(
    settings: Settings, sessions: SessionFactory, clock: ManualClock
) -> None:
    pytest.importorskip("redis")
    try:
        socket.create_connection(ADDRESS, timeout=2).close()
    except OSError:
        pytest.skip("no Redis answers at 127.0.0.1:6379")
    shared = settings.model_copy(update={"limits_storage": "redis://127.0.0.1:6379/0"})
    nodes = [RateLimits(shared, sessions, clock) for _ in range(2)]
    who = uuid.uuid4().hex

    for node in nodes:
        node.count("2/minute", "test", who)

    with pytest.raises(RateLimited) as caught:
        nodes[0].count("2/minute", "test", who)
    assert 0 < caught.value.details["retry_after_s"] <= 60
