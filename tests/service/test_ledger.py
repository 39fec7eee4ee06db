# The ledger: what each call does, what it refuses, and what the database refuses by itself.

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stemhouse.db import checks
from stemhouse.db.ids import new_id, new_id_after
from stemhouse.db.session import SessionFactory, make_engine, make_sessions, transaction
from stemhouse.domains.accounts import queries as accounts
from stemhouse.domains.accounts.scope import Owner
from stemhouse.domains.accounts.tables import Account
from stemhouse.domains.billing.checking import check_books
from stemhouse.domains.billing.closing import close_books, totals_of_site
from stemhouse.domains.billing.schemas import EntryAnswer
from stemhouse.domains.billing.service import Ledger, TakenBack
from stemhouse.domains.billing.sweeping import LedgerSweeper, expire_overdue
from stemhouse.domains.billing.tables import (
    LedgerFlag,
    LedgerGuard,
    LedgerLot,
    LedgerPosting,
    LedgerTransaction,
)
from stemhouse.domains.billing.views import all_entries
from stemhouse.errors import InvalidOption, NotFound, PaymentRequired
from stemhouse.testing.clock import ManualClock
from tests.service.conftest import MakeMember, Member

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

Books = Callable[..., Ledger]


@pytest.fixture
def owner(member: Member) -> Owner:
    return Owner(member.site_id, member.account_id)


@pytest.fixture
def books(owner: Owner) -> Books:
    return lambda session, now=NOW: Ledger(session, owner, "second", now)


def give(ledger: Ledger, amount: int, cause: str = "a", expires_at: datetime | None = None) -> bool:
    return ledger.grant(amount, cause=cause, note=f"from {cause}", expires_at=expires_at)


def test_a_hold_takes_credits_and_a_settlement_gives_the_rest_back(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 100)
        ledger.hold("job_1", 60)
        held = (ledger.available(), ledger.held())
        ledger.settle("job_1", 50)

        assert held == (40, 60)
        assert (ledger.available(), ledger.held()) == (50, 0)


def test_a_refund_gives_everything_back(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 100)
        ledger.hold("job_1", 60)
        ledger.refund("job_1")

        assert (ledger.available(), ledger.held()) == (100, 0)


def test_a_settlement_never_takes_more_than_was_held(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 100)
        ledger.hold("job_1", 60)
        ledger.settle("job_1", 90)

        assert ledger.available() == 40


