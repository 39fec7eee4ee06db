from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import update

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.principal import Principal
from stemhouse.domains.billing.purse import LedgerPurse
from stemhouse.domains.separations import housekeeping, lifecycle
from stemhouse.domains.separations.attempt import Bench
from stemhouse.domains.separations.lifecycle import Change, Move
from stemhouse.domains.separations.publish import insert_result
from stemhouse.domains.separations.states import FINISHED, NEXT
from stemhouse.domains.separations.tables import Job
from stemhouse.errors import Cancelled, CorruptAudio, OutOfMemory, SeparationCrashed, Timeout
from stemhouse.jobs import heartbeat
from stemhouse.jobs.child.messages import SeparationTask, error_data, rebuild_error
from stemhouse.jobs.child.process import ChildOptions, SeparationChild, death_error
from stemhouse.jobs.queue import LEAST_URGENT, MOST_URGENT, priority
from stemhouse.jobs.tables import WorkerRow
from stemhouse.settings import Settings
from stemhouse.storage import open_storage
from tests.service.installation import Installation, installed, noise

FACTS: dict[str, Any] = {
    "manifest": "manifest.json",
    "model": "tiny",
    "model_sha256": "0" * 64,
    "engine_version": "1",
    "runtime": {},
    "sample_rate": 44_100,
    "channels": 2,
    "length_samples": 3 * 44_100,
    "size_bytes": 1,
    "notices": [],
    "timings": {},
    "stems": [],
}
TASK = SeparationTask(task_id="t", name="", source="", folder="", model="")


@pytest.fixture
def house(settings: Settings, sessions: SessionFactory) -> Iterator[Installation]:
    with installed(settings, sessions) as installation:
        yield installation


@pytest.fixture
def owner(house: Installation) -> Principal:
    return house.account(max_running_jobs=100)


def change_of(house: Installation) -> Callable[[Any], Change]:
    return lambda session: Change(
        session, house.queue, LedgerPurse(house.settings), datetime.now(UTC)
    )


@given(tier=st.integers(0, 99), unfinished=st.integers(0, 10**9))
def test_a_better_tier_runs_before_any_number_of_jobs(tier: int, unfinished: int) -> None:
    urgency = priority(tier, unfinished)

    assert MOST_URGENT <= urgency <= LEAST_URGENT
    assert tier == 99 or urgency < priority(tier + 1, 0)
    assert urgency <= priority(tier, unfinished + 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-signal.SIGKILL, OutOfMemory),
        (-signal.SIGSEGV, SeparationCrashed),
        (-signal.SIGABRT, SeparationCrashed),
        (71, OutOfMemory),
        (1, SeparationCrashed),
        (0, SeparationCrashed),
    ],
)
def test_how_a_child_died_becomes_an_error_that_may_be_tried_again(
    code: int, kind: type[Exception]
) -> None:
    error = death_error(code)

    assert type(error) is kind
    assert error.retryable


def test_an_error_crosses_the_pipe_as_what_it_is() -> None:
    error = rebuild_error(error_data(CorruptAudio("damaged", offset=3)))

    assert (type(error), error.message, error.details) == (CorruptAudio, "damaged", {"offset": 3})


def child_that(tmp_path: Path, does: str, **options: Any) -> SeparationChild:
    script = tmp_path / "child.py"
    script.write_text(f"import sys, time, os, json\nline = sys.stdin.readline()\n{does}\n")
    return SeparationChild(ChildOptions(command=(sys.executable, str(script)), **options))


def test_a_child_that_says_nothing_is_ended(tmp_path: Path) -> None:
    child = child_that(tmp_path, "time.sleep(3600)", stall_s=0.3)

    with pytest.raises(Timeout):
        child.run(TASK, on_event=lambda _event: None, look=lambda: None)

    assert child.process_id is None


def test_a_child_that_does_not_heed_a_wish_to_stop_is_ended(tmp_path: Path) -> None:
    child = child_that(tmp_path, "time.sleep(3600)")

    def look() -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        child.run(TASK, on_event=lambda _event: None, look=look)

    assert child.process_id is None


def test_a_child_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    greedy = "x = bytearray(300_000_000)\ntime.sleep(3600)"
    child = child_that(tmp_path, greedy, memory_bytes=100_000_000)

    with pytest.raises(OutOfMemory):
        child.run(TASK, on_event=lambda _event: None, look=lambda: None)

    assert child.process_id is None


def test_a_child_that_babbles_has_crashed(tmp_path: Path) -> None:
    child = child_that(tmp_path, "print('not json', flush=True); sys.exit(3)")

    with pytest.raises(SeparationCrashed):
        child.run(TASK, on_event=lambda _event: None, look=lambda: None)


