"""Carries the server's plain integers to the metrics, once a second and when a call ends: never for a message."""

from __future__ import annotations

import asyncio
from collections import Counter
from operator import add, sub

from bot.call.outputs import EndReason
from bot.observe.metrics import Metrics
from bot.records.recorder import process_writer
from bot.server.handover import Handover
from bot.server.live import LiveCall, LiveCalls
from bot.server.measures import COLUMNS, FAMILIES, MILESTONES, WebhookRefusal, read

FLUSH_S = 1.0
SLICE = 50
"""Calls looked at before the loop may turn: some 4 us each."""


class Meter:
    """The measures of one process. `handover` is its way to the others, if there are any."""

    def __init__(self, calls: LiveCalls) -> None:
        self.handover: Handover | None = None
        self._metrics = Metrics(FAMILIES)
        self._calls = calls
        self._told: dict[LiveCall, list[int]] = {}
        """What was last read of each live call."""
        self._reached: dict[LiveCall, set[str]] = {}
        self._due = [0] * len(COLUMNS)
        """What was read and has yet to be added, in the order of COLUMNS."""
        self._totals: Counter[tuple[str, str]] = Counter()
        self._records = "fixture" in calls.settings.record
        self._recordings_failed = process_writer().failures if self._records else 0
        calls.on_start.append(self._started)
        calls.on_end.append(self._ended)

    async def run(self) -> None:
        """Publish once a second, for ever, and measure by how much the second was longer."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + FLUSH_S
            await asyncio.sleep(FLUSH_S)
            self._metrics.observe("heardline_loop_lag_seconds", max(0.0, loop.time() - due_s))
            await self.flush()

    async def flush(self) -> None:
        """Publish everything as it stands, a slice of the calls at a time."""
        for number, live in enumerate(self._calls, 1):
            if live in self._told:  # else it ended while the loop turned
                self._read(live)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        self._publish()

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus is told, and its content type; merging the files of many processes takes a while."""
        await self.flush()
        return await asyncio.to_thread(self._metrics.exposition, accept)

    # ---- what happens seldom ----

    def webhook_refused(self, why: WebhookRefusal) -> None:
        self._metrics.add("heardline_webhooks_refused_total", value=why)

    def stream_refused(self, why: str) -> None:
        """`why` is a StreamRefusal; the kinds of BadToken are among them."""
        self._metrics.add("heardline_streams_refused_total", value=why)

    def _started(self, live: LiveCall) -> None:
        self._told[live] = [0] * len(COLUMNS)
        self._reached[live] = set()
        if live.bridge.warm:
            self._metrics.add("heardline_sessions_taken_total")
        else:
            self._metrics.add("heardline_sessions_dialled_total", value="call")

    def _ended(self, live: LiveCall, reason: EndReason | None) -> None:
        self._read(live)
        del self._told[live], self._reached[live]
        bridge = live.bridge
        if bridge.failure is not None:
            self._metrics.add("heardline_sessions_failed_total", value=bridge.failure.kind)
        if reason is None:
            return
        self._metrics.observe("heardline_call_seconds", bridge.age_s, reason)
        if bridge.attached and not bridge.call.started:
            if reason == "refused":
                self.stream_refused("start")
            elif reason in {"line_lost", "caller_hung_up"}:
                self.stream_refused("no_start")

    # ---- what happens often ----

    def _read(self, live: LiveCall) -> None:
        """What came to pass in a call since it was last looked at."""
        bridge = live.bridge
        now, before = read(bridge), self._told[live]
        self._told[live] = now
        self._due = list(map(add, self._due, map(sub, now, before)))
        if bridge.refusals:
            self._take_refusals(bridge.refusals)
        if len(self._reached[live]) < len(MILESTONES):
            self._milestones(live)

    def _take_refusals(self, refusals: Counter[tuple[str, str]]) -> None:
        for (way, kind), number in refusals.items():
            side = "phone" if way == "phone>bot" else "model"
            self._metrics.add(f"heardline_{side}_messages_refused_total", number, kind)
        refusals.clear()

    def _milestones(self, live: LiveCall) -> None:
        reached = self._reached[live]
        for report, name in MILESTONES.items():
            at_us = live.bridge.reported_us.get(report)
            if at_us is not None and report not in reached:
                reached.add(report)
                self._metrics.observe(name, at_us / 1_000_000)

    def _publish(self) -> None:
        """Add what was read of the calls, and what the process counts by itself."""
        due, self._due = self._due, [0] * len(COLUMNS)
        for column, number in zip(COLUMNS, due, strict=True):
            if number:
                self._metrics.add(column.name, number, column.value)
        calls, pool = self._calls, self._calls.pool
        self._metrics.set("heardline_calls_live", len(calls))
        self._metrics.set("heardline_warm_sessions", len(pool))
        self._stands("heardline_sessions_missed_total", calls.missed)
        self._stands("heardline_sessions_dialled_total", pool.dialled, "pool")
        for kind, number in pool.failures.items():
            self._stands("heardline_sessions_failed_total", number, kind)
        if self.handover is not None:
            self._stands("heardline_streams_handed_over_total", self.handover.given, "given")
            self._stands("heardline_streams_handed_over_total", self.handover.taken, "taken")
        if self._records:
            self._stands("heardline_recordings_failed_total", process_writer().failures - self._recordings_failed)

    def _stands(self, name: str, total: int, value: str = "") -> None:
        """A number of the process stands at `total`: add what is new of it."""
        more = total - self._totals[name, value]
        if more:
            self._totals[name, value] = total
            self._metrics.add(name, more, value)
