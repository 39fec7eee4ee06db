"""Flags tell how much of what was missing is not missing any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_missing_credits"
down_revision = "20261126_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("ledger_flags", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("settled", sa.BigInteger(), nullable=False, server_default="0")
        )
    flags = sa.table(
        "ledger_flags", sa.column("settled"), sa.column("short"), sa.column("cleared_at")
    )
    op.execute(flags.update().where(flags.c.cleared_at.is_not(None)).values(settled=flags.c.short))
    with op.batch_alter_table("ledger_flags", schema=None) as batch_op:
        batch_op.alter_column("settled", server_default=None, existing_type=sa.BigInteger())
        batch_op.create_check_constraint(
            op.f("ck_ledger_flags_settled"), "0 <= settled AND settled <= short"
        )
