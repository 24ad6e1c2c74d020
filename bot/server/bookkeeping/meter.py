"""Carries the server's plain integers to the metrics, once a second and when a call ends: never for a message."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from operator import add, sub

import structlog

from bot.call.outputs import EndReason
from bot.call.states import State
from bot.observe.guarded import guarded
from bot.observe.metrics import Metrics
from bot.realtime.usage import Tokens
from bot.recording.files.file_writer import process_writer
from bot.server.bookkeeping.after_calls import AfterCalls
from bot.server.bookkeeping.http_log import HttpLog
from bot.server.bookkeeping.metric_list import (
    BILLED,
    COLUMNS,
    FAMILIES,
    MILESTONES,
    OUTCOMES_AFTERWARDS,
    WebhookRefusal,
)
from bot.server.calls.call_tally import CallTally
from bot.server.calls.live_call import LiveCall
from bot.server.directory.live_calls import LiveCalls
from bot.server.lookup.call_lookup import CallLookup
from bot.server.shared.socket_handover import SocketHandover
from bot.store.call_store import CallStore
from bot.store.delivery.write_behind import WriteBehind
from bot.store.upkeep.crash_sweep import CrashSweep

FLUSH_S = 1.0
SLICE = 50
"""Calls looked at before the loop may turn: some 4 us each."""
NANO = 1_000_000_000

_log = structlog.get_logger()


@dataclass(slots=True)
class _Reading:
    """The numbers of a live call as they were last read, in the order of COLUMNS."""

    columns: list[int] = field(default_factory=lambda: [0] * len(COLUMNS))
    milestones: set[str] = field(default_factory=set)
    errors: Counter[str] = field(default_factory=Counter)


class Meter:
    """The measures of one process. Its parts, where it has them, are given to it: each counts by itself."""

    def __init__(self, calls: LiveCalls) -> None:
        self.handover: SocketHandover | None = None
        self.http: HttpLog | None = None
        self.write_behind: WriteBehind[CallStore] | None = None
        self.sweep: CrashSweep | None = None
        self.after_calls: AfterCalls | None = None
        self._metrics = Metrics(FAMILIES)
        self._calls = calls
        self._readings: dict[LiveCall, _Reading] = {}
        self._due = [0] * len(COLUMNS)
        """Numbers that were read and have yet to be added, in the order of COLUMNS."""
        self._totals: Counter[tuple[str, str]] = Counter()
        self._result_nano_usd = 0
        self._records, self._recordings_failed = False, 0
        self._look_for_recordings()
        self._metrics.set("heardline_calls_limit", calls.settings.max_calls)
        self._metrics.set("heardline_daily_limit_usd", float(calls.settings.max_daily_usd))
        calls.directory.on_start.append(self._started)
        calls.directory.on_end.append(self._ended)
        calls.directory.on_played_again.append(lambda _: self.webhook_refused("is_over"))
        calls.profiles.on_reread.append(self._look_for_recordings)
        calls.spent_today.on_spend.append(self._daily_spend)

    def _look_for_recordings(self) -> None:
        """Count what the writer fails at, once any call may be recorded: before that there is none."""
        profiles = self._calls.profiles
        if not self._records and any(each.record for each in (profiles.base, *profiles)):
            self._records, self._recordings_failed = True, process_writer().failures

    async def run(self) -> None:
        """Publish once a second, for ever, and measure how much longer the second was."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + FLUSH_S
            await asyncio.sleep(FLUSH_S)
            with guarded():
                self._lag(max(0.0, loop.time() - due_s))
                await self.flush()

    def _lag(self, lag_s: float) -> None:
        """Note that the loop was so late; too late for too long, and new calls are turned away."""
        self._metrics.observe("heardline_loop_lag_seconds", lag_s)
        load = self._calls.admission.load
        if load.lag(lag_s):
            if load.high:
                _log.warning("overloaded", lag_ms=round(lag_s * 1000), limit_ms=self._calls.settings.max_lag_ms)
            else:
                _log.info("load_normal", lag_ms=round(lag_s * 1000))

    async def flush(self) -> None:
        """Publish everything as it stands, a slice of the calls at a time."""
        for number, live in enumerate(self._calls.directory, 1):
            if live in self._readings:  # else it ended while the loop turned
                self._read(live)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        self._publish()

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """Text for Prometheus, and its content type; merging the files of many processes takes a while."""
        await self.flush()
        return await asyncio.to_thread(self._metrics.exposition, accept)

    # ---- seldom ----

    def webhook_refused(self, why: WebhookRefusal) -> None:
        self._metrics.add("heardline_webhooks_refused_total", value=why)

    def dial_refused(self, why: str) -> None:
        """Count a request for a call that was not carried out, by the name of bot.server.outbound.not_placed."""
        self._metrics.add("heardline_dials_refused_total", value=why)

    def stream_refused(self, why: str) -> None:
        """Count a StreamRefusal; the kinds of BadToken are among them."""
        self._metrics.add("heardline_streams_refused_total", value=why)

    def _daily_spend(self, nano_usd: int) -> None:
        """Publish the spending of today, in billionths of a dollar, by all who write to one store."""
        self._metrics.set("heardline_daily_spent_usd", nano_usd / NANO)

    def _started(self, live: LiveCall) -> None:
        self._readings[live] = _Reading()
        if live.bridge.model.warm:
            self._metrics.add("heardline_sessions_taken_total")
        else:
            self._metrics.add("heardline_sessions_dialled_total", value="call")

    def _ended(self, live: LiveCall, reason: EndReason | None) -> None:
        if live not in self._readings:  # its beginning went wrong
            return
        try:
            self._read(live)
        finally:
            del self._readings[live]
        bridge = live.bridge
        for kind, number in bridge.model.failures.items():
            self._metrics.add("heardline_sessions_failed_total", number, kind)
        if reason is None:
            return
        if live.answered_by:
            self._metrics.add("heardline_dials_total", value=live.answered_by)
        if not (live.past.hung_up and reason == "caller_hung_up"):  # that was counted already
            self._metrics.observe("heardline_call_seconds", bridge.age_s, reason)
        if bridge.attached and not bridge.call.started:
            if reason == "refused":
                self.stream_refused("start")
            elif reason in {"line_lost", "caller_hung_up"}:
                self.stream_refused("no_start")

    # ---- often ----

    def _read(self, live: LiveCall) -> None:
        bridge, last = live.bridge, self._readings[live]
        before, last.columns = last.columns, [column.read(bridge) for column in COLUMNS]
        self._due = list(map(add, self._due, map(sub, last.columns, before)))
        if bridge.call.errors:
            self._take_errors(live, last)
        self._take_tally(bridge.tally)
        if len(last.milestones) < len(MILESTONES):
            self._milestones(live, last.milestones)

    def _take_errors(self, live: LiveCall, last: _Reading) -> None:
        """The core's own count is left alone: it belongs to a call that can be replayed."""
        before, last.errors = last.errors, live.bridge.call.errors.copy()
        for code, number in (last.errors - before).items():
            self._metrics.add("heardline_upstream_errors_total", number, code)

    def _take_tally(self, tally: CallTally) -> None:
        for (way, kind), number in tally.refusals.items():
            side = "phone" if way == "phone>bot" else "model"
            self._metrics.add(f"heardline_{side}_messages_refused_total", number, kind)
        for what, us in tally.waits:
            if what == "clear":
                self._metrics.observe("heardline_clear_seconds", us / 1_000_000)
            else:
                self._metrics.observe("heardline_wait_seconds", us / 1_000_000, what)
        for kind, number in tally.tokens.items():
            self._metrics.add("heardline_tokens_total", number, kind)
        for kind, nano_usd in tally.nano_usd.items():
            self._metrics.add("heardline_usd_total", nano_usd / NANO, BILLED[kind])
        tally.clear()

    def _milestones(self, live: LiveCall, reached: set[str]) -> None:
        for report, name in MILESTONES.items():
            at_us = live.bridge.tally.reported_us.get(report)
            if at_us is not None and report not in reached and not live.past.outgoing:  # ringing is no wait of ours
                reached.add(report)
                self._metrics.observe(name, at_us / 1_000_000)

    def _publish(self) -> None:
        due, self._due = self._due, [0] * len(COLUMNS)
        for column, number in zip(COLUMNS, due, strict=True):
            if number:
                self._metrics.add(column.name, number, column.value)
        self._publish_calls()
        self._publish_parts()

    def _publish_calls(self) -> None:
        states = Counter(live.bridge.call.state for live in self._calls.directory)
        for state in State:
            self._metrics.set("heardline_calls", states[state], state.value)
        self._metrics.set("heardline_calls_live", len(self._calls.directory))
        pool = self._calls.starter.pool
        self._metrics.set("heardline_warm_sessions", len(pool))
        self._stands("heardline_sessions_missed_total", self._calls.needless_sessions.missed)
        self._stands("heardline_sessions_dialled_total", pool.dialled, "pool")
        self._stands("heardline_sessions_dialled_total", self._calls.starter.dialled_in_vain, "call")
        for kind, number in pool.failures.items():
            self._stands("heardline_sessions_failed_total", number, kind)

    def _publish_lookups(self, lookup: CallLookup) -> None:
        for result, number in lookup.results.items():
            self._stands("heardline_lookups_total", number, result)
        for took_s in lookup.took_s:
            self._metrics.observe("heardline_lookup_seconds", took_s)
        lookup.took_s.clear()

    def _publish_parts(self) -> None:
        if self._calls.lookup is not None:
            self._publish_lookups(self._calls.lookup)
        if self.http is not None:
            self._stands("heardline_http_malformed_total", self.http.malformed)
        if self.handover is not None:
            self._stands("heardline_connections_handed_over_total", self.handover.given, "given")
            self._stands("heardline_connections_handed_over_total", self.handover.taken, "taken")
        self._metrics.set("heardline_store_away", self.write_behind is None or self.write_behind.away)
        if self.write_behind is not None:
            self._metrics.set("heardline_store_rows_waiting", self.write_behind.waiting)
            self._stands("heardline_store_rows_lost_total", self.write_behind.lost)
        if self.sweep is not None:
            self._stands("heardline_calls_crashed_total", self.sweep.crashed)
        if self.after_calls is not None:
            self._publish_after_calls(self.after_calls)
        if self._records:
            self._stands("heardline_recordings_failed_total", process_writer().failures - self._recordings_failed)

    def _publish_after_calls(self, after_calls: AfterCalls) -> None:
        webhooks, results, asker = after_calls
        for worker, name in ((webhooks, "heardline_operator_webhooks_total"), (results, "heardline_results_total")):
            for outcome in OUTCOMES_AFTERWARDS if worker else ():
                self._stands(name, worker.counted[outcome] if worker else 0, outcome)
        if webhooks is not None:
            for state in ("waiting", "failed"):
                self._metrics.set("heardline_outbox_webhooks", webhooks.sizes.get(state, 0), state)
        if asker is not None:
            for kind in Tokens.__struct_fields__:
                self._stands("heardline_tokens_total", asker.tokens[kind], kind)
            self._results_paid(asker.nano_usd)

    def _results_paid(self, nano_usd: int) -> None:
        more, self._result_nano_usd = nano_usd - self._result_nano_usd, nano_usd
        if more:
            self._metrics.add("heardline_usd_total", more / NANO, BILLED["result"])

    def _stands(self, name: str, total: int, value: str = "") -> None:
        """Add what is new of a number of the process that stands at `total`."""
        more = total - self._totals[name, value]
        if more:
            self._totals[name, value] = total
            self._metrics.add(name, more, value)
