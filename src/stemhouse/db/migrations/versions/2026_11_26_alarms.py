"""Alarms for the operator."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_alarms"
down_revision = "20261126_plan_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("data", json, nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint(
            "site_id",
            "kind",
            "subject",
            "period",
            name=op.f("uq_alarms_site_id_kind_subject_period"),
        ),
    )
    op.create_index(op.f("ix_alarms_seen_at"), "alarms", ["seen_at"])
