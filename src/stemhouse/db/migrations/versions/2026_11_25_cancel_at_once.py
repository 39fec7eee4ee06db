"""cancel at once."""

from __future__ import annotations

from alembic import op

revision = "20261125_cancel_at_once"
down_revision = "20261125_prices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("cancel_requested_at")