def test_every_cause_acts_once(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        acted = [
            *(give(ledger, 100) for _ in range(2)),
            *(ledger.hold("job_1", 60) for _ in range(2)),
            *(ledger.settle("job_1", 60) for _ in range(2)),
            ledger.refund("job_1"),
            ledger.hold("job_1", 10),
        ]

        assert acted == [True, False, True, False, True, False, False, False]
        assert (ledger.available(), ledger.held()) == (40, 0)
        assert ledger.granted("a")


def test_what_was_never_held_is_not_ended(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        ledger = books(session)

        assert not ledger.settle("job_1", 10)
        assert not ledger.refund("job_1")


def test_what_costs_nothing_holds_nothing(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        assert not books(session).hold("job_1", 0)


def test_a_hold_that_cannot_be_paid_says_what_is_missing(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 10)
        with pytest.raises(PaymentRequired, match="60 seconds") as refused:
            ledger.hold("job_1", 60)

        assert refused.value.details == {
            "required": 60,
            "available": 10,
            "missing": 50,
            "unit": "second",
        }
        assert ledger.available() == 10


def test_units_do_not_mix(sessions: SessionFactory, owner: Owner) -> None:
    with transaction(sessions) as session:
        seconds, songs = (Ledger(session, owner, unit, NOW) for unit in ("second", "song"))
        give(seconds, 100)
        give(songs, 2, cause="b")

        assert (seconds.available(), songs.available()) == (100, 2)
        with pytest.raises(PaymentRequired, match="3 songs and 2 songs"):
            songs.hold("job_1", 3)


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: give(ledger, 0),
        lambda ledger: ledger.take_back(0, cause="a", note=""),
        lambda ledger: ledger.hold("job_1", -1),
        lambda ledger: ledger.settle("job_1", -1),
    ],
)
def test_amounts_that_make_no_sense_are_refused(
    sessions: SessionFactory, books: Books, ask: Callable[[Ledger], object]
) -> None:
    with transaction(sessions) as session, pytest.raises(InvalidOption):
        ask(books(session))


def test_an_account_that_is_gone_gets_nothing(sessions: SessionFactory) -> None:
    with transaction(sessions) as session, pytest.raises(NotFound):
        give(Ledger(session, Owner("default", "acct_gone"), "second", NOW), 1)


def test_the_soonest_to_expire_is_spent_first(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 10, "never")
        give(ledger, 10, "late", NOW + 9 * DAY)
        give(ledger, 10, "soon", NOW + DAY)
        ledger.hold("job_1", 15)

        left = [(lot.note, lot.available) for lot in ledger.lots()]
        assert left == [("from late", 5), ("from never", 10)]


def test_what_comes_back_goes_to_the_lots_that_last_longest(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 10, "late", NOW + 9 * DAY)
        give(ledger, 10, "soon", NOW + DAY)
        ledger.hold("job_1", 20)
        ledger.settle("job_1", 12)

        assert [(lot.note, lot.available) for lot in ledger.lots()] == [("from late", 8)]


def test_expired_credits_cannot_be_spent_even_before_they_are_written_off(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW + DAY)

        assert books(session, NOW + DAY - timedelta(seconds=1)).available() == 10
        assert books(session, NOW + DAY).available() == 0
        assert books(session, NOW + DAY).lots() == []


def test_an_account_that_is_deleted_while_its_credits_expire_is_no_trouble(
    sessions: SessionFactory, books: Books, owner: Owner
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW + DAY)

    class Deleting:
        # Whoever wants to write finds that somebody was faster.
        def __getattr__(self, name: str) -> Any:
            return getattr(sessions, name)

        def __call__(self, *, info: dict[str, Any], **how: Any) -> Any:
            if not info["reads_only"]:
                with transaction(sessions) as session:
                    session.execute(sa.delete(Account).where(Account.id == owner.account_id))
            return sessions(info=info, **how)

    assert expire_overdue(cast(SessionFactory, Deleting()), ManualClock(NOW + DAY)) == 1
    with transaction(sessions, read_only=True) as session:
        assert check_books(session, NOW + DAY) == []


def test_expired_credits_are_written_off_once(sessions: SessionFactory, books: Books) -> None:
    clock = ManualClock(NOW)
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW + DAY)
        books(session).hold("job_1", 4)
    clock.advance(DAY.total_seconds())

    swept = [expire_overdue(sessions, clock) for _ in range(2)]

    with transaction(sessions, read_only=True) as session:
        assert swept == [1, 0]
        assert (books(session, clock()).available(), books(session).held()) == (0, 4)
        assert [entry.amount for entry in entries(session)] == [10, -4, -6]


def test_what_comes_back_after_its_lot_expired_is_written_off_at_once(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW + DAY)
        books(session).hold("job_1", 4)
        books(session, NOW + 2 * DAY).refund("job_1")

        kinds = [(entry.kind, entry.amount) for entry in entries(session)]
        expected = [("grant", 10), ("hold", -4), ("expire", -6), ("refund", 4), ("expire", -4)]
        assert kinds == expected
        assert totals_of_site(session, "default")["second"].expired == 10


def test_a_grant_that_comes_after_its_end_gives_nothing(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW - DAY)

        assert [entry.kind for entry in entries(session)] == ["grant", "expire"]


