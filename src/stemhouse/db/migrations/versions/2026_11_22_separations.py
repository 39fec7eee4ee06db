"""separations."""

from __future__ import annotations

revision = "20261122_separations"
down_revision = "20261122_uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
