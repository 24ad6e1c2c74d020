"""The tables of the call store. A change here wants a migration in `migrations/versions`; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "r0004"
"""The revision these tables are; that of the newest migration."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, UTC on the way out. SQLite keeps text without a zone, which sorts as the times do."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises ValueError for a naive datetime: nobody knows when that is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the call store has a zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if dialect.name == "sqlite" else found.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", **more)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _of_call() -> sa.Column[str]:
    return sa.Column("call_sid", sa.Text, sa.ForeignKey("calls.sid", ondelete="CASCADE"), nullable=False)


calls = sa.Table(
    "calls",
    metadata,
    sa.Column("sid", sa.Text, primary_key=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime, index=True),
    _text("owner"),
    _text("caller"),
    _text("called"),
    _text("caller_hash"),
    _text("model"),
    _text("settings_digest"),
    _text("profile"),
    sa.Column("changes", sa.JSON(none_as_null=True)),
    _text("reason"),
    sa.Column("seconds", sa.Double, nullable=False, server_default="0"),
    _number("turns"),
    _number("interruptions"),
    _number("leg"),
    _number("lost"),
    sa.Column("waits", sa.JSON, nullable=False, default=dict),
    sa.Column("tokens", sa.JSON, nullable=False, default=dict),
    _number("model_nano_usd"),
    _number("transcription_nano_usd"),
    _number("line_nano_usd"),
    _number("result_nano_usd"),
    _number("nano_usd"),
    _text("direction"),
    _text("answered_by"),
    sa.Column("purged_at", UtcDateTime),
    sa.Index(None, "started_at", "sid"),
    sa.Index(None, "caller_hash", "started_at"),
    sa.Index(None, "reason", "started_at"),
    sa.Index(None, "nano_usd"),
    sa.Index(None, "profile", "started_at"),
)
"""One row a call. `tokens`, and the money but for the line's, are the sums of the call's usages, kept up with each;
`nano_usd` is all of it. `reason` is empty while the call goes on. `purged_at`: when its words were thrown away.

`changes` are the texts that hold for this call alone, by setting; NULL: there are none."""

turns = sa.Table(
    "turns",
    metadata,
    _of_call(),
    sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
    _text("who"),
    _text("item_id"),
    sa.Column("text", sa.Text),
    _text("unheard"),
    sa.Column("cut", sa.Boolean, nullable=False),
    sa.Column("began_us", sa.BigInteger),
    sa.Column("ended_us", sa.BigInteger),
    sa.PrimaryKeyConstraint("call_sid", "number"),
)

usages = sa.Table(
    "usages",
    metadata,
    _of_call(),
    sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    _text("kind"),
    _text("ref"),
    _text("model"),
    _text("status"),
    sa.Column("tokens", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("nano_usd", sa.BigInteger, nullable=False),
    sa.Column("priced", sa.Boolean, nullable=False),
    sa.PrimaryKeyConstraint("call_sid", "number"),
    sa.Index(None, "at", "nano_usd"),
)

events = sa.Table(
    "events",
    metadata,
    _of_call(),
    sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
    sa.Column("us", sa.BigInteger, nullable=False),
    _text("name"),
    _text("level"),
    sa.Column("details", sa.JSON, nullable=False),
    sa.PrimaryKeyConstraint("call_sid", "number"),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    _of_call(),
    _text("kind"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index(None, "call_sid"),
    sa.Index(None, "kind", "at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _of_call(),
    _text("kind"),
    sa.Column("number", sa.BigInteger),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("claimed_until", UtcDateTime),
    _number("attempts"),
    _text("state"),
    _text("why"),
    sa.Index(None, "call_sid"),
    sa.Index(None, "state", "due_at"),
)
"""Messages for the operator's server, and requests for a model, about calls; none of their words are here.

`at`: when it came about. `number` is that of the call's event it tells of. It is a process's until `claimed_until`."""

call_results = sa.Table(
    "call_results",
    metadata,
    sa.Column("call_sid", sa.Text, sa.ForeignKey("calls.sid", ondelete="CASCADE"), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    _text("model"),
    _text("summary"),
    _text("disposition"),
    sa.Column("fields", sa.JSON, nullable=False),
)
"""Results of calls: what a model made of each transcript."""

processes = sa.Table(
    "processes",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    _text("instance"),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("nonce", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Stream tokens that were used. Kept for a day."""

dials = sa.Table(
    "dials",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    _text("digest"),
    sa.Column("at", UtcDateTime, nullable=False),
    _text("number_hash"),
    _text("state"),
    _text("call_sid"),
    sa.Index(None, "at"),
    sa.Index(None, "number_hash", "at"),
    sa.Index(None, "call_sid"),
)
"""What was dialled within two days, by the hash of its idempotency key."""

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("call_sid", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Calls of which nothing may be stored any more, though a row or a file of them may still come. Kept for a week."""
