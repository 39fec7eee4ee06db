# Events on their way to somebody else's server: a real one, on this machine.

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import WebhookVerificationError

from stemhouse.api.app import create_app
from stemhouse.db.ids import new_id
from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.separations.lifecycle import Change, Move, enter, succeed
from stemhouse.domains.separations.purse import FreePurse
from stemhouse.domains.separations.tables import Job, Result
from stemhouse.domains.webhooks import queries
from stemhouse.domains.webhooks.announce import JobAnnouncer
from stemhouse.domains.webhooks.sending import (
    KEPT,
    WAITS_S,
    DeliveryRunner,
    SendingOptions,
)
from stemhouse.domains.webhooks.tables import WebhookSecret
from stemhouse.http.outbound import OutboundPolicy
from stemhouse.http.services import utc_now
from stemhouse.jobs.queue import JobQueue
from stemhouse.settings import Settings
from stemhouse.testing.clock import ManualClock
from stemhouse.testing.sites import write_site
from tests.service.conftest import MakeMember, Member
from tests.service.installation import DATA, MODEL, noise
from tests.service.webhook_receiver import Receiver

DAY_S = 86_400.0

ChangeIn = Callable[[Session], Change]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    models = tmp_path / "models"
    shutil.copytree(DATA / MODEL, models / MODEL)
    changes = {"models_dir": models, "allow_private_addresses": True}
    return settings.model_copy(update=changes)


@pytest.fixture
def clock() -> ManualClock:
    # Receivers refuse signatures of another time than theirs.
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def runner(sessions: SessionFactory, clock: ManualClock) -> Iterator[DeliveryRunner]:
    runner = make_runner(sessions, clock)
    yield runner
    runner.stop()


def make_runner(
    sessions: SessionFactory, clock: Callable[[], datetime], timeout_s: float = 5
) -> DeliveryRunner:
    policy = OutboundPolicy(allow_private=True, timeout_s=timeout_s)
    return DeliveryRunner(sessions, clock, SendingOptions(policy=policy, poll_s=0.05))


