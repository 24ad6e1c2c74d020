"""Records of calls: facts and reports of the calls of a process, made rows of the store."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import msgspec
import structlog

from bot.call.facts import Fact, TurnFact, UsageFact, Wait, WaitFact
from bot.call.outputs import EndReason, Report
from bot.call.settings import CallSettings
from bot.call.transcript import keys_pressed
from bot.config import Settings
from bot.config.values.caller_lists import withheld
from bot.observe.masking import mask_value, masker
from bot.observe.spoken_numbers import mask_spoken
from bot.recording.files.new_file import FileKind
from bot.server.calls.live_call import LiveCall
from bot.server.directory.live_calls import LiveCalls
from bot.server.setup.call_settings import call_settings
from bot.server.shared.resumption import OUTBOUND
from bot.store.call_store import CallStore
from bot.store.delivery.write_behind import WriteBehind
from bot.store.rows import CallAnswered, CallEnded, CallStarted, EventKept, FileKept, Row, TurnKept, UsageKept
from bot.store.upkeep.owners import Owner

MOST = 10_000
"""Waits of a kind that are counted: an hour's call has some hundreds."""
MAX_PARTY = 64
ROWS_OF_A_LEG = 1_000_000
"""Step of the numbers at which the usages and events of each stream of a call begin."""
MISSED = ROWS_OF_A_LEG // 2
"""Number within it at which those of a session begin whose stream went elsewhere."""
_DIGIT = re.compile(r"\d")

_log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class CallLatencies:
    """Waits of the caller of one call, summed up for its record."""

    def __init__(self) -> None:
        self._us: defaultdict[Wait, list[int]] = defaultdict(list)

    def add(self, fact: WaitFact) -> None:
        if len(self._us[fact.what]) < MOST:
            self._us[fact.what].append(fact.us)

    def summary(self) -> dict[str, float]:
        """Milliseconds: the one wait for the greeting, and p50 and p95 of every other kind there was."""
        found: dict[str, float] = {}
        for what, waits in sorted(self._us.items()):
            if what == "greeting_heard":
                found[what] = waits[0] / 1000
            else:
                found |= {f"{what}_p{percent}": percentile(waits, percent) / 1000 for percent in (50, 95)}
        return found


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest of `values` that `percent` of them do not exceed (nearest rank)."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


@dataclass(eq=False)
class CallRecord:
    """The record of one call. `put` takes its rows.

    Until the stream is here the call may turn out to go on in another process, whose record it is then: its rows wait.
    """

    live: LiveCall
    put: Callable[[Row], None]
    mask: Callable[[str], str]
    now: Callable[[], datetime]
    _early: list[Row] = field(default_factory=list)
    _waits: CallLatencies = field(default_factory=CallLatencies)
    _failed: bool = False

    def __post_init__(self) -> None:
        past = self.live.past
        self._events = self._usages = past.leg * ROWS_OF_A_LEG
        self._turns = {turn.number for turn in past.turns}

    def keep(self, told: Fact | Report, now_us: int) -> None:
        """Keep what the call told `now_us` after its origin. Never fails: no call shall suffer for its record."""
        try:
            row = self._row(told, now_us)
            if row is not None:
                self._put(row)
            if isinstance(told, Report) and told.event == "answered":
                self._put(CallAnswered(self.live.call_sid, self.live.answered_by))
        except Exception:  # noqa: BLE001  a defect of ours costs this row
            if not self._failed:
                self._failed = True
                _log.exception("record_failed", call_sid=self.live.call_sid)

    def file_made(self, kind: FileKind, path: Path) -> None:
        """Keep a file about the call, even if that goes on in another process. Called in the writer's thread."""
        self.put(FileKept(self.live.call_sid, str(path.absolute()), kind, self.now()))

    def _row(self, told: Fact | Report, now_us: int) -> Row | None:
        call_sid = self.live.call_sid
        if isinstance(told, TurnFact):
            self._turns.add(told.number)
            return TurnKept(call_sid, later(masked_turn(told, self.mask), self.live.offset_us))
        if isinstance(told, UsageFact):
            numbered = msgspec.structs.replace(told, number=self._usages + told.number)
            return UsageKept(call_sid, self.now(), numbered)
        if isinstance(told, Report):
            self._events += 1
            details = {name: mask_value(value, self.mask) for name, value in told.details.items()}
            at_us = self.live.offset_us + now_us
            return EventKept(call_sid, self._events, at_us, told.event, told.level, details)
        self._waits.add(told)
        return None

    def _put(self, row: Row) -> None:
        if self.live.bridge.attached:
            self._put_early()
            self.put(row)
        else:
            self._early.append(row)

    def _put_early(self) -> None:
        for row in self._early:
            self.put(row)
        self._early.clear()

    def missed(self) -> None:
        """Keep the usages of a call that goes on in another process, which numbers its own like this one."""
        for row in self._early:
            if isinstance(row, UsageKept):
                apart = msgspec.structs.replace(row.usage, number=row.usage.number + MISSED)
                self.put(msgspec.structs.replace(row, usage=apart))

    def end(self, reason: EndReason) -> None:
        """Keep the end of a call that is over with this process."""
        self._put_early()
        if self.live.answered_by:
            self.put(CallAnswered(self.live.call_sid, self.live.answered_by, first=True))
        bridge = self.live.bridge
        self.put(
            CallEnded(
                self.live.call_sid,
                self.now(),
                reason,
                bridge.seconds + self.live.offset_us / 1_000_000,
                turns=len(self._turns),
                interruptions=self.live.past.interruptions + bridge.call.counts["interruptions"],
                waits=self._waits.summary(),
                line_nano_usd=bridge.call.spending.line_nano_usd,
                leg=self.live.past.leg,
            )
        )


