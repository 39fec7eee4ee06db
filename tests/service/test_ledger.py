from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stemhouse.db.session import SessionFactory, transaction
from stemhouse.domains.billing import queries
from stemhouse.domains.billing.service import Ledger
from stemhouse.domains.billing.tables import Balance, LedgerEntry
from stemhouse.errors import InvalidOption, PaymentRequired
from tests.service.conftest import MakeMember, Member

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def books(sessions: SessionFactory, member: Member) -> Callable[[Session], Ledger]:
    return lambda session: Ledger(session, member.site_id, member.account_id, NOW)


def test_a_hold_takes_credits_and_a_settlement_gives_the_rest_back(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        ledger.grant(100, "welcome", "")
        ledger.hold("job_1", 60)
        held = (ledger.available_s(), ledger.held_s())
        ledger.settle("job_1", 50)

        assert held == (40, 60)
        assert (ledger.available_s(), ledger.held_s()) == (50, 0)


def test_a_refund_gives_everything_back(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        ledger.grant(100, "welcome", "")
        ledger.hold("job_1", 60)
        ledger.refund("job_1")

        assert (ledger.available_s(), ledger.held_s()) == (100, 0)


def test_a_settlement_never_takes_more_than_was_held(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        ledger.grant(100, "welcome", "")
        ledger.hold("job_1", 60)
        ledger.settle("job_1", 90)

        assert ledger.available_s() == 40


def test_a_hold_that_cannot_be_paid_says_what_is_missing(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        ledger.grant(10, "welcome", "")
        with pytest.raises(PaymentRequired) as refused:
            ledger.hold("job_1", 60)

        assert refused.value.details == {
            "required": 60,
            "available": 10,
            "missing": 50,
            "unit": "second",
        }
        assert ledger.available_s() == 10


def test_a_negative_amount_is_refused(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session, pytest.raises(InvalidOption):
        books(session).grant(-1, "welcome", "")


def test_the_database_refuses_a_negative_balance(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        books(session).grant(10, "welcome", "")

    with pytest.raises(IntegrityError), transaction(sessions) as session:
        session.execute(update(Balance).values(available_s=-1))


def test_accounts_have_books_of_their_own(
    sessions: SessionFactory, make_member: MakeMember
) -> None:
    first, second = make_member(), make_member()
    with transaction(sessions) as session:
        Ledger(session, first.site_id, first.account_id, NOW).grant(10, "welcome", "")

        assert Ledger(session, second.site_id, second.account_id, NOW).available_s() == 0


def test_two_that_spend_the_last_credit_at_once_do_not_both_get_it(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        books(session).grant(60, "welcome", "")
    start, outcomes = threading.Barrier(4), []

    def spend(job_id: str) -> None:
        start.wait()
        try:
            with transaction(sessions) as session:
                books(session).hold(job_id, 60)
            outcomes.append("held")
        except PaymentRequired:
            outcomes.append("refused")

    threads = [threading.Thread(target=spend, args=(f"job_{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["held", "refused", "refused", "refused"]


def test_the_same_hold_at_once_is_taken_once(
    sessions: SessionFactory, books: Callable[[Session], Ledger]
) -> None:
    with transaction(sessions) as session:
        books(session).grant(500, "welcome", "")
    start = threading.Barrier(4)

    def repeat() -> None:
        start.wait()
        with transaction(sessions) as session:
            books(session).hold("job_1", 60)

    threads = [threading.Thread(target=repeat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with transaction(sessions, read_only=True) as session:
        assert books(session).available_s() == 440


JOBS = st.sampled_from(["job_1", "job_2", "job_3"])
AMOUNTS = st.integers(0, 200)
ACTIONS = st.one_of(
    st.tuples(st.just("grant"), st.sampled_from(["a", "b", "c"]), AMOUNTS),
    st.tuples(st.just("hold"), JOBS, AMOUNTS),
    st.tuples(st.just("settle"), JOBS, AMOUNTS),
    st.tuples(st.just("refund"), JOBS, AMOUNTS),
)


class Model:
    # The books as they should be, in the simplest words.
    def __init__(self) -> None:
        self.available = 0
        self.granted: set[str] = set()
        self.holds: dict[str, int] = {}
        self.ended: set[str] = set()

    def act(self, kind: str, name: str, amount: int) -> None:
        if kind == "grant" and name not in self.granted:
            self.granted.add(name)
            self.available += amount
        elif kind == "hold" and name not in self.holds and amount <= self.available:
            self.holds[name] = amount
            self.available -= amount
        elif kind in {"settle", "refund"} and name in self.holds and name not in self.ended:
            self.ended.add(name)
            kept = min(amount, self.holds[name]) if kind == "settle" else 0
            self.available += self.holds[name] - kept

    @property
    def held(self) -> int:
        return sum(amount for job, amount in self.holds.items() if job not in self.ended)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(st.tuples(ACTIONS, st.booleans()), max_size=25))
def test_whatever_happens_in_whatever_order_the_books_balance(
    sessions: SessionFactory, make_member: MakeMember, actions: list[Any]
) -> None:
    owner, model = make_member(), Model()
    for (kind, name, amount), is_lost in actions:
        # A crash before the commit: as if nothing had happened.
        try:
            with transaction(sessions) as session:
                act(Ledger(session, owner.site_id, owner.account_id, NOW), kind, name, amount)
                if is_lost:
                    raise InterruptedError
        except InterruptedError:
            pass
        else:
            model.act(kind, name, amount)

    with transaction(sessions, read_only=True) as session:
        ledger = Ledger(session, owner.site_id, owner.account_id, NOW)
        kept = session.scalars(
            select(Balance.available_s).where(Balance.account_id == owner.account_id)
        ).one_or_none()
        entries = session.scalars(
            select(LedgerEntry.amount_s).where(LedgerEntry.account_id == owner.account_id)
        )
        assert (ledger.available_s(), ledger.held_s()) == (model.available, model.held)
        assert (kept or 0) == sum(entries) == model.available >= 0
        assert not session.execute(queries.unbalanced()).all()


def act(ledger: Ledger, kind: str, name: str, amount: int) -> None:
    if kind == "grant":
        ledger.grant(amount, name, "")
    elif kind == "settle":
        ledger.settle(name, amount)
    elif kind == "refund":
        ledger.refund(name)
    else:
        try:
            ledger.hold(name, amount)
        except PaymentRequired:
            return
