"""Workers say which jobs they take, and when they are to be missed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_worker_lanes"
down_revision = "20261126_departures_that_wait"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    # The defaults stay, for workers of before that start while others have this already.
    with op.batch_alter_table("workers") as workers:
        workers.add_column(
            sa.Column("lane", sa.String(length=8), nullable=False, server_default="cpu")
        )
        workers.add_column(
            sa.Column("dead_after_s", sa.Double(), nullable=False, server_default="30")
        )
