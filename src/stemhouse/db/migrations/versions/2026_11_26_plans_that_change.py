"""Subscriptions tell which plan they become when their period ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_plans_that_change"
down_revision = "20261126_job_usage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changes_to", sa.String(length=32), nullable=True))
