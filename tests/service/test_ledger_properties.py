# Whatever happens in whatever order, the books balance: random sequences against a model in the
# simplest words, processes that are killed between steps, two tabs that spend the last credit.

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.billing.checking import check_books
from stemhouse.domains.billing.closing import totals_of_account
from stemhouse.domains.billing.service import Ledger, TakenBack
from stemhouse.domains.billing.sweeping import expire_overdue
from stemhouse.domains.separations.tables import Job
from stemhouse.errors import PaymentRequired
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import MakeMember, Member
from tests.service.ledger_spender import end_job, make_job, spend

BEGAN = datetime(2026, 1, 20, tzinfo=UTC)
AMOUNTS = st.integers(1, 150)
CAUSES = st.sampled_from("abcd")
JOBS = st.integers(0, 3)
LOST = st.booleans()


@dataclass
class Lot:
    cause: str
    left: int
    expires_at: datetime | None

    def alive(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


class Model:
    # The books as they should be. What expires does so by the clock; nobody has to write it.
    def __init__(self) -> None:
        self.now = BEGAN
        self.lots: list[Lot] = []
        self.taken: dict[str, TakenBack] = {}
        self.late = 0
        self.owed: list[list[int]] = []
        """What was short of each take-back, and how many holds there were before it."""
        self.order: list[int] = []
        self.holds: dict[int, list[tuple[Lot, int]]] = {}
        self.ended: set[int] = set()
        self.spent = 0

    def usable(self, first: str | None = None) -> list[Lot]:
        far = datetime.max.replace(tzinfo=UTC)
        lots = [lot for lot in self.lots if lot.left and lot.alive(self.now)]
        lots.sort(key=lambda lot: lot.expires_at or far)
        return sorted(lots, key=lambda lot: lot.cause != first)

    @property
    def available(self) -> int:
        return sum(lot.left for lot in self.usable())

    @property
    def held(self) -> int:
        return sum(
            part for one in self.holds if one not in self.ended for _, part in self.holds[one]
        )

    def take(self, amount: int, first: str | None = None) -> list[tuple[Lot, int]]:
        parts = []
        for lot in self.usable(first):
            part = min(lot.left, amount)
            amount -= part
            lot.left -= part
            parts.append((lot, part))
        return [(lot, part) for lot, part in parts if part]

    def end(self, job: int, kept: int) -> None:
        self.ended.add(job)
        back = []
        for lot, part in self.holds[job]:
            spent = min(part, kept)
            kept -= spent
            self.spent += spent
            lot.left += part - spent
            back.append((lot, part - spent))
        # What was to be taken back while it was held is taken now.
        for owed in self.owed:
            if self.order.index(job) >= owed[1]:
                continue
            for number, (lot, part) in enumerate(back):
                late = min(part, owed[0]) if lot.alive(self.now) else 0
                back[number] = (lot, part - late)
                lot.left -= late
                owed[0] -= late
                self.late += late


class Lost(Exception):
    # The process died before the commit.
    pass


class Books(RuleBasedStateMachine):
    def __init__(self, sessions: SessionFactory, owner: Owner) -> None:
        super().__init__()
        self.sessions, self.owner = sessions, owner
        self.clock, self.model = ManualClock(BEGAN), Model()
        self.jobs: dict[int, str] = {}
        self.swept_at = BEGAN

    def act(self, what: Callable[[Any, Ledger], Any], *, lost: bool = False) -> Any:
        try:
            with transaction(self.sessions) as session:
                answer = what(session, Ledger(session, self.owner, "second", self.clock()))
                if lost:
                    raise Lost
        except Lost:
            return None
        return answer

    @rule(cause=CAUSES, amount=AMOUNTS, days=st.sampled_from([None, 1, 3, 12, 40]), lost=LOST)
    def grant(self, cause: str, amount: int, days: int | None, lost: bool) -> None:
        end = None if days is None else self.clock() + timedelta(days=days)
        given = self.act(
            lambda _, ledger: ledger.grant(amount, cause=cause, note="", expires_at=end), lost=lost
        )
        if lost:
            return
        assert given == (cause not in {lot.cause for lot in self.model.lots})
        if given:
            self.model.lots.append(Lot(cause, amount, end))

    @rule(job=JOBS, amount=st.integers(0, 150), lost=LOST)
    def hold(self, job: int, amount: int, lost: bool) -> None:
        known, missing = job in self.jobs, 0
        if known and not self.model.holds[job]:
            amount = 0  # it was made for nothing, and a job keeps its price

        def ask(session: Any, ledger: Ledger) -> tuple[str, bool]:
            job_id = self.jobs.get(job) or make_job(session, self.owner, amount)
            return job_id, ledger.hold(job_id, amount)

        try:
            answer = self.act(ask, lost=lost)
        except PaymentRequired as error:
            answer, missing = None, error.details["missing"]
        if answer is None and not lost:
            assert not known
            assert missing == amount - self.model.available > 0
            return
        if lost:
            return
        self.jobs[job], held = answer
        assert held == (not known and amount > 0)
        if not known:
            assert amount <= self.model.available
            self.model.holds[job] = self.model.take(amount)
            self.model.order.append(job)

    @rule(job=JOBS, delivered=st.integers(0, 200), lost=LOST)
    def settle(self, job: int, delivered: int, lost: bool) -> None:
        self.finish(job, delivered, lost=lost)

    @rule(job=JOBS, lost=LOST)
    def refund(self, job: int, lost: bool) -> None:
        self.finish(job, None, lost=lost)

    def finish(self, job: int, delivered: int | None, *, lost: bool) -> None:
        job_id = self.jobs.get(job, "job_unknown")

        def ask(session: Any, ledger: Ledger) -> bool:
            if delivered is None:
                ended = ledger.refund(job_id)
                state = "canceled"
            else:
                ended = ledger.settle(job_id, delivered)
                state = "expired"
            if ended:
                end_job(session, job_id, state)
            return ended

        ended = self.act(ask, lost=lost)
        if lost:
            return
        assert ended == bool(self.model.holds.get(job) and job not in self.model.ended)
        if ended:
            self.model.end(job, delivered or 0)

    @rule(cause=CAUSES, amount=AMOUNTS, of=st.none() | CAUSES, lost=LOST)
    def take_back(self, cause: str, amount: int, of: str | None, lost: bool) -> None:
        taken = self.act(
            lambda _, ledger: ledger.take_back(amount, cause=cause, note="", of=of), lost=lost
        )
        if lost:
            return
        if cause not in self.model.taken:
            got = sum(part for _, part in self.model.take(amount, of))
            self.model.taken[cause] = TakenBack(got, amount - got)
            self.model.owed.append([amount - got, len(self.model.order)])
        assert taken == self.model.taken[cause]

    @rule(hours=st.sampled_from([1, 23, 24 * 3, 24 * 14]))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(hours * 3600)
        self.model.now = self.clock()

    @rule()
    def sweep(self) -> None:
        expire_overdue(self.sessions, self.clock)
        self.swept_at = self.clock()

    @rule(amount=AMOUNTS)
    def two_hold_at_once(self, amount: int) -> None:
        free = [job for job in range(10, 30) if job not in self.jobs][:2]
        start, held = threading.Barrier(2), []

        def spend(job: int) -> None:
            def ask(session: Any, ledger: Ledger) -> str:
                job_id = make_job(session, self.owner, amount)
                ledger.hold(job_id, amount)
                return job_id

            start.wait()
            try:
                held.append((job, self.act(ask)))
            except PaymentRequired:
                pass

        threads = [threading.Thread(target=spend, args=(job,)) for job in free]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(held) == min(2, self.model.available // amount)
        for job, job_id in held:
            self.jobs[job] = job_id
        # Which of them took which lots nobody can say, so both end here.
        for job, _ in held:
            self.model.holds[job] = self.model.take(amount)
            self.model.order.append(job)
        for job, _ in held:
            self.finish(job, amount, lost=False)

    @invariant()
    def the_books_balance(self) -> None:
        with transaction(self.sessions, read_only=True) as session:
            ledger = Ledger(session, self.owner, "second", self.clock())
            assert (ledger.available(), ledger.held()) == (self.model.available, self.model.held)
            assert check_books(session, self.swept_at) == []
            totals = totals_of_account(session, self.owner.site_id, self.owner.account_id)
            for one in totals.values():
                assert one.spent == self.model.spent
                taken = sum(each.amount for each in self.model.taken.values())
                assert one.taken_back == taken + self.model.late
                parts = (one.available, one.held, one.spent, one.expired, one.taken_back)
                assert one.granted == sum(parts)


def test_whatever_happens_in_whatever_order_the_books_balance(
    sessions: SessionFactory, make_member: MakeMember
) -> None:
    def machine() -> Books:
        member = make_member()
        return Books(sessions, Owner(member.site_id, member.account_id))

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_processes_that_are_killed_between_steps_neither_lose_nor_make_credits(
    sessions: SessionFactory, member: Member, database_url: str
) -> None:
    owner, now = Owner(member.site_id, member.account_id), datetime.now(UTC)
    with transaction(sessions) as session:
        Ledger(session, owner, "second", now).grant(1_000_000, cause="pack", note="")

    for steps in (1, 4):  # in the middle of what comes after so many steps
        killed = [Spender(database_url, owner) for _ in range(2)]
        for one in killed:
            one.wait(steps)
        for one in killed:
            one.kill()

    with transaction(sessions, read_only=True) as session:
        assert check_books(session, now) == []
        open_jobs = session.scalars(select(Job.id).where(Job.state == "queued")).all()
        held = Ledger(session, owner, "second", now).held()
    assert held == 10 * len(open_jobs)

    # Whoever takes over ends what was left, however often.
    for job_id in [*open_jobs, *open_jobs]:
        with transaction(sessions) as session:
            Ledger(session, owner, "second", now).refund(job_id)
            end_job(session, job_id, "canceled")
    with transaction(sessions, read_only=True) as session:
        assert check_books(session, now) == []
        charged = session.scalars(select(Job.id).where(Job.state == "expired")).all()
        ledger = Ledger(session, owner, "second", now)
        assert (ledger.available(), ledger.held()) == (1_000_000 - 10 * len(charged), 0)


class Spender:
    # Forked from a process that has imported everything already: four starts cost as one.
    def __init__(self, database_url: str, owner: Owner) -> None:
        starting = multiprocessing.get_context("forkserver")
        starting.set_forkserver_preload(["tests.service.ledger_spender"])
        self._steps, theirs = starting.Pipe(duplex=False)
        self._process = starting.Process(target=spend, args=(database_url, owner, theirs))
        self._process.start()
        theirs.close()

    def wait(self, steps: int) -> None:
        for _ in range(steps):
            assert self._steps.poll(60)
            assert self._steps.recv() in {"held", "ended"}

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL
        self._steps.close()