class Hooks:
    # One account's webhooks, over the API.
    def __init__(self, client: TestClient, member: Member) -> None:
        self.client, self.member = client, member

    def ask(self, method: str, path: str = "", **more: Any) -> Any:
        headers = {**self.member.headers, **more.pop("headers", {})}
        return self.client.request(method, f"/v1/webhooks{path}", headers=headers, **more)

    def create(self, url: str, **more: Any) -> dict[str, Any]:
        answer = self.ask("POST", json={"url": url, **more})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def endpoint(self, endpoint_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/{endpoint_id}").json())

    def test(self, endpoint_id: str) -> dict[str, Any]:
        answer = self.ask("POST", f"/{endpoint_id}/test")
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def delivery(self, one: dict[str, Any]) -> dict[str, Any]:
        path = f"/{one['endpoint_id']}/deliveries/{one['id']}"
        return dict(self.ask("GET", path).json())

    def deliveries(self, endpoint_id: str, **query: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", f"/{endpoint_id}/deliveries", params=query)
        return list(answer.json()["data"])


@pytest.fixture
def hooks(client: TestClient, member: Member) -> Hooks:
    return Hooks(client, member)


@pytest.fixture
def change_in(settings: Settings, clock: ManualClock) -> Iterator[ChangeIn]:
    # A change that tells of itself, in a transaction of a test's own.
    announcer = JobAnnouncer(clock, lambda _site: settings.address)
    queue = JobQueue(settings.effective_database_url)
    yield lambda session: Change(session, queue, FreePurse(), clock(), announcer)
    queue.close()


def submit(client: TestClient, member: Member) -> dict[str, Any]:
    files = {"file": ("Ada - Song.wav", noise(1), "audio/wav")}
    upload = client.post("/v1/uploads", files=files, headers=member.headers)
    assert upload.status_code == 201, upload.text
    body = {"upload_id": upload.json()["id"], "quality": "fast"}
    answer = client.post("/v1/jobs", json=body, headers=member.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def whole(shown: Any, address: str) -> Any:
    # A job as the API shows it, with addresses that can be followed from anywhere.
    if isinstance(shown, dict):
        return {name: whole(value, address) for name, value in shown.items()}
    if isinstance(shown, list):
        return [whole(value, address) for value in shown]
    return address + shown if isinstance(shown, str) and shown.startswith("/v1/") else shown


# --- success -------------------------------------------------------------------------------------


def test_a_separated_song_is_told_signed_once_and_as_the_api_shows_it(
    settings: Settings, member: Member, receiver: Receiver
) -> None:
    app = create_app(settings, with_worker=True)
    with TestClient(app, raise_server_exceptions=False) as client:
        hooks = Hooks(client, member)
        endpoint = hooks.create(receiver.url)
        job = submit(client, member)

        (received,) = receiver.wait(1)
        event = received.verified(endpoint["secret"])

        shown = client.get(f"/v1/jobs/{job['id']}", headers=member.headers).json()
        assert event["type"] == "job.succeeded"
        assert event["data"] == whole(shown, settings.address)
        (delivery,) = hooks.deliveries(endpoint["id"])
        assert (delivery["event"], delivery["job_id"]) == ("job.succeeded", job["id"])
        assert received.headers["webhook-id"] == delivery["id"]
        assert received.headers["content-type"] == "application/json"


def test_a_canceled_job_is_told(
    client: TestClient, hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    job = submit(client, hooks.member)

    client.post(f"/v1/jobs/{job['id']}/cancel", headers=hooks.member.headers)
    runner.send_all_due()

    (received,) = receiver.received
    event = received.verified(endpoint["secret"])
    assert (event["type"], event["data"]["status"]) == ("job.canceled", "canceled")
    assert event["data"]["id"] == job["id"]


@pytest.mark.parametrize("separates", [False, True])
def test_addresses_in_what_is_told_begin_with_the_sites_own(
    separates: bool,
    settings: Settings,
    receiver: Receiver,
    sessions: SessionFactory,
    make_member: MakeMember,
) -> None:
    address = "http://brand.example.org"
    write_site(settings.data_dir / "sites", name="brand", hosts=["brand.example.org"])
    member = make_member(site_id="brand")
    app = create_app(settings, with_worker=separates)
    with TestClient(app, base_url=address) as client:
        Hooks(client, member).create(receiver.url)
        job = submit(client, member)
        if not separates:
            # Told by who answers requests, and sent when a worker comes.
            client.post(f"/v1/jobs/{job['id']}/cancel", headers=member.headers)
            make_runner(sessions, utc_now).send_all_due()
        (received,) = receiver.wait(1)
        events_url = json.loads(received.body)["data"]["events_url"]
        followed = client.get(events_url, headers=member.headers)

    assert events_url == f"{address}/v1/jobs/{job['id']}/events"
    assert followed.status_code == 200


def test_only_wanted_events_are_told(
    client: TestClient, hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    hooks.create(receiver.url, events=["job.failed", "job.expired"])
    job = submit(client, hooks.member)

    client.post(f"/v1/jobs/{job['id']}/cancel", headers=hooks.member.headers)

    assert runner.send_all_due() == 0


def test_another_accounts_jobs_are_not_told(
    client: TestClient,
    hooks: Hooks,
    receiver: Receiver,
    runner: DeliveryRunner,
    make_member: MakeMember,
) -> None:
    hooks.create(receiver.url)
    stranger = make_member()
    job = submit(client, stranger)

    client.post(f"/v1/jobs/{job['id']}/cancel", headers=stranger.headers)

    assert runner.send_all_due() == 0


@pytest.mark.parametrize("kind", ["failed", "expired"])
def test_failed_and_expired_jobs_are_told_in_the_transaction_that_ends_them(
    kind: str,
    client: TestClient,
    hooks: Hooks,
    receiver: Receiver,
    runner: DeliveryRunner,
    *,
    sessions: SessionFactory,
    change_in: ChangeIn,
) -> None:
    endpoint = hooks.create(receiver.url, events=[f"job.{kind}"])
    job = submit(client, hooks.member)

    with transaction(sessions) as session:
        change = change_in(session)
        row = session.get_one(Job, job["id"])
        if kind == "failed":
            values = {"error_code": "corrupt_audio", "error_message": "it is damaged"}
            enter(change, row.id, Move(state="failed", values=values))
        else:
            succeed(change, row, stored_result(session, row))
            enter(change, row.id, Move(state="expired", values={"result_id": None}))
    runner.send_all_due()

    (received,) = receiver.received
    event = received.verified(endpoint["secret"])
    assert (event["type"], event["data"]["status"]) == (f"job.{kind}", kind)


def test_what_is_rolled_back_is_not_told(
    client: TestClient,
    hooks: Hooks,
    receiver: Receiver,
    runner: DeliveryRunner,
    *,
    sessions: SessionFactory,
    change_in: ChangeIn,
) -> None:
    hooks.create(receiver.url)
    job = submit(client, hooks.member)

    with sessions() as session:
        change = change_in(session)
        enter(change, job["id"], Move(state="canceled"))
        session.rollback()

    assert runner.send_all_due() == 0
    assert receiver.received == []


def test_a_song_without_a_latin_name_is_told_to_the_byte(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url, description="Дом 🎵")
    hooks.test(endpoint["id"])

    runner.send_all_due()

    (received,) = receiver.received
    assert received.verified(endpoint["secret"])["type"] == "webhook.test"


# --- secrets -------------------------------------------------------------------------------------


def test_a_secret_is_shown_once(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = hooks.create(receiver.url)

    shown = hooks.endpoint(endpoint["id"])
    (listed,) = hooks.ask("GET").json()["data"]

    assert endpoint["secret"].startswith("whsec_")
    assert "secret" not in shown
    assert "secret" not in listed
    assert listed == shown


def test_while_rotating_both_secrets_verify_and_then_only_the_new_one(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner, clock: ManualClock
) -> None:
    old = hooks.create(receiver.url)
    new = hooks.ask("POST", f"/{old['id']}/rotate-secret", json={"overlap_s": 100}).json()

    hooks.test(old["id"])
    runner.send_all_due()
    clock.advance(101)
    hooks.test(old["id"])
    runner.send_all_due()

    during, after = receiver.received
    assert during.verified(old["secret"]) == during.verified(new["secret"])
    assert after.verified(new["secret"])
    with pytest.raises(WebhookVerificationError):
        after.verified(old["secret"])
    assert (new["secrets_live"], hooks.endpoint(old["id"])["secrets_live"]) == (2, 1)


def test_a_second_rotation_ends_the_oldest_secret(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    first = hooks.create(receiver.url)
    second = hooks.ask("POST", f"/{first['id']}/rotate-secret").json()
    third = hooks.ask("POST", f"/{first['id']}/rotate-secret").json()
    hooks.test(first["id"])

    runner.send_all_due()

    (received,) = receiver.received
    assert received.verified(second["secret"])
    assert received.verified(third["secret"])
    with pytest.raises(WebhookVerificationError):
        received.verified(first["secret"])


def test_a_leaked_secret_can_be_ended_at_once(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    old = hooks.create(receiver.url)
    new = hooks.ask("POST", f"/{old['id']}/rotate-secret", json={"overlap_s": 0}).json()
    hooks.test(old["id"])

    runner.send_all_due()

    (received,) = receiver.received
    assert received.headers["webhook-signature"].count("v1,") == 1
    assert received.verified(new["secret"])


# --- trying again --------------------------------------------------------------------------------


def test_a_failed_delivery_is_tried_again_with_growing_pauses_under_the_same_identifier(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses = [500, 302, 404, 200]
    one = hooks.test(endpoint["id"])

    runner.send_all_due()
    clock.advance(WAITS_S[0] - 1)
    too_early = runner.send_all_due()
    for wait_s in WAITS_S[:3]:
        clock.advance(wait_s * 1.2 + 1)
        runner.send_all_due()

    shown = hooks.delivery(one)
    assert too_early == 0
    assert (shown["state"], shown["attempts"]) == ("delivered", 4)
    assert [entry["status"] for entry in shown["log"]] == [500, 302, 404, 200]
    assert shown["log"][0]["answer"] == "taken"
    assert {one.headers["webhook-id"] for one in receiver.received} == {shown["id"]}
    assert len({one.body for one in receiver.received}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == 4


def test_every_try_is_signed_with_its_own_moment(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses = [500, 200]
    hooks.test(endpoint["id"])
    runner.send_all_due()
    clock.advance(10)

    runner.send_all_due()

    again = receiver.received[1]
    assert again.verified(endpoint["secret"])


def test_redirects_are_not_followed(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses, receiver.headers = [307], {"Location": "/elsewhere"}
    one = hooks.test(endpoint["id"])

    runner.send_all_due()

    assert [received.path for received in receiver.received] == ["/hook"]
    assert hooks.delivery(one)["state"] == "pending"


def test_an_endpoint_that_takes_too_long_is_tried_again(
    hooks: Hooks, receiver: Receiver, sessions: SessionFactory, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.held = threading.Event()
    one = hooks.test(endpoint["id"])
    runner = make_runner(sessions, clock, timeout_s=0.2)

    runner.send_all_due()
    runner.stop()
    receiver.held.set()

    shown = hooks.delivery(one)
    assert shown["state"] == "pending"
    assert (shown["log"][0]["status"], shown["log"][0]["error"]) == (None, "source_unreachable")


def test_nobody_listening_is_written_into_the_log(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.stop()
    one = hooks.test(endpoint["id"])

    runner.send_all_due()

    (entry,) = hooks.delivery(one)["log"]
    assert entry["error"] == "source_unreachable"
    assert "does not answer" in entry["message"]


def give_up(runner: DeliveryRunner, clock: ManualClock) -> float:
    began = clock()
    runner.send_all_due()
    for wait_s in WAITS_S:
        clock.advance(wait_s * 1.11)
        runner.send_all_due()
    return (clock() - began) / timedelta(seconds=1)


def test_after_a_day_a_delivery_is_given_up_and_a_dead_endpoint_paused(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses = [500]
    one = hooks.test(endpoint["id"])

    lasted_s = give_up(runner, clock)
    clock.advance(10 * DAY_S)

    assert 0.9 * DAY_S < lasted_s < 1.2 * DAY_S
    assert runner.send_all_due() == 0
    assert hooks.delivery(one)["state"] == "failed"
    assert len(receiver.received) == len(WAITS_S) + 1
    assert hooks.endpoint(endpoint["id"])["paused"]["because"] == "failing"
    assert hooks.ask("POST", f"/{endpoint['id']}/test").status_code == 409


def test_an_endpoint_that_takes_other_deliveries_is_not_paused(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses = [500]
    one = hooks.test(endpoint["id"])
    runner.send_all_due()
    clock.advance(3)
    receiver.statuses = [200, 500]
    hooks.test(endpoint["id"])

    give_up(runner, clock)
    clock.advance(WAITS_S[-1])
    runner.send_all_due()

    assert hooks.delivery(one)["state"] == "failed"
    assert hooks.endpoint(endpoint["id"])["paused"] is None


def test_an_endpoint_that_is_gone_is_paused_at_once(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses = [410]
    one = hooks.test(endpoint["id"])

    runner.send_all_due()

    assert hooks.delivery(one)["state"] == "failed"
    assert hooks.endpoint(endpoint["id"])["paused"]["because"] == "gone"


def test_what_happens_during_a_pause_is_sent_after_it(
    client: TestClient, hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    hooks.ask("PATCH", f"/{endpoint['id']}", json={"paused": True})
    job = submit(client, hooks.member)
    client.post(f"/v1/jobs/{job['id']}/cancel", headers=hooks.member.headers)

    during = runner.send_all_due()
    resumed = hooks.ask("PATCH", f"/{endpoint['id']}", json={"paused": False}).json()
    after = runner.send_all_due()

    assert (during, after) == (0, 1)
    assert resumed["paused"] is None
    assert receiver.received[0].verified(endpoint["secret"])["type"] == "job.canceled"


def test_a_delivery_can_be_sent_again_by_hand(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    one = hooks.test(endpoint["id"])
    runner.send_all_due()

    again = hooks.ask("POST", f"/{endpoint['id']}/deliveries/{one['id']}/redeliver")
    runner.send_all_due()

    shown = hooks.delivery(one)
    assert (again.status_code, again.json()["state"]) == (202, "pending")
    assert (shown["state"], shown["attempts"], len(shown["log"])) == ("delivered", 2, 2)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body == json.dumps(shown["payload"], separators=(",", ":")).encode()


def test_the_export_tells_what_was_sent_and_what_came_of_it(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    sent = [hooks.test(endpoint["id"]) for _ in range(2)]
    runner.send_all_due()
    shown = [hooks.delivery(one) for one in sent]

    export = hooks.client.get("/v1/account/export", headers=hooks.member.headers)

    assert export.json()["deliveries"] == shown
    assert endpoint["secret"] not in export.text


def test_a_delivery_that_was_given_up_gets_all_its_tries_again(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    receiver.statuses = [500]
    one = hooks.test(endpoint["id"])
    give_up(runner, clock)
    hooks.ask("PATCH", f"/{endpoint['id']}", json={"paused": False})

    hooks.ask("POST", f"/{endpoint['id']}/deliveries/{one['id']}/redeliver")
    give_up(runner, clock)

    assert len(receiver.received) == 2 * (len(WAITS_S) + 1)


# --- many senders --------------------------------------------------------------------------------


def test_of_many_senders_one_sends(
    hooks: Hooks, receiver: Receiver, sessions: SessionFactory, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    sent = [hooks.test(endpoint["id"])["id"] for _ in range(5)]
    runners = [make_runner(sessions, clock) for _ in range(4)]

    threads = [threading.Thread(target=runner.send_all_due) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for runner in runners:
        runner.stop()

    assert sorted(one.headers["webhook-id"] for one in receiver.received) == sorted(sent)


def test_what_a_killed_sender_took_is_sent_by_another_one(
    hooks: Hooks,
    receiver: Receiver,
    runner: DeliveryRunner,
    sessions: SessionFactory,
    clock: ManualClock,
) -> None:
    endpoint = hooks.create(receiver.url)
    one = hooks.test(endpoint["id"])
    with transaction(sessions) as session:  # and then nothing more is heard of it
        session.scalar(queries.claim(one["id"], clock(), clock() + timedelta(seconds=20)))

    at_once = runner.send_all_due()
    clock.advance(66)
    later = runner.send_all_due()

    assert (at_once, later) == (0, 1)
    assert hooks.delivery(one)["state"] == "delivered"


def test_a_sender_that_wakes_up_late_changes_nothing(
    hooks: Hooks, receiver: Receiver, sessions: SessionFactory, clock: ManualClock
) -> None:
    endpoint = hooks.create(receiver.url)
    one = hooks.test(endpoint["id"])
    sleeper, other = make_runner(sessions, clock), make_runner(sessions, clock)
    held = receiver.held = threading.Event()
    receiver.statuses = [500, 200]
    begun = sleeper.send_due()
    receiver.wait(1)
    receiver.held = None
    clock.advance(66)

    other.send_all_due()
    held.set()
    wait(begun)
    sleeper.stop()
    other.stop()

    shown = hooks.delivery(one)
    assert (shown["state"], shown["attempts"]) == ("delivered", 2)
    assert [entry["number"] for entry in shown["log"]] == [2]


def test_a_slow_endpoint_does_not_hold_up_the_others(
    hooks: Hooks, receiver: Receiver, sessions: SessionFactory, clock: ManualClock
) -> None:
    other, runner = Receiver(held=threading.Event()), make_runner(sessions, clock, timeout_s=60)
    slow = hooks.create(other.url)
    for _ in range(30):
        hooks.test(slow["id"])
    quick = hooks.create(receiver.url)
    hooks.test(quick["id"])

    runner.start()
    receiver.wait(1)
    held_up = len(other.received)

    assert other.held is not None
    other.held.set()
    runner.stop()
    other.stop()
    assert held_up <= 2


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://localhost:8080/hook",
        "https://10.0.0.7/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:9000/hook",
        "http://[::ffff:127.0.0.1]/hook",
        "ftp://example.org/hook",
        "https://user:secret@8.8.8.8/hook",
        "http://8.8.8.8:25/",
        "not an address",
    ],
)
def test_addresses_that_are_not_public_are_refused(
    url: str, settings: Settings, clock: ManualClock, member: Member
) -> None:
    strict = settings.model_copy(update={"allow_private_addresses": False})
    with TestClient(create_app(strict, clock=clock)) as client:
        answer = Hooks(client, member).ask("POST", json={"url": url})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "address_refused")


def test_an_address_that_became_private_is_not_sent_to(
    hooks: Hooks, receiver: Receiver, sessions: SessionFactory, clock: ManualClock
) -> None:
    # Made while it was allowed; what counts is the moment of sending.
    endpoint = hooks.create(receiver.url)
    one = hooks.test(endpoint["id"])
    options = SendingOptions(policy=OutboundPolicy(allow_private=False, timeout_s=5))
    runner = DeliveryRunner(sessions, clock, options)

    runner.send_all_due()
    runner.stop()

    assert receiver.received == []
    assert hooks.delivery(one)["log"][0]["error"] == "address_refused"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "https://8.8.8.8/hook", "events": []},
        {"url": "https://8.8.8.8/hook", "events": ["job.started"]},
        {"url": "https://8.8.8.8/hook", "secret": "whsec_mine"},
    ],
)
def test_bodies_that_say_something_else_are_refused(body: dict[str, Any], hooks: Hooks) -> None:
    assert hooks.ask("POST", json=body).status_code == 422


def test_there_is_an_end_to_endpoints(hooks: Hooks) -> None:
    answers = [hooks.ask("POST", json={"url": "https://8.8.8.8/hook"}) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [201] * 20 + [403]
    assert answers[-1].json()["error"]["code"] == "quota_exceeded"


def test_a_key_without_the_scope_is_refused(client: TestClient, make_member: MakeMember) -> None:
    hooks = Hooks(client, make_member(scopes=frozenset({"jobs:read"})))

    assert hooks.ask("GET").status_code == 403


def test_a_repeated_request_makes_one_endpoint(hooks: Hooks) -> None:
    more = {"json": {"url": "https://8.8.8.8/hook"}, "headers": {"Idempotency-Key": "hook"}}

    first, second = hooks.ask("POST", **more), hooks.ask("POST", **more)

    assert first.json() == second.json()
    assert len(hooks.ask("GET").json()["data"]) == 1


def test_another_accounts_ids_answer_404(
    client: TestClient, hooks: Hooks, make_member: MakeMember
) -> None:
    endpoint = hooks.create("https://8.8.8.8/hook")
    one = hooks.test(endpoint["id"])
    stranger = Hooks(client, make_member())
    own = stranger.create("https://8.8.8.8/hook")
    path, mixed = f"/{endpoint['id']}", f"/{own['id']}/deliveries/{one['id']}"

    answers = [
        stranger.ask("GET", path),
        stranger.ask("PATCH", path, json={"paused": True}),
        stranger.ask("DELETE", path),
        stranger.ask("POST", f"{path}/rotate-secret"),
        stranger.ask("POST", f"{path}/test"),
        stranger.ask("GET", f"{path}/deliveries"),
        stranger.ask("GET", f"{path}/deliveries/{one['id']}"),
        stranger.ask("POST", f"{path}/deliveries/{one['id']}/redeliver"),
        stranger.ask("GET", mixed),
        stranger.ask("POST", f"{mixed}/redeliver"),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert hooks.endpoint(endpoint["id"])["paused"] is None


# --- removal -------------------------------------------------------------------------------------


def test_nothing_is_sent_to_a_deleted_endpoint(
    hooks: Hooks, receiver: Receiver, runner: DeliveryRunner
) -> None:
    endpoint = hooks.create(receiver.url)
    hooks.test(endpoint["id"])

    answer = hooks.ask("DELETE", f"/{endpoint['id']}")

    assert answer.status_code == 204
    assert runner.send_all_due() == 0
    assert hooks.ask("GET", f"/{endpoint['id']}").status_code == 404


def test_deliveries_are_listed_by_state_and_kept_for_a_month(
    hooks: Hooks,
    receiver: Receiver,
    runner: DeliveryRunner,
    clock: ManualClock,
    sessions: SessionFactory,
) -> None:
    endpoint = hooks.create(receiver.url)
    hooks.ask("POST", f"/{endpoint['id']}/rotate-secret")
    sent = hooks.test(endpoint["id"])
    runner.send_all_due()
    clock.advance(KEPT.total_seconds() - 10)
    waiting = hooks.test(endpoint["id"])

    pending = hooks.deliveries(endpoint["id"], state="pending")
    delivered = hooks.deliveries(endpoint["id"], state="delivered")
    clock.advance(20)
    runner.sweep()

    assert [one["id"] for one in pending] == [waiting["id"]]
    assert [one["id"] for one in delivered] == [sent["id"]]
    assert [one["id"] for one in hooks.deliveries(endpoint["id"])] == [waiting["id"]]
    with transaction(sessions, read_only=True) as session:
        assert len(session.scalars(select(WebhookSecret)).all()) == 1


def stored_result(session: Any, job: Job) -> str:
    result = Result(
        id=new_id("res"),
        site_id=job.site_id,
        account_id=job.account_id,
        recipe_key=job.recipe_key,
        prefix="results/x/",
        manifest_key="results/x/manifest.json",
        model=job.model,
        model_sha256="0" * 64,
        engine_version="1",
        runtime={},
        sample_rate=44_100,
        channels=2,
        length_samples=44_100,
        size_bytes=1,
        notices=[],
        timings={},
        created_at=job.created_at,
    )
    session.add(result)
    session.flush()
    return result.id
