"""Answers of the call store."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from bot.call.facts import TurnFact
from bot.store.rows import EventKept, FileKept, UsageKept


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Filters of a list of calls. A field that is None does not filter; times are aware.

    `since` is the first moment, `until` the first one after. `before` is the SID of a call: only older ones, for the
    next page. `words` are to stand in what either side said, heard or not, in capitals or not. An empty `reason` asks
    for calls that go on, an empty `profile` for those of none.
    """

    since: datetime | None = None
    until: datetime | None = None
    caller_hash: str | None = None
    reason: str | None = None
    min_nano_usd: int | None = None
    before: str | None = None
    words: str | None = None
    limit: int = 50
    profile: str | None = None


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One call. Numbers are masked, money is in billionths of a dollar. `ended_at` None, `reason` empty: it goes on.

    `waits` are as in `CallEnded`. `purged_at`: its words were thrown away then, since their time was over.
    """

    sid: str
    started_at: datetime
    ended_at: datetime | None
    reason: str
    seconds: float
    caller: str
    called: str
    caller_hash: str
    owner: str
    model: str
    settings_digest: str
    turns: int
    interruptions: int
    lost: int
    waits: dict[str, float]
    tokens: dict[str, int]
    model_nano_usd: int
    transcription_nano_usd: int
    line_nano_usd: int
    result_nano_usd: int = 0
    nano_usd: int
    purged_at: datetime | None
    leg: int = 0
    """Number of times that the call was carried on, on another stream."""
    profile: str = ""
    direction: str = ""
    """`outbound` of a call that the bot made."""
    answered_by: str = ""
    """Its outcome: human, machine, screening, uncertain, no_answer, busy or failed; empty while that is open."""

    @property
    def outbound(self) -> bool:
        return self.direction == "outbound"

    @property
    def person(self) -> str:
        """The number of whom the bot talked with; empty where it is withheld."""
        return self.called if self.outbound else self.caller


OutboxState = Literal["waiting", "delivered", "failed"]


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told to the operator's server, or, if `kind` is `result`, asked of a model, about a call.

    `at` is when it came about, `created_at` when it came to the store. `attempts` begun so far; `why`: how the last one
    failed. `number` is that of the event it tells of, if it tells of one.
    """

    id: str
    call_sid: str
    kind: str
    at: datetime
    created_at: datetime
    due_at: datetime
    attempts: int
    state: OutboxState
    why: str = ""
    number: int | None = None


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """A model's account of a call's transcript. `fields` are as the operator's JSON schema wants them."""

    at: datetime
    model: str
    summary: str
    disposition: str
    fields: dict[str, Any] = {}


class StoredCall(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a call. Turns are in spoken order, usages and events by number, files by time."""

    summary: CallSummary
    turns: list[TurnFact]
    usages: list[UsageKept]
    events: list[EventKept]
    files: list[FileKept]
    outbox: list[OutboxItem] = []
    result: CallResult | None = None


class SoFar(msgspec.Struct, frozen=True):
    """A call as it stands, for whoever carries it on. `changes` are the texts that hold for it alone, by setting.

    `used_tools` have run in it, and for some the caller was asked for digits, `secret_tries` times; `left_for_digits`:
    its stream was left for keys to be pressed, and has not come back.
    """

    summary: CallSummary
    turns: list[TurnFact]
    changes: dict[str, str]
    used_tools: tuple[str, ...] = ()
    secret_tries: dict[str, int] = {}
    left_for_digits: bool = False


class OpenOwner(msgspec.Struct, frozen=True):
    """A process that owns calls which have not ended. `instance` and `seen_at`: as it last told, if it ever did."""

    owner: str
    instance: str
    seen_at: datetime | None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Days for which each kind is kept; 0: for ever."""

    recordings_days: int = 0
    fixtures_days: int = 0
    transcripts_days: int = 0


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a purge. `texts`: calls whose words are gone. `failed`: files that resist, and why."""

    files: list[str]
    texts: int
    failed: dict[str, str]


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Result of erasing a caller.

    `erased`: files; `outside`: those of them that lay outside the recording directory. `missing`: files that are not on
    this machine: gone already, or on the disk of another instance, whose next purge erases what lies in its recording
    directory. `failed`: files that could not be erased, and why; another `forget` tries them again. `live`: calls that
    go on; no more of them is stored. `in_log`: SQLite's log still holds erased words, since somebody reads.
    """

    calls: int
    turns: int
    usages: int
    events: int
    erased: list[str]
    outside: list[str]
    missing: list[str]
    failed: dict[str, str]
    live: list[str]
    in_log: bool = False
