"""What attempts at jobs take of the machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_job_usage"
down_revision = "20261126_plans_and_flags"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "job_usage",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processor_s", sa.Double(), nullable=False),
        sa.Column("device_s", sa.Double(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kept_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "attempt", name=op.f("pk_job_usage")),
    )
    with op.batch_alter_table("job_usage", schema=None) as batch_op:
        batch_op.create_index("ix_job_usage_site_id_at", ["site_id", "at"], unique=False)
