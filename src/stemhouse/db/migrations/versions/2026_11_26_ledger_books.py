"""Double entry: transactions, lots, postings and their guards instead of entries and balances."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261126_ledger_books"
down_revision = "20261126_operators"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("ledger_transactions", "ledger_lots", "ledger_postings")
_UNIT = "unit IN ('song', 'second')"
_AT_ONCE = 1000


def upgrade() -> None:
    """Take the step."""
    _create_tables()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgres()
    _move_entries()
    if op.get_bind().dialect.name == "sqlite":
        _append_only_sqlite()
    else:
        _append_only_postgres()
    op.drop_table("ledger_entries")
    op.drop_table("ledger_balances")


# --- tables ---------------------------------------------------------------------------------------


def _create_tables() -> None:
    _create_books()
    op.create_table(
        "ledger_guards",
        sa.Column("lot_id", sa.String(length=40), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        *_owned("ledger_guards"),
        _to("ledger_guards", "lot_id", "ledger_lots"),
        sa.CheckConstraint(
            "available >= 0", name=op.f("ck_ledger_guards_available_is_never_negative")
        ),
        sa.CheckConstraint("held >= 0", name=op.f("ck_ledger_guards_held_is_never_negative")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_ledger_guards")),
    )
    op.create_table(
        "ledger_flags",
        sa.Column("transaction_id", sa.String(length=40), nullable=False),
        sa.Column("short", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("ledger_flags"),
        _to("ledger_flags", "transaction_id", "ledger_transactions"),
        sa.CheckConstraint("short > 0", name=op.f("ck_ledger_flags_short")),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_ledger_flags")),
    )
    op.create_table(
        "ledger_free_grants",
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_id", "address_hash", "cause", name=op.f("pk_ledger_free_grants")
        ),
    )
    op.create_table(
        "ledger_closed_books",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("taken_back", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_closed_books")),
    )
    for table, columns in (
        ("ledger_transactions", ["job_id"]),
        ("ledger_transactions", ["account_id"]),
        ("ledger_transactions", ["account_id", "id"]),
        ("ledger_lots", ["account_id"]),
        ("ledger_lots", ["expires_at"]),
        ("ledger_postings", ["account_id"]),
        ("ledger_postings", ["lot_id"]),
        ("ledger_guards", ["account_id"]),
        ("ledger_flags", ["account_id"]),
        ("ledger_free_grants", ["granted_at"]),
        ("ledger_closed_books", ["site_id"]),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def _create_books() -> None:
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("job_id", sa.String(length=40), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("ledger_transactions"),
        sa.CheckConstraint(
            "kind IN ('grant', 'hold', 'settle', 'refund', 'expire', 'take_back')",
            name=op.f("ck_ledger_transactions_kind"),
        ),
        sa.CheckConstraint(_UNIT, name=op.f("ck_ledger_transactions_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transactions")),
        sa.UniqueConstraint(
            "account_id", "key", name=op.f("uq_ledger_transactions_account_id_key")
        ),
    )
    op.create_table(
        "ledger_lots",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("transaction_id", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("ledger_lots"),
        _to("ledger_lots", "transaction_id", "ledger_transactions"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_lots_amount")),
        sa.CheckConstraint(_UNIT, name=op.f("ck_ledger_lots_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_lots")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_ledger_lots_transaction_id")),
    )
    op.create_table(
        "ledger_postings",
        sa.Column("transaction_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("target", sa.String(length=12), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        *_owned("ledger_postings"),
        _to("ledger_postings", "transaction_id", "ledger_transactions"),
        _to("ledger_postings", "lot_id", "ledger_lots"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_postings_amount")),
        sa.CheckConstraint(
            "(source = 'granted' AND target = 'available')"
            " OR (source = 'available' AND target IN ('held', 'expired', 'taken_back'))"
            " OR (source = 'held' AND target IN ('available', 'spent'))",
            name=op.f("ck_ledger_postings_books"),
        ),
        sa.PrimaryKeyConstraint("transaction_id", "number", name=op.f("pk_ledger_postings")),
    )


def _owned(table: str) -> tuple[Any, ...]:
    return (
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        _to(table, "account_id", "accounts"),
    )


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


# --- what the database holds by itself ------------------------------------------------------------

# A posting moves its lot's guard, and the guard's constraints refuse what would make it negative.
_CHANGE = """
    available = available
        + CASE WHEN NEW.target = 'available' THEN NEW.amount ELSE 0 END
        - CASE WHEN NEW.source = 'available' THEN NEW.amount ELSE 0 END,
    held = held
        + CASE WHEN NEW.target = 'held' THEN NEW.amount ELSE 0 END
        - CASE WHEN NEW.source = 'held' THEN NEW.amount ELSE 0 END
