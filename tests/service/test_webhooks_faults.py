# Senders that are processes, and that are killed.

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.webhooks import service
from stemhouse.domains.webhooks.schemas import EndpointRequest
from stemhouse.domains.webhooks.tables import WebhookEndpoint
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
        start_worker(installation)
        first, second = receiver.wait(2)

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
