"""Rows of the live calls: one for each, with what its card shows beside the words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypedDict

from bot.call.machines import OperatorStage
from bot.server.bookkeeping.call_records import masked_party
from bot.server.calls.live_call import LiveCall
from bot.store.results import CallSummary

Row = dict[str, Any]


class Rows(TypedDict):
    """What is new of the calls: rows that are new or have changed, and the SIDs of all."""

    calls: list[Row]
    all: list[str]


class ChangedRows:
    """Tells a row when it is new or has changed. Its time runs on by itself, and its words are told as news."""

    def __init__(self) -> None:
        self._told: dict[str, Row] = {}

    def of(self, calls: Iterable[LiveCall]) -> Rows | None:
        """The rows to tell; None when all is as it was told."""
        now = {live.call_sid: _row(live) for live in calls}
        before, self._told = self._told, now
        changed = [live for live in calls if before.get(live.call_sid) != now[live.call_sid]]
        if not changed and before.keys() == now.keys():
            return None
        return {"calls": [self._told_row(live, before) for live in changed], "all": [*now]}

    def _told_row(self, live: LiveCall, before: dict[str, Row]) -> Row:
        row = {**self._told[live.call_sid], "seconds": round(live.offset_us / 1e6 + live.bridge.age_s, 1)}
        return row if live.call_sid in before else {**row, "last": _last_words(live)}


def _row(live: LiveCall) -> Row:
    call = live.bridge.call
    stage, by = call.operator
    return {
        "sid": live.call_sid,
        "here": True,
        "from": masked_party(live.parties.caller) or "withheld",
        "to": masked_party(live.parties.called),
        "state": call.state.value,
        "turns": len(call.transcript.turns),
        "interruptions": call.counts["interruptions"],
        "usd": call.spent_nano_usd / 1e9,
        "operator": None if stage is OperatorStage.AWAY else {"by": by, "speaks": stage is OperatorStage.SPEAKING},
        "tools": call.running_tools,
        "destinations": call.settings.destinations,
        "outgoing": live.past.outgoing,
        "answeredBy": live.answered_by,
        "profile": live.settings.profile,
    }


def _last_words(live: LiveCall) -> dict[str, Any] | None:
    """The words that were said last, as far as they have been heard: a caption while they are being said."""
    saying = live.bridge.captions()
    if saying:
        last = saying[-1]
        return {"who": last.who, "item": last.item_id, "text": last.text}
    turns = live.bridge.call.transcript.turns
    turn = next((one for one in reversed(turns) if one.ended_us is not None), None)
    if turn is None:
        return None
    return {"who": turn.who, "item": turn.item_id, "number": turn.number, "text": turn.text or ""}


def stored_row(call: CallSummary) -> Row:
    """Row of a call that another instance has, as far as the store knows it."""
    return {
        "sid": call.sid,
        "here": False,
        "from": call.caller or "withheld",
        "to": call.called,
        "seconds": round((datetime.now(UTC) - call.started_at).total_seconds(), 1),
        "state": "on another instance",
        "turns": call.turns,
        "interruptions": call.interruptions,
        "usd": call.nano_usd / 1e9,
        "last": None,
        "outgoing": call.outbound,
        "answeredBy": call.answered_by,
        "profile": call.profile,
    }