"""


def _guard_sqlite() -> None:
    op.execute(
        "CREATE TRIGGER ledger_lots_guard AFTER INSERT ON ledger_lots BEGIN "
        "INSERT INTO ledger_guards (lot_id, site_id, account_id, available, held) "
        "VALUES (NEW.id, NEW.site_id, NEW.account_id, 0, 0); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_postings_guard AFTER INSERT ON ledger_postings BEGIN "
        "SELECT RAISE(ABORT, 'the lot of a posting belongs to another account') WHERE NOT EXISTS "
        "(SELECT 1 FROM ledger_guards WHERE lot_id = NEW.lot_id AND account_id = NEW.account_id); "
        f"UPDATE ledger_guards SET {_CHANGE} WHERE lot_id = NEW.lot_id; END"
    )


def _append_only_sqlite() -> None:
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN "
            "SELECT RAISE(ABORT, 'the ledger is append only'); END"
        )
        # When an account is deleted its row goes first, and takes these along.
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            "WHEN EXISTS (SELECT 1 FROM accounts WHERE id = OLD.account_id) BEGIN "
            "SELECT RAISE(ABORT, 'the ledger is append only'); END"
        )


def _guard_postgres() -> None:
    op.execute(
        "CREATE FUNCTION ledger_open_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO ledger_guards (lot_id, site_id, account_id, available, held) "
        "VALUES (NEW.id, NEW.site_id, NEW.account_id, 0, 0); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE FUNCTION ledger_move_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"UPDATE ledger_guards SET {_CHANGE} "
        "WHERE lot_id = NEW.lot_id AND account_id = NEW.account_id; "
        "IF NOT FOUND THEN RAISE EXCEPTION 'the lot of a posting belongs to another account' "
        "USING ERRCODE = 'restrict_violation'; END IF; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_lots_guard AFTER INSERT ON ledger_lots "
        "FOR EACH ROW EXECUTE FUNCTION ledger_open_guard()"
    )
    op.execute(
        "CREATE TRIGGER ledger_postings_guard AFTER INSERT ON ledger_postings "
        "FOR EACH ROW EXECUTE FUNCTION ledger_move_guard()"
    )


def _append_only_postgres() -> None:
    op.execute(
        "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        # When an account is deleted its row goes first, and takes these along.
        "IF TG_OP = 'DELETE' THEN "
        "IF NOT EXISTS (SELECT 1 FROM accounts WHERE id = OLD.account_id) THEN RETURN OLD; END IF; "
        "END IF; "
        "RAISE EXCEPTION 'the ledger is append only' USING ERRCODE = 'restrict_violation'; "
        "END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        )


# --- what was in the books ------------------------------------------------------------------------

_ENTRIES = sa.table(
    "ledger_entries",
    *(
        sa.column(name)
        for name in ("id", "site_id", "account_id", "kind", "key", "amount_s", "job_id", "note")
    ),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_TRANSACTIONS = sa.table(
    "ledger_transactions",
    *(
        sa.column(name)
        for name in ("id", "site_id", "account_id", "kind", "key", "unit", "job_id", "note")
    ),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_LOTS = sa.table(
    "ledger_lots",
    *(
        sa.column(name)
        for name in ("id", "site_id", "account_id", "transaction_id", "unit", "amount")
    ),
)
_POSTINGS = sa.table(
    "ledger_postings",
    *(
        sa.column(name)
        for name in ("site_id", "account_id", "transaction_id", "number", "lot_id", "source")
    ),
    sa.column("target"),
    sa.column("amount"),
)
_KEYS = {"grant:welcome": "grant:sign-up"}


def _move_entries() -> None:
    bind = op.get_bind()
    accounts = list(bind.execute(sa.select(_ENTRIES.c.account_id).distinct()).scalars())
    for first in range(0, len(accounts), _AT_ONCE):
        some = accounts[first : first + _AT_ONCE]
        wanted = sa.select(_ENTRIES).where(_ENTRIES.c.account_id.in_(some))
        rows = bind.execute(wanted.order_by(_ENTRIES.c.account_id)).all()
        for _account, entries in itertools.groupby(rows, key=lambda row: str(row.account_id)):
            for table, row in _translate(list(entries)):
                bind.execute(sa.insert(table).values(row))


def _translate(entries: Iterable[Any]) -> Iterator[tuple[sa.TableClause, dict[str, Any]]]:
    """Write one account's entries as double entry, with the same identifiers and moments.

    Old credits never expire, so it does not matter which of them a hold took: the oldest.
    """
    left: dict[str, int] = {}
    held: dict[str, list[tuple[str, int]]] = {}
    waiting = sorted(entries, key=lambda one: (one.created_at, one.id))
    while waiting:
        # Entries of one millisecond have no order: the first that can be is the next.
        entry = next(one for one in waiting if _can_be(one, left, held))
        waiting.remove(entry)
        owner = {"site_id": entry.site_id, "account_id": entry.account_id}
        yield (
            _TRANSACTIONS,
            {
                **owner,
                "id": entry.id,
                "kind": entry.kind,
                "key": _KEYS.get(entry.key, entry.key),
                "unit": "second",
                "job_id": entry.job_id,
                "note": entry.note,
                "created_at": entry.created_at,
            },
        )
        if entry.kind == "grant" and entry.amount_s:
            lot = {"id": f"lot_{entry.id.partition('_')[2]}", "transaction_id": entry.id}
            yield _LOTS, {**owner, **lot, "unit": "second", "amount": entry.amount_s}
            left[lot["id"]] = entry.amount_s
        moves = _moves(entry, left, held)
        for number, (lot_id, source, target, amount) in enumerate(moves, start=1):
            yield (
                _POSTINGS,
                {
                    **owner,
                    "transaction_id": entry.id,
                    "number": number,
                    "lot_id": lot_id,
                    "source": source,
                    "target": target,
                    "amount": amount,
                },
            )


def _can_be(entry: Any, left: dict[str, int], held: dict[str, list[tuple[str, int]]]) -> bool:
    if entry.kind == "hold":
        return sum(left.values()) >= -int(entry.amount_s)
    return entry.kind == "grant" or entry.job_id in held


def _moves(
    entry: Any, left: dict[str, int], held: dict[str, list[tuple[str, int]]]
) -> list[tuple[str, str, str, int]]:
    if entry.kind == "grant":
        newest = f"lot_{entry.id.partition('_')[2]}"
        return [(newest, "granted", "available", entry.amount_s)] if entry.amount_s else []
    if entry.kind == "hold":
        taken = _take(list(left.items()), -entry.amount_s)
        for lot_id, amount in taken:
            left[lot_id] -= amount
        held[entry.job_id] = taken
        return [(lot_id, "available", "held", amount) for lot_id, amount in taken]
    taken = held.pop(entry.job_id)
    back = _take(taken[::-1], entry.amount_s)
    given = dict(back)
    for lot_id, amount in back:
        left[lot_id] += amount
    spent = [(lot_id, amount - given.get(lot_id, 0)) for lot_id, amount in taken]
    return [
        *((lot_id, "held", "spent", amount) for lot_id, amount in spent if amount),
        *((lot_id, "held", "available", amount) for lot_id, amount in back),
    ]


def _take(shares: list[tuple[str, int]], amount: int) -> list[tuple[str, int]]:
    taken = []
    for lot_id, there in shares:
        part = min(there, amount)
        amount -= part
        if part:
            taken.append((lot_id, part))
    return taken
