"""Plans that end, and what put accounts on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261126_plan_changes"
down_revision = "20261126_ledger_books"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "plan_changes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("plan", sa.String(length=40), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_plan_changes_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_changes")),
        sa.UniqueConstraint("account_id", "cause", name=op.f("uq_plan_changes_account_id_cause")),
    )
    op.create_index(op.f("ix_plan_changes_account_id"), "plan_changes", ["account_id"])
    op.add_column("accounts", sa.Column("plan_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_accounts_plan_until"), "accounts", ["plan_until"])
