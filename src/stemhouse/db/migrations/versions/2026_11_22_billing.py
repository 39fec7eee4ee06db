"""billing."""

from __future__ import annotations

revision = "20261122_billing"
down_revision = "20261122_separations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
