"""Prices of jobs name their unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_prices"
down_revision = "20261122_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("price_s", new_column_name="price", existing_type=sa.BigInteger())
        # Until now there was one unit.
        jobs.add_column(
            sa.Column("unit", sa.String(length=8), nullable=False, server_default="second")
        )
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("unit", server_default=None, existing_type=sa.String(length=8))
