"""Webhooks that are to be sent, and what a model made of each call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add two tables, and the cost of a call's result."""
    op.add_column("calls", sa.Column("result_nano_usd", sa.BigInteger(), server_default="0", nullable=False))
    _outbox()
    _call_results()


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="fk_outbox_call_sid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_call_sid", "outbox", ["call_sid"])
    op.create_index("ix_outbox_state_due_at", "outbox", ["state", "due_at"])


def _call_results() -> None:
    op.create_table(
        "call_results",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("disposition", sa.Text(), server_default="", nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="fk_call_results_call_sid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_sid", name="pk_call_results"),
    )
