"""Calls that the bot makes: their direction, who answered, and the book of what was dialled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"


def upgrade() -> None:
    """Add the columns, in which every call so far came in, and the book."""
    op.add_column("calls", sa.Column("direction", sa.Text(), server_default="", nullable=False))
    op.add_column("calls", sa.Column("answered_by", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "dials",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("call_sid", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_dials"),
    )
    op.create_index("ix_dials_at", "dials", ["at"])
    op.create_index("ix_dials_number_hash_at", "dials", ["number_hash", "at"])
    op.create_index("ix_dials_call_sid", "dials", ["call_sid"])
