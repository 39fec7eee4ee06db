"""A job's download links can be ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_links"
down_revision = "20261126_plans_that_change"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    # The default stays: to take it away, SQLite would have to write the whole table anew.
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("links_ended", sa.Integer(), nullable=False, server_default="0"))
