"""Jobs wait for workers of their kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_lanes"
down_revision = "20261126_missing_credits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    # Until now there was one kind. The default stays: to take it away, SQLite would have to write
    # the whole table anew.
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(
            sa.Column("lane", sa.String(length=8), nullable=False, server_default="cpu")
        )