class Records:
    """Keeps what the calls of this process tell, from their start to their end."""

    def __init__(
        self,
        write_behind: WriteBehind[CallStore],
        calls: LiveCalls,
        owner: Owner,
        hash_number: Callable[[str], str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`hash_number` gives the hash a caller is looked up by, empty for what is no telephone number."""
        self._write_behind = write_behind
        self._owner = owner
        self._hash_number = hash_number
        self._now = now
        self._mask = masker(calls.settings.secrets)
        self._profiles = calls.profiles
        self._digests: dict[str, tuple[Settings, str]] = {}
        """The digest of each profile, and the settings that it is of: they may be read again."""
        self._open: dict[LiveCall, tuple[CallStarted, CallRecord]] = {}
        calls.directory.on_start.append(self._started)
        calls.directory.on_played_again.append(self._never_began)
        calls.directory.on_end.append(self._ended)

    def _started(self, live: LiveCall) -> None:
        parties = live.parties
        begun = CallStarted(
            live.call_sid,
            self._now() - timedelta(microseconds=live.offset_us),
            self._owner.name,
            caller=masked_party(parties.caller),
            caller_hash=self._hash_number(parties.called if live.past.outgoing else parties.caller),
            called=masked_party(parties.called),
            model=live.settings.openai_realtime_model,
            settings_digest=self._digest(live.settings),
            leg=live.past.leg,
            profile=live.settings.profile,
            changes=dict(live.settings.changes),
            direction=OUTBOUND if live.past.outgoing else "",
        )
        self._write_behind.put(begun)
        record = CallRecord(live, self._write_behind.put, self._mask, self._now)
        self._open[live] = begun, record
        live.bridge.on_written.append(record.keep)
        if live.bridge.recorder is not None:
            live.bridge.recorder.on_made = record.file_made

    def _digest(self, settings: Settings) -> str:
        """The digest of what the operator has chosen for all calls of a profile."""
        chosen = self._profiles.again(settings.profile, {})
        of, digest = self._digests.get(settings.profile, (None, ""))
        if of is not chosen:
            digest = settings_digest(call_settings(chosen, "", ""))
            self._digests[settings.profile] = chosen, digest
        return digest

    def _never_began(self, live: LiveCall) -> None:
        """Take back the beginning of a call that was over: a crashed one would count as carried on."""
        self._write_behind.withdraw(self._open[live][0])

    def _ended(self, live: LiveCall, reason: EndReason | None) -> None:
        """Close the record. A call that goes on elsewhere leaves here its files and the cost of its session so far."""
        if live not in self._open:  # its beginning went wrong
            return
        _, record = self._open.pop(live)
        if reason is None:
            record.missed()
            return
        record.end(reason)
        lost = self._write_behind.lost_of(live.call_sid)
        if lost or self._write_behind.away:
            _log.warning("records_behind", call_sid=live.call_sid, lost=lost, waiting=self._write_behind.waiting)


def masked_party(text: str) -> str:
    """A number, or a SIP or client address, with no digit but the last two; empty where it is withheld."""
    if withheld(text):
        return ""
    text = text[:MAX_PARTY]
    hidden = len(_DIGIT.findall(text)) - 2
    return _DIGIT.sub("*", text, count=hidden) if hidden > 0 else text


def masked_turn(turn: TurnFact, mask: Callable[[str], str]) -> TurnFact:
    """The turn without keys and people's numbers, also those that the cut between heard and unheard goes through."""
    if turn.text is None:
        return turn
    heard = len(turn.text)
    whole = mask_spoken(keys_pressed.masked(turn.text + turn.unheard))  # as long as it was: the cut stays where it is
    return msgspec.structs.replace(turn, text=mask(whole[:heard]), unheard=mask(whole[heard:]))


def later(turn: TurnFact, by_us: int) -> TurnFact:
    """The turn in the time of a call that had been going on for so long."""
    if not by_us:
        return turn
    began_us, ended_us = (None if at_us is None else at_us + by_us for at_us in (turn.began_us, turn.ended_us))
    return msgspec.structs.replace(turn, began_us=began_us, ended_us=ended_us)


def settings_digest(settings: CallSettings) -> str:
    """A short name for what the operator has chosen: the same settings have the same. Nothing of a call is in it."""
    chosen = msgspec.structs.replace(settings, call_sid="", account_sid="")
    return hashlib.sha256(msgspec.json.encode(chosen, order="deterministic")).hexdigest()[:12]
