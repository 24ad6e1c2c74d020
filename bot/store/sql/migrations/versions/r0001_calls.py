"""The first tables of the call store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table. There is no way down: a store is never made older."""
    _calls()
    _turns()
    _usages()
    _events()
    _files()
    _processes()
    _claims()
    _forgotten()


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column("called", sa.Text(), server_default="", nullable=False),
        sa.Column("caller_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("settings_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("turns", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("interruptions", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lost", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("waits", sa.JSON(), nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("model_nano_usd", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("transcription_nano_usd", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("line_nano_usd", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("nano_usd", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("purged_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("sid", name="pk_calls"),
    )
    op.create_index("ix_calls_caller_hash_started_at", "calls", ["caller_hash", "started_at"])
    op.create_index("ix_calls_ended_at", "calls", ["ended_at"])
    op.create_index("ix_calls_nano_usd", "calls", ["nano_usd"])
    op.create_index("ix_calls_reason_started_at", "calls", ["reason", "started_at"])
    op.create_index("ix_calls_started_at_sid", "calls", ["started_at", "sid"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("item_id", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("unheard", sa.Text(), server_default="", nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="fk_turns_call_sid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_sid", "number", name="pk_turns"),
    )


def _usages() -> None:
    op.create_table(
        "usages",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("ref", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("priced", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="fk_usages_call_sid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_sid", "number", name="pk_usages"),
    )
    op.create_index("ix_usages_at_nano_usd", "usages", ["at", "nano_usd"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("us", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("level", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="fk_events_call_sid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_sid", "number", name="pk_events"),
    )


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.sid"], name="fk_files_call_sid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("path", name="pk_files"),
    )
    op.create_index("ix_files_call_sid", "files", ["call_sid"])
    op.create_index("ix_files_kind_at", "files", ["kind", "at"])


def _processes() -> None:
    op.create_table(
        "processes",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_processes"),
    )


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("nonce", name="pk_claims"),
    )


def _forgotten() -> None:
    op.create_table(
        "forgotten",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("call_sid", name="pk_forgotten"),
    )
