"""Rows as the parameters of statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from bot.store.rows import (
    CallAnswered,
    CallEnded,
    CallStarted,
    CallTransferred,
    EventKept,
    FileKept,
    OwnerSeen,
    TurnKept,
    UsageKept,
)

Params = dict[str, Any]
_R = TypeVar("_R")


def in_order(rows: Iterable[_R], params: Callable[[_R], Params], *keys: str) -> list[Params]:
    """The parameters of `rows` in the order of `keys`: two who write the same rows then wait, and never for each other.

    Of those with the same keys, the last.
    """
    latest = {tuple(one[key] for key in keys): one for one in map(params, rows)}
    return [latest[key] for key in sorted(latest)]


def owner(row: OwnerSeen) -> Params:
    return _plain({"owner": row.owner, "instance": row.instance, "seen_at": row.at})


def start(row: CallStarted) -> Params:
    fields = msgspec.structs.asdict(row)
    return _plain({**fields, "sid": fields.pop("call_sid"), "started_at": fields.pop("at")})


def turn(row: TurnKept) -> Params:
    return _plain({"call_sid": row.call_sid, **msgspec.structs.asdict(row.turn)})


def usage(row: UsageKept) -> Params:
    return _plain({"call_sid": row.call_sid, "at": row.at, **msgspec.structs.asdict(row.usage)})


def event(row: EventKept) -> Params:
    return _plain(msgspec.structs.asdict(row))


def file(row: FileKept) -> Params:
    return _plain(msgspec.structs.asdict(row))


def end(row: CallEnded) -> Params:
    """Parameters of a call's end, with the prefixes that an update needs."""
    fields = msgspec.structs.asdict(row)
    sid, at = fields.pop("call_sid"), fields.pop("at")
    return _plain({"of_sid": sid, "new_ended_at": at, **{f"new_{name}": value for name, value in fields.items()}})


def transferred(row: CallTransferred) -> Params:
    return _plain({"of_sid": row.call_sid, "new_reason": row.reason})


def answered(row: CallAnswered) -> Params:
    return _plain({"of_sid": row.call_sid, "new_by": row.by, "new_first": row.first})


def _plain(fields: Params) -> Params:
    return {name: plain(value) for name, value in fields.items()}


def plain(value: Any) -> Any:
    """`value` with every text in it such that a database takes it."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain_text(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def plain_text(text: str) -> str:
    """`text` without what Postgres (NUL) or UTF-8 (halves of surrogate pairs) has no place for."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
