"""From what a process's calls tell to rows of the store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from bot.call.facts import Fact, TurnFact, UsageFact
from bot.call.outputs import EndReason, Report
from bot.call.settings import CallSettings
from bot.config.values.caller_lists import withheld
from bot.observe.masking import mask_value, masker
from bot.observe.spoken_numbers import mask_spoken
from bot.recording.files.new_file import FileKind
from bot.server.bookkeeping.call_latencies import CallLatencies
from bot.server.calls.live_call import LiveCall
from bot.server.directory.live_calls import LiveCalls
from bot.store.call_store import CallStore
from bot.store.delivery.write_behind import WriteBehind
from bot.store.rows import CallEnded, CallStarted, EventKept, FileKept, Row, TurnKept, UsageKept
from bot.store.upkeep.owners import Owner

MAX_PARTY = 64
ROWS_OF_A_LEG = 1_000_000
"""Usages and events of each stream of a call are numbered from a multiple of this on."""
MISSED = ROWS_OF_A_LEG // 2
"""And those of a session whose stream went elsewhere from here on."""
_DIGIT = re.compile(r"\d")

_log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class CallRecord:
    """What is kept of one call. `put` takes its rows.

    Until the stream is here the call may turn out to go on in another process, whose record it is then: its rows wait.
    """

    def __init__(
        self, live: LiveCall, put: Callable[[Row], None], mask: Callable[[str], str], now: Callable[[], datetime]
    ) -> None:
        self._live = live
        self._put = put
        self._mask = mask
        self._now = now
        self._early: list[Row] = []
        self._events = self._usages = live.past.leg * ROWS_OF_A_LEG
        self._turns = {turn.number for turn in live.past.turns}
        self._waits = CallLatencies()
        self._failed = False

    def hear(self, told: Fact | Report, now_us: int) -> None:
        """A fact or a report, `now_us` after the call's origin. Never fails: no call shall suffer for its record."""
        try:
            row = self._row(told, now_us)
            if row is not None:
                self._keep(row)
        except Exception:  # noqa: BLE001  a defect of ours costs this row
            if not self._failed:
                self._failed = True
                _log.exception("record_failed", call_sid=self._live.call_sid)

    def file_made(self, kind: FileKind, path: Path) -> None:
        """There is a file about the call, in whichever process that goes on. Called in the writer's thread."""
        self._put(FileKept(self._live.call_sid, str(path.absolute()), kind, self._now()))

    def _row(self, told: Fact | Report, now_us: int) -> Row | None:
        call_sid = self._live.call_sid
        if isinstance(told, TurnFact):
            self._turns.add(told.number)
            return TurnKept(call_sid, later(masked_turn(told, self._mask), self._live.offset_us))
        if isinstance(told, UsageFact):
            numbered = msgspec.structs.replace(told, number=self._usages + told.number)
            return UsageKept(call_sid, self._now(), numbered)
        if isinstance(told, Report):
            self._events += 1
            details = {name: mask_value(value, self._mask) for name, value in told.details.items()}
            at_us = self._live.offset_us + now_us
            return EventKept(call_sid, self._events, at_us, told.event, told.level, details)
        self._waits.add(told)
        return None

    def _keep(self, row: Row) -> None:
        if not self._live.bridge.attached:
            self._early.append(row)
            return
        self._tell_early()
        self._put(row)

    def _tell_early(self) -> None:
        for row in self._early:
            self._put(row)
        self._early.clear()

    def missed(self) -> None:
        """The call goes on in another process, which numbers its usages like this one."""
        for row in self._early:
            if isinstance(row, UsageKept):
                apart = msgspec.structs.replace(row.usage, number=row.usage.number + MISSED)
                self._put(msgspec.structs.replace(row, usage=apart))

    def end(self, reason: EndReason) -> None:
        """The call is over, with this process."""
        self._tell_early()
        bridge = self._live.bridge
        self._put(
            CallEnded(
                self._live.call_sid,
                self._now(),
                reason,
                bridge.seconds + self._live.offset_us / 1_000_000,
                turns=len(self._turns),
                interruptions=self._live.past.interruptions + bridge.call.counts["interruptions"],
                waits=self._waits.summary(),
                line_nano_usd=bridge.call.spending.line_nano_usd,
                leg=self._live.past.leg,
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
        self._digest = settings_digest(calls.starter.template)
        self._model = calls.settings.openai_realtime_model
        self._open: dict[LiveCall, CallRecord] = {}
        self._begun: dict[LiveCall, CallStarted] = {}
        calls.directory.on_start.append(self._started)
        calls.directory.on_played_again.append(self._never_began)
        calls.directory.on_end.append(self._ended)

    def _started(self, live: LiveCall) -> None:
        parties = live.parties
        self._begun[live] = begun = CallStarted(
            live.call_sid,
            self._now() - timedelta(microseconds=live.offset_us),
            self._owner.name,
            caller=masked_party(parties.caller),
            caller_hash=self._hash_number(parties.caller),
            called=masked_party(parties.called),
            model=self._model,
            settings_digest=self._digest,
            leg=live.past.leg,
        )
        self._write_behind.put(begun)
        self._open[live] = record = CallRecord(live, self._write_behind.put, self._mask, self._now)
        live.bridge.on_told = record.hear
        if live.bridge.recorder is not None:
            live.bridge.recorder.on_made = record.file_made

    def _never_began(self, live: LiveCall) -> None:
        """It was over: a crashed one would count as carried on."""
        self._write_behind.withdraw(self._begun[live])

    def _ended(self, live: LiveCall, reason: EndReason | None) -> None:
        """A call that goes on in another process leaves here its files and what its session has cost already."""
        record = self._open.pop(live, None)
        self._begun.pop(live, None)
        if record is None:  # its beginning went wrong
            return
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
    whole = mask_spoken(turn.text + turn.unheard)  # as long as it was: the cut stays where it is
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
