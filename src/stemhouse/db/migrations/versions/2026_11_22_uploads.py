"""uploads."""

from __future__ import annotations

revision = "20261122_uploads"
down_revision = "20261122_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
