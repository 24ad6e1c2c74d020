"""The profile of each call, and the texts that hold for it alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"


def upgrade() -> None:
    """Add both, and an index to list the calls of a profile by."""
    op.add_column("calls", sa.Column("profile", sa.Text(), server_default="", nullable=False))
    op.add_column("calls", sa.Column("changes", sa.JSON(), nullable=True))
    op.create_index("ix_calls_profile_started_at", "calls", ["profile", "started_at"])
