"""When a plan's period began; when an operator has decided about credits that were short."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_plans_and_flags"
down_revision = "20261126_shares"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("ledger_flags", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("period_start", sa.DateTime(timezone=True), nullable=True))
