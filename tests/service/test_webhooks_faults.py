# Senders that are processes, and that are killed.

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.webhooks import service
from stemhouse.domains.webhooks.schemas import EndpointRequest
from stemhouse.domains.webhooks.tables import WebhookDelivery, WebhookEndpoint
from stemhouse.settings import Settings
from tests.service.installation import Installation, environment, installed
from tests.service.webhook_receiver import Receiver

pytestmark = pytest.mark.slow


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def start_worker(installation: Installation) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "stemhouse", "worker"],
        env={
            **os.environ,
            **environment(installation.settings),
            "STEMHOUSE_ALLOW_PRIVATE_ADDRESSES": "true",
            "STEMHOUSE_WEBHOOK_TIMEOUT_S": "5",
        },
    )
    installation.workers.append(process)
    return process


def end_lease(sessions: SessionFactory, delivery_id: str) -> timedelta:
    # As if its time were over, without waiting for that; returns how long it would have been.
    now = datetime.now(UTC)
    with transaction(sessions) as session:
        lease_ends = session.get_one(WebhookDelivery, delivery_id).next_attempt_at
        session.execute(update(WebhookDelivery).values(next_attempt_at=now))
    assert lease_ends is not None
    return lease_ends - now


def test_what_a_killed_worker_was_sending_arrives_from_another_one(
    settings: Settings, sessions: SessionFactory, receiver: Receiver
) -> None:
    with installed(settings, sessions) as installation:
        owner, now = installation.account(), datetime.now(UTC)
        with transaction(sessions) as session:
            made = service.create(session, owner, EndpointRequest(url=receiver.url), now)
            endpoint = session.get_one(WebhookEndpoint, made.id)
            one = service.send_test(session, endpoint, now)
        receiver.held = threading.Event()
        worker = start_worker(installation)
        receiver.wait(1)

        worker.kill()
        worker.wait()
        receiver.held = None
        left = end_lease(sessions, one.id)
        start_worker(installation)
        first, second = receiver.wait(2)

        # The time for a try, and as long as it may take to write what came of it.
        assert left < timedelta(seconds=20)
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == one.id
        assert second.verified(made.secret)


def test_each_of_many_events_is_sent_once_by_three_workers(
    settings: Settings, sessions: SessionFactory, receiver: Receiver
) -> None:
    with installed(settings, sessions) as installation:
        owner, now = installation.account(), datetime.now(UTC)
        sent = []
        with transaction(sessions) as session:
            made = service.create(session, owner, EndpointRequest(url=receiver.url), now)
            endpoint = session.get_one(WebhookEndpoint, made.id)
            for _ in range(30):
                sent.append(service.send_test(session, endpoint, now).id)
        for _ in range(3):
            start_worker(installation)

        receiver.wait(30)

        assert sorted(one.headers["webhook-id"] for one in receiver.received) == sorted(sent)
