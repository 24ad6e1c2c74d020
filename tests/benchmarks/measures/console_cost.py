"""Cost of the operator's page to the calls, and the time until it shows something: 50 live and 10,000 past calls."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bot.call.facts import TurnFact
from bot.store.open_store import opened
from bot.store.rows import CallEnded, CallStarted, Row, TurnKept
from bot.store.urls import StoreUrl, sqlite_url
from tests.benchmarks.measures.own_limits import say_limits
from tests.benchmarks.report import Table
from tests.benchmarks.rig import SETTLE_S, Observation, Rig, Subject
from tests.console.chromium import NAMES, Tab, browser

CALLS = 50
PAST = 10_000
PAGES = 3
"""Pages that are open at once: each has a stream of events, and asks for a list of calls every few seconds."""
ASKS_EVERY_S = 3.0
TIMES = 7
FIRST_CONTENT_MS = 300.0
MAX_RATIO = 1.05
PAINT = "(performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime"
QUESTIONS = (
    "/console",
    "/console/files/console.js",
    "/console/api/calls",
    "/console/api/calls?words=table",
    "/console/api/day",
)


def console(rig: Rig) -> list[Table]:
    """Interleaved windows of the same calls with no page open and with some; then what a page waits for."""
    cost = Table("console", f"{CALLS} calls, {PAST:,} past ones, with and without {PAGES} pages open", [])
    waits = Table("console_waits", f"The operator's page beside {CALLS} live calls, ms", ["what", "median", "worst"])
    with rig.subject("heardline") as subject:
        rig.say("console: past calls are written")
        records = rig.records(subject.target)
        asyncio.run(_fill(sqlite_url(records / "calls.sqlite", records)))
        rig.open(subject, CALLS)
        rig.observe(subject, SETTLE_S)
        _compare(rig, subject, cost)
        _waits(rig, subject, waits)
        rig.close()
    return [cost, waits]


def _compare(rig: Rig, subject: Subject, table: Table) -> None:
    rounds, window_s = (3, 4.0) if rig.quick else (8, 6.0)
    alone: list[Observation] = []
    watched: list[Observation] = []
    for number in range(rounds):
        rig.say(f"console: round {number + 1} of {rounds}")
        alone.append(rig.observe(subject, window_s))
        with _pages(subject.target.port):
            rig.observe(subject, SETTLE_S)
            watched.append(rig.observe(subject, window_s))
    table.columns = ["pages", "us per frame", "times none", "ratios", "core %", "up p50 us", "up p99 us", "down p99 us"]
    ratios = sorted(one.cost_us / none.cost_us for one, none in zip(watched, alone, strict=True))
    for name, seen, beside in (("none", alone, [1.0]), (str(PAGES), watched, ratios)):
        table.rows.append(
            [
                name,
                median(one.cost_us for one in seen),
                median(beside),
                " ".join(f"{ratio:.2f}" for ratio in beside),
                100 * median(one.subject_share for one in seen),
                median(one.up.p50 for one in seen),
                median(one.up.p99 for one in seen),
                median(one.down.p99 for one in seen),
            ]
        )
    table.bound("CPU per frame with pages open, beside none", median(ratios), MAX_RATIO, " times")
    say_limits(table, [*alone, *watched])


def _waits(rig: Rig, subject: Subject, table: Table) -> None:
    port = subject.target.port
    for question in QUESTIONS:
        rig.say(f"console: {question}")
        _row(table, question, [_asked(port, question) for _ in range(TIMES)])
    _row(table, "first rows of /console/live", [_first_rows(port) for _ in range(TIMES)])
    if not any(map(shutil.which, NAMES)):
        table.notes.append("there is no browser here, so no page was shown")
        return
    rig.say("console: in Chromium")
    painted, filled, plain = zip(*asyncio.run(_shown(port)), strict=True)
    _row(table, "first contentful paint in Chromium", list(painted))
    _row(table, "the same of /healthz, which is one word: the browser's own time", list(plain))
    _row(table, f"all {CALLS} cards in Chromium", list(filled))
    table.bound("first contentful paint, median", median(painted), FIRST_CONTENT_MS, " ms")


def _row(table: Table, name: str, took_ms: list[float]) -> None:
    table.rows.append([name, median(took_ms), max(took_ms)])


def _asked(port: int, path: str) -> float:
    began_s = time.perf_counter()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as wire:
        wire.request("GET", path)
        answer = wire.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
    return (time.perf_counter() - began_s) * 1000


def _first_rows(port: int) -> float:
    began_s = time.perf_counter()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as wire:
        wire.request("GET", "/console/live")
        answer = wire.getresponse()
        while not (line := answer.readline()).startswith(b"data: "):
            pass
        assert len(json.loads(line.removeprefix(b"data: "))["calls"]) == CALLS
    return (time.perf_counter() - began_s) * 1000


@contextlib.contextmanager
def _pages(port: int) -> Iterator[None]:
    """Pages are open while the context lasts, as far as the server sees them."""
    over = threading.Event()
    readers = [threading.Thread(target=_page, args=(port, over), daemon=True) for _ in range(PAGES)]
    for reader in readers:
        reader.start()
    try:
        yield
    finally:
        over.set()
        for reader in readers:
            reader.join()


def _page(port: int, over: threading.Event) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as wire:
        wire.request("GET", "/console/live")
        answer = wire.getresponse()
        asked_s = time.monotonic()
        while not over.is_set():
            answer.readline()
            if time.monotonic() - asked_s > ASKS_EVERY_S:
                asked_s = time.monotonic()
                _asked(port, "/console/api/calls")


async def _shown(port: int) -> list[tuple[float, float, float]]:
    """First contentful paint, when all cards were there, and the paint of a page that is nothing, each time."""
    with tempfile.TemporaryDirectory() as directory:
        async with browser(Path(directory)) as tab:
            return [await _once(tab, port) for _ in range(TIMES)]


async def _once(tab: Tab, port: int) -> tuple[float, float, float]:
    await tab.open("about:blank")
    await tab.open(f"http://127.0.0.1:{port}/healthz")
    plain = float(await tab.until(PAINT))
    await tab.open("about:blank")
    await tab.open(f"http://127.0.0.1:{port}/console")
    filled = f"document.querySelectorAll('.card').length >= {CALLS} && performance.now()"
    at_ms = float(await tab.until(filled))
    return float(await tab.until(PAINT)), at_ms, plain


async def _fill(where: StoreUrl) -> None:
    """Past calls of a month, six turns each."""
    store = await opened(where)
    try:
        for first in range(0, PAST, 200):
            await store.apply([row for number in range(first, first + 200) for row in _call(number)])
    finally:
        await store.close()


def _call(number: int) -> list[Row]:
    sid, at = f"CA{number:032x}", datetime.now(UTC) - timedelta(minutes=4.3 * (number + 10))
    said = ["Hello, how can I help?", "A table for two, please.", "For when?", "Tomorrow.", "Done.", "Thanks."]
    turns = [
        TurnKept(
            sid,
            TurnFact(
                at_,
                "caller" if at_ % 2 else "bot",
                f"item_{at_}",
                words,
                began_us=at_ * 4_000_000,
                ended_us=at_ * 4_000_000 + 2_000_000,
            ),
        )
        for at_, words in enumerate(said)
    ]
    waits = {"greeting_heard": 700.0 + number % 300, "byte_heard_p50": 500.0 + number % 400}
    ended = CallEnded(sid, at + timedelta(seconds=25), "caller_hung_up", 25.0, turns=6, waits=waits)
    return [CallStarted(sid, at, "bench/1", "+*********42", f"{number % 900:064x}"), *turns, ended]