def test_a_sweep_reaches_all_accounts(sessions: SessionFactory, make_member: MakeMember) -> None:
    members = [make_member() for _ in range(3)]
    with transaction(sessions) as session:
        for one in members:
            ledger = Ledger(session, Owner(one.site_id, one.account_id), "song", NOW)
            give(ledger, 10, expires_at=NOW + DAY)

    assert expire_overdue(sessions, ManualClock(NOW + DAY), at_once=2) == 3


def test_a_take_back_takes_from_its_own_grant_first(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 10, "other", NOW + DAY)
        give(ledger, 10, "pack")

        taken = ledger.take_back(12, cause="refund", note="refunded", of="pack")

        assert taken == TakenBack(12, 0)
        assert [(lot.note, lot.available) for lot in ledger.lots()] == [("from other", 8)]
        assert session.scalars(sa.select(LedgerFlag)).all() == []


def test_a_take_back_of_an_unknown_grant_takes_the_soonest_to_expire(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 10, "pack")

        assert ledger.take_back(3, cause="refund", note="", of="unknown") == TakenBack(3, 0)


def test_a_take_back_never_goes_below_zero_and_flags_the_account(
    sessions: SessionFactory, books: Books, owner: Owner
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 10, "pack")
        ledger.hold("job_1", 7)

        taken = [ledger.take_back(10, cause="refund", note="refunded") for _ in range(2)]

        assert taken == [TakenBack(3, 7)] * 2
        assert (ledger.available(), ledger.held()) == (0, 7)
        flag = session.scalars(sa.select(LedgerFlag)).one()
        assert (flag.account_id, flag.short) == (owner.account_id, 7)


def test_entries_tell_what_was_there_after_each(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 100)
        ledger.hold("job_1", 60)
        ledger.settle("job_1", 50)

        shown = [
            (one.kind, one.amount, one.charged, one.available_after, one.held_after)
            for one in entries(session)
        ]
        assert shown == [
            ("grant", 100, 0, 100, 0),
            ("hold", -60, 0, 40, 60),
            ("settle", 10, 50, 50, 0),
        ]


# --- what the database refuses by itself ----------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        sa.update(LedgerTransaction).values(note="changed"),
        sa.delete(LedgerTransaction),
        sa.update(LedgerPosting).values(amount=1),
        sa.delete(LedgerPosting),
        sa.update(LedgerLot).values(expires_at=None),
        sa.delete(LedgerLot),
    ],
    ids=str,
)
def test_the_database_refuses_to_change_history(
    sessions: SessionFactory, books: Books, change: sa.Update | sa.Delete
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW + DAY)

    with pytest.raises(IntegrityError), transaction(sessions) as session:
        session.execute(change)


@pytest.mark.parametrize(
    ("source", "target", "amount"),
    [
        ("available", "held", 11),
        ("available", "expired", 11),
        ("held", "spent", 1),
        ("held", "available", 1),
        ("available", "spent", 1),
        ("available", "held", 0),
        ("available", "held", -1),
    ],
)
def test_the_database_refuses_postings_that_cannot_be(
    sessions: SessionFactory, books: Books, source: str, target: str, amount: int
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10)
        lot = session.scalars(sa.select(LedgerLot)).one()

    statement = sa.insert(LedgerPosting).values(
        site_id=lot.site_id,
        account_id=lot.account_id,
        transaction_id=lot.transaction_id,
        number=2,
        lot_id=lot.id,
        source=source,
        target=target,
        amount=amount,
    )
    with pytest.raises(IntegrityError), transaction(sessions) as session:
        session.execute(statement)


