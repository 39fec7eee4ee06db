"""Writes the migration that turns the database of the last one into what the tables say.

An owner of tables runs it, reads what it wrote and mends it: renames and moved data are beyond it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from stemhouse.db.checks import MIGRATIONS, migration_config, upgrade
from stemhouse.db.session import make_engine


def write(name: str, revision: str, down: str, only: list[str]) -> Path:
    """Write one migration and return its file."""
    config = migration_config()
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/empty.db")
        if down != "base":
            upgrade(engine, to=down)
        with engine.execution_options(stemhouse_migration=True).begin() as connection:
            config.attributes["connection"] = connection
            config.attributes["only_tables"] = only
            command.revision(
                config, message=name, rev_id=revision, head=down, splice=True, autogenerate=True
            )
        engine.dispose()
    (path,) = MIGRATIONS.glob(f"versions/*{revision}*")
    target = path.with_name(f"{revision[:4]}_{revision[4:6]}_{revision[6:]}.py")
    path.rename(target)
    for step in (["format", "-q"], ["check", "-q", "--fix"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, str(target)], check=True)
    return target


def check() -> None:
    """Refuse two migrations that follow the same one: two changes that were made side by side."""
    heads = sorted(ScriptDirectory.from_config(migration_config()).get_heads())
    if len(heads) > 1:
        sys.exit(
            f"error: the migrations {', '.join(heads)} are followed by none: one of them must "
            "name the other in its down_revision"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", help="what it does, in one or two words: add_prices")
    parser.add_argument("--check", action="store_true", help="only look whether they are one line")
    parser.add_argument("--date", default=datetime.now(UTC).strftime("%Y%m%d"))
    parser.add_argument("--after", help="the revision before; the newest where absent")
    parser.add_argument("--only", nargs="*", default=[], help="tables to look at; all where absent")
    arguments = parser.parse_args()
    if arguments.check:
        check()
        return
    if arguments.name is None:
        parser.error("say what it does: add_prices")
    head = ScriptDirectory.from_config(migration_config()).get_current_head()
    after = arguments.after or head or "base"
    print(write(arguments.name, f"{arguments.date}_{arguments.name}", after, arguments.only))


if __name__ == "__main__":
    main()
