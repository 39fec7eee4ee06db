"""Links that play a job's stems without an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_shares"
down_revision = "20261126_payments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "job_shares",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_job_shares_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_shares_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_shares")),
    )
    with op.batch_alter_table("job_shares", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_shares_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_shares_job_id"), ["job_id"], unique=False)
