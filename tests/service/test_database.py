# The database: transactions, migrations, and what start-up says about both.

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select

from stemhouse.db import checks
from stemhouse.db.ids import is_id, new_id
from stemhouse.db.session import SessionFactory, looking, make_engine, reading, transaction
from stemhouse.db.tables import all_tables
from stemhouse.domains.accounts.tables import Account
from stemhouse.errors import DatabaseAhead, DatabaseBehind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def account(**values: object) -> Account:
    facts = {"id": new_id("acct"), "site_id": "default", "kind": "guest", "plan": "guest"}
    return Account(**{**facts, "created_at": NOON, **values})


def test_there_is_one_head() -> None:
    heads = ScriptDirectory.from_config(checks.migration_config()).get_heads()

    assert len(heads) == 1


def test_from_empty_to_head_is_what_the_models_say(engine: Engine) -> None:
    ours = all_tables()

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name in ours.tables,
            },
        )
        differences = compare_metadata(context, ours)

    assert differences == []


def test_a_fresh_database_is_current_and_knows_who_wrote_it(engine: Engine) -> None:
    state = checks.check(engine)

    assert state.kind == "current"
    assert state.written_by is not None


def test_an_empty_database_is_refused_with_the_command(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)

    with pytest.raises(DatabaseBehind, match="stemhouse db upgrade"):
        checks.check(engine)
    engine.dispose()


def test_an_older_database_is_refused_with_the_command(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    checks.upgrade(engine, to="20261122_accounts")

    with pytest.raises(DatabaseBehind, match=r"20261122_accounts.*stemhouse db upgrade"):
        checks.check(engine)
    engine.dispose()


def test_a_newer_database_is_refused_by_version_and_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '20991231_later'"))
        connection.execute(sa.text("UPDATE installation SET value = '9.9.9'"))

    with pytest.raises(DatabaseAhead, match=r"20991231_later.*9\.9\.9"):
        checks.check(engine)
    with pytest.raises(DatabaseAhead):
        checks.upgrade(engine)


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    before = checks.compare(engine)

    assert checks.upgrade(engine) == before


def test_foreign_keys_are_enforced_after_an_upgrade(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    checks.upgrade(engine)
    orphan = sa.text(
        "INSERT INTO identities (id, site_id, account_id, issuer, subject, created_at) "
        "VALUES ('i', 's', 'nobody', 'x', 'y', '2026-01-01 00:00:00')"
    )

    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(orphan)
    engine.dispose()


def test_a_transaction_is_committed_at_its_end(sessions: SessionFactory) -> None:
    row = account()

    with transaction(sessions) as session:
        session.add(row)

    with reading(sessions) as session:
        assert session.get(Account, row.id) is not None


def test_an_error_rolls_everything_back(sessions: SessionFactory) -> None:
    row = account()

    def fail_later() -> None:
        with transaction(sessions) as session:
            session.add(row)
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        fail_later()

    with reading(sessions) as session:
        assert session.get(Account, row.id) is None


def test_a_commit_outside_the_edge_fails(sessions: SessionFactory) -> None:
    def commit_early() -> None:
        with transaction(sessions) as session:
            session.add(account())
            session.commit()

    with pytest.raises(AssertionError, match="outside the edge"):
        commit_early()

    with reading(sessions) as session:
        assert session.scalars(select(Account)).all() == []


@pytest.mark.parametrize("opened", [reading, lambda made: transaction(made, read_only=True)])
def test_a_reading_session_refuses_to_write(sessions: SessionFactory, opened: object) -> None:
    with opened(sessions) as session:
        session.add(account())

        with pytest.raises(AssertionError, match="read-only"):
            session.flush()
        with pytest.raises(AssertionError, match="read-only"):
            session.execute(sa.delete(Account))
        session.expunge_all()


def test_readers_go_on_while_somebody_writes(sessions: SessionFactory) -> None:
    with transaction(sessions) as writer:
        writer.add(account())
        writer.flush()

        with transaction(sessions, read_only=True) as reader:
            seen = reader.scalars(select(Account)).all()

    assert seen == []


def test_a_reading_transaction_sees_one_moment(sessions: SessionFactory) -> None:
    with transaction(sessions, read_only=True) as reader:
        before = reader.scalars(select(Account)).all()
        with transaction(sessions) as writer:
            writer.add(account())

        after = reader.scalars(select(Account)).all()

    assert before == after == []


def test_single_reads_see_what_was_written_in_between(sessions: SessionFactory) -> None:
    new = account()
    wanted = select(Account).where(Account.id == sa.bindparam("id"))
    with looking(sessions) as reads:
        before = reads.row(wanted, {"id": new.id})
        with transaction(sessions) as writer:
            writer.add(new)

        after = reads.row(wanted, {"id": new.id})

    assert before is None
    assert after.created_at == NOON


def test_every_sqlite_tells_fractions_of_a_second(tmp_path: Path) -> None:
    # Also one that is older than that, and on connections that others open: the queue's library
    # makes its tables with this as a default.
    make_engine(f"sqlite:///{tmp_path}/ours.db").dispose()
    theirs = sa.create_engine("sqlite://")

    with theirs.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE noted (id INTEGER, at INTEGER DEFAULT (unixepoch('subsec') * 1000))"
        )
        connection.exec_driver_sql("INSERT INTO noted (id) VALUES (1)")
        [at] = connection.exec_driver_sql("SELECT at FROM noted").one()
    theirs.dispose()

    assert at == pytest.approx(time.time() * 1000, abs=10_000)


def test_times_come_back_in_utc(sessions: SessionFactory) -> None:
    summer = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    row = account(created_at=summer)

    with transaction(sessions) as session:
        session.add(row)

    with reading(sessions) as session:
        stored = session.scalars(select(Account.created_at)).one()
    assert stored == summer
    assert stored.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(sessions: SessionFactory) -> None:
    with (
        pytest.raises(sa.exc.StatementError, match="must have a zone"),
        transaction(sessions) as session,
    ):
        session.add(account(created_at=NOON.replace(tzinfo=None)))


def test_what_was_written_stays_out_of_error_messages(sessions: SessionFactory) -> None:
    rows = [account(kind="user", email="secret@example.org") for _ in range(2)]

    with pytest.raises(sa.exc.IntegrityError) as caught, transaction(sessions) as session:
        session.add_all(rows)

    assert "hidden" in str(caught.value)


def test_identifiers_sort_by_time_and_say_of_what() -> None:
    first = new_id("job")
    later = [new_id("job") for _ in range(1000)]

    assert len({first, *later}) == 1001
    assert is_id(first, "job")
    assert not is_id(first, "acct")
    assert not is_id("job_../../etc/passwd", "job")
    assert first[:14] <= min(later)[:14]