def test_the_database_refuses_to_move_credits_of_somebody_else(
    sessions: SessionFactory, books: Books, make_member: MakeMember
) -> None:
    stranger = make_member()
    with transaction(sessions) as session:
        give(books(session), 10)
        give(Ledger(session, Owner(stranger.site_id, stranger.account_id), "second", NOW), 10)
        lot = session.scalars(
            sa.select(LedgerLot).where(LedgerLot.account_id != stranger.account_id)
        )
        lot_id = lot.one().id
        theirs = session.scalars(
            sa.select(LedgerTransaction).where(LedgerTransaction.account_id == stranger.account_id)
        ).one()

    statement = sa.insert(LedgerPosting).values(
        site_id=theirs.site_id,
        account_id=stranger.account_id,
        transaction_id=theirs.id,
        number=2,
        lot_id=lot_id,
        source="available",
        target="held",
        amount=1,
    )
    with pytest.raises(IntegrityError), transaction(sessions) as session:
        session.execute(statement)


def test_a_deleted_account_takes_its_books_along_and_leaves_totals(
    sessions: SessionFactory, books: Books, owner: Owner
) -> None:
    with transaction(sessions) as session:
        ledger = books(session)
        give(ledger, 100)
        ledger.take_back(10, cause="refund", note="")
        ledger.hold("job_1", 60)
        ledger.settle("job_1", 50)

    with transaction(sessions) as session:
        close_books(session, owner.site_id, owner.account_id, NOW)
        session.execute(accounts.remove_account(owner.site_id, owner.account_id))

    with transaction(sessions, read_only=True) as session:
        assert session.scalars(sa.select(LedgerTransaction)).all() == []
        assert session.scalars(sa.select(LedgerGuard)).all() == []
        totals = totals_of_site(session, owner.site_id)["second"]
        assert (totals.granted, totals.spent, totals.taken_back) == (100, 50, 10)
        assert (totals.dropped, totals.available, totals.held) == (40, 0, 0)
        assert check_books(session, NOW) == []


# --- at the same time -----------------------------------------------------------------------------