def test_a_silent_worker_is_declared_dead_once_and_stays_so(sessions: SessionFactory) -> None:
    with transaction(sessions) as session:
        heartbeat.register(session, "wrk_1", heartbeat.Calling(songs_at_once=1))
        heartbeat.register(session, "wrk_2", heartbeat.Calling(songs_at_once=1))
        session.execute(update(WorkerRow).values(beat_s=WorkerRow.beat_s - 3600))
    with transaction(sessions) as session:
        alive = heartbeat.beat(session, "wrk_2")
        buried = heartbeat.bury_the_silent(session, 1800)
        again = heartbeat.bury_the_silent(session, 1800)
        wakes_up = heartbeat.beat(session, "wrk_1")
        ended = heartbeat.ended(session)
        living = [worker.executor_id for worker in heartbeat.living(session)]

    assert (alive, buried, again, wakes_up) == (True, ["wrk_1"], [], False)
    assert (ended, living) == (["wrk_1"], ["wrk_2"])


def test_a_worker_that_nobody_remembers_can_still_sign_off(sessions: SessionFactory) -> None:
    with transaction(sessions) as session:
        heartbeat.end(session, "wrk_9")

        assert heartbeat.ended(session) == ["wrk_9"]


def test_a_job_that_the_queue_lost_fails_and_is_paid_back(
    house: Installation, owner: Principal
) -> None:
    job_id = house.submit(owner, house.upload(owner, noise(3), 3))
    with transaction(house.sessions) as session:
        session.get_one(Job, job_id).released_at = datetime.now(UTC) - timedelta(hours=1)
    bench = Bench(sessions=house.sessions, storage=open_storage(house.settings), scratch=None)

    housekeeping.sweep(bench, change_of(house), set)

    job = house.job(job_id)
    assert (job.state, job.error_code) == ("failed", "separation_failed")
    assert house.spent(owner) == 0


@hypothesis_settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(targets=st.lists(st.sampled_from(["processing", "failed", "canceled"]), max_size=8))
def test_a_job_only_goes_where_its_state_lets_it(
    house: Installation, owner: Principal, targets: list[Any]
) -> None:
    job_id = house.submit(owner, house.upload(owner, noise(3), 3))
    state = "queued"
    for target in targets:
        values = {"error_code": "timeout"} if target == "failed" else {}
        with transaction(house.sessions) as session:
            change = change_of(house)(session)
            moved = lifecycle.enter(change, job_id, Move(state=target, values=values))

        assert (moved is not None) == (target in NEXT[state])  # type: ignore[index]
        state = target if moved is not None else state

    events = house.events(job_id)
    assert house.job(job_id).state == state
    assert house.job(job_id).last_event == len(events)
    assert sum(event in FINISHED for event in events) <= 1


def test_an_attempt_that_was_overtaken_cannot_speak(house: Installation, owner: Principal) -> None:
    job_id = house.submit(owner, house.upload(owner, noise(3), 3))
    with transaction(house.sessions) as session:
        change = change_of(house)(session)
        lifecycle.enter(change, job_id, Move(state="processing", values={"attempt": 2}))
        job = session.get_one(Job, job_id)

        zombie = lifecycle.fail(change, job, Timeout("too late"), attempt=1)
        present = lifecycle.fail(change, job, Timeout("too slow"), attempt=2)

    assert (zombie, present) == (False, True)


def test_a_recording_that_was_sent_twice_at_once_is_charged_once(
    house: Installation, owner: Principal
) -> None:
    uploads = [house.upload(owner, noise(3), 3), house.upload(owner, noise(3), 3)]
    job_ids = [house.submit(owner, upload_id) for upload_id in uploads]
    paid = []
    for job_id in job_ids:
        with transaction(house.sessions) as session:
            change = change_of(house)(session)
            job = lifecycle.enter(change, job_id, Move(state="processing", values={"attempt": 1}))
            assert job is not None

            lifecycle.succeed(change, job, insert_result(change, job, FACTS), attempt=1)
        paid.append(house.job(job_id).price)

    assert [house.job(job_id).state for job_id in job_ids] == ["succeeded", "succeeded"]
    assert paid == [3, 0]
    assert house.spent(owner) == 3


# Python's own lock is never let go of: no thread of the child runs again.
SPINS = """
import os, re, sys
from stemhouse.jobs.child.limits import end_with
end_with(int(sys.argv[sys.argv.index("--lifeline") + 1]))
print(os.getpid(), file=open(sys.argv[1], "w"), flush=True)
re.match("(a+)+$", "a" * 60 + "b")
"""

STARTS = """
import sys, time
from stemhouse.jobs.child.process import ChildOptions, SeparationChild
SeparationChild(ChildOptions(command=sys.argv[1:])).warm()
time.sleep(60)
"""


def test_a_child_that_lets_nothing_run_ends_with_its_killed_worker(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(SPINS)
    told = tmp_path / "process"
    command = [sys.executable, str(tmp_path / "child.py"), str(told)]
    worker = subprocess.Popen([sys.executable, "-c", STARTS, *command])
    child = psutil.Process(wait_for(lambda: int(told.read_text())))

    worker.kill()
    worker.wait()

    assert gone_within(child, 60.0), "it would spin for ever"


def wait_for(number: Callable[[], int], within_s: float = 120.0) -> int:
    deadline = time.monotonic() + within_s
    while True:
        try:
            return number()
        except (OSError, ValueError):
            assert time.monotonic() < deadline
        time.sleep(0.02)


def gone_within(process: psutil.Process, seconds: float) -> bool:
    # Whoever adopts an orphan may leave it as a zombie; that runs no more.
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False
