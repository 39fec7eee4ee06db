"""Customers that are to be removed at Stripe wait longer each time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_departures_that_wait"
down_revision = "20261126_lanes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("stripe_departures", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
        batch_op.add_column(sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_stripe_departures_next_attempt_at"), ["next_attempt_at"], unique=False
        )