def at_once(*tasks: Callable[[], object]) -> None:
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], object]) -> None:
        start.wait()
        task()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_that_spend_the_last_credit_at_once_do_not_both_get_it(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        give(books(session), 60)
    outcomes = []

    def spend(job_id: str) -> None:
        try:
            with transaction(sessions) as session:
                books(session).hold(job_id, 60)
            outcomes.append("held")
        except PaymentRequired:
            outcomes.append("refused")

    at_once(*(lambda number=number: spend(f"job_{number}") for number in range(4)))

    assert sorted(outcomes) == ["held", "refused", "refused", "refused"]


def test_the_same_causes_at_once_act_once(sessions: SessionFactory, books: Books) -> None:
    def repeat() -> None:
        with transaction(sessions) as session:
            give(books(session), 500)
            books(session).hold("job_1", 60)
            books(session).take_back(100, cause="refund", note="")

    at_once(*[repeat] * 4)

    with transaction(sessions, read_only=True) as session:
        assert (books(session).available(), books(session).held()) == (340, 60)


# --- what was in the old books --------------------------------------------------------------------


OLD_ENTRIES = (
    # kind, key, amount, job
    ("grant", "grant:welcome", 100, None),
    ("grant", "grant:gift", 50, None),
    ("grant", "grant:nothing", 0, None),
    ("hold", "hold:job_1", -120, "job_1"),
    ("settle", "end:job_1", 20, "job_1"),
    ("hold", "hold:job_2", -30, "job_2"),
    ("refund", "end:job_2", 30, "job_2"),
    ("hold", "hold:job_3", 0, "job_3"),
    ("settle", "end:job_3", 0, "job_3"),
    ("hold", "hold:job_4", -25, "job_4"),
)


def test_the_old_books_are_carried_over_whole(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    checks.upgrade(engine, to="20261125_cancel_at_once")
    insert_account = sa.text(
        "INSERT INTO accounts (id, site_id, kind, email, plan, created_at) "
        "VALUES ('acct_1', 'default', 'user', 'a@example.org', 'free', '2026-01-01 00:00:00')"
    )
    insert_entry = sa.text(
        "INSERT INTO ledger_entries (id, site_id, account_id, kind, key, amount_s, job_id, note, "
        "created_at) VALUES (:id, 'default', 'acct_1', :kind, :key, :amount, :job, 'why', "
        "'2026-01-01 00:00:00')"
    )
    ids, last = [], None
    for _ in OLD_ENTRIES:
        last = new_id_after("led", last)
        ids.append(last)
    with engine.begin() as connection:
        connection.execute(insert_account)
        for entry_id, (kind, key, amount, job) in zip(ids, OLD_ENTRIES, strict=True):
            values = {"id": entry_id, "kind": kind, "key": key, "amount": amount, "job": job}
            connection.execute(insert_entry, values)

    checks.upgrade(engine)

    with transaction(make_sessions(engine)) as session:
        ledger = Ledger(session, Owner("default", "acct_1"), "second", NOW)
        moved = session.scalars(sa.select(LedgerTransaction).order_by(LedgerTransaction.id)).all()
        assert [row.id for row in moved] == ids
        assert {row.note for row in moved} == {"why"}
        assert (ledger.available(), ledger.held()) == (25, 25)
        assert ledger.granted("sign-up")
        assert ledger.refund("job_4")
        assert not ledger.refund("job_1")
        assert ledger.available() == 50
        assert not [one for one in check_books(session, NOW) if "held" not in one.text]
    engine.dispose()


def test_identifiers_in_order_sort_after_each_other() -> None:
    first = new_id("led")
    far = "led_7" + "z" * 24 + "0"

    assert new_id_after("led", first) > first
    assert new_id_after("led", far) == "led_7" + "z" * 24 + "1"


def entries(session: Session) -> list[EntryAnswer]:
    account = session.scalars(sa.select(LedgerTransaction.account_id).distinct()).one()
    return list(all_entries(session, "default", account))


# --- what proves them -----------------------------------------------------------------------------


def test_a_lot_that_expired_and_was_not_written_off_is_found(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW + DAY)

        found = [one.text for one in check_books(session, NOW + 2 * DAY)]

    assert found == ["it has expired and can still be spent"]


def test_a_movement_that_its_kind_may_not_make_is_found(
    sessions: SessionFactory, books: Books
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10)
        lot = session.scalars(sa.select(LedgerLot)).one()
        values = {"site_id": lot.site_id, "account_id": lot.account_id, "lot_id": lot.id}
        movement = {"number": 2, "source": "available", "target": "expired", "amount": 1}
        session.execute(
            sa.insert(LedgerPosting).values(**values, **movement, transaction_id=lot.transaction_id)
        )

        found = [one.text for one in check_books(session, NOW)]

    assert found == ["a grant moved from available to expired"]


def test_a_hold_without_a_job_is_found(sessions: SessionFactory, books: Books) -> None:
    with transaction(sessions) as session:
        give(books(session), 10)
        books(session).hold("job_lost", 4)

        found = [(one.subject, one.text) for one in check_books(session, NOW)]

    assert found == [("job_lost", "credits are held and no job is on its way")]


def test_the_sweeper_writes_off_by_itself_and_survives_a_database_that_is_away(
    sessions: SessionFactory, books: Books, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction(sessions) as session:
        give(books(session), 10, expires_at=NOW)
        give(books(session, NOW - DAY), 10, cause="b", expires_at=NOW)
    away = make_engine(f"sqlite:///{tmp_path}/away.db")
    sweepers = [
        LedgerSweeper(sessions, ManualClock(NOW), every_s=0.01),
        LedgerSweeper(make_sessions(away), ManualClock(NOW), every_s=0.01),
    ]

    for sweeper in sweepers:
        sweeper.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with transaction(sessions, read_only=True) as session:
            done = len([one for one in entries(session) if one.kind == "expire"]) == 2
        if done and "could not be written down" in caplog.text:
            break
        time.sleep(0.02)
    for sweeper in sweepers:
        sweeper.stop()
    away.dispose()

    assert done
    assert "could not be written down" in caplog.text
