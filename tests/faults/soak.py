"""Soak: many calls, one after the other and side by side. Nothing may be left of them, and memory may not grow.

Short calls go over real sockets, in real time, with their store and their fixtures on the disk. Calls of an hour are in virtual time: 50 hours of real time are
impractical. Those have no sockets, and what is flat about them is the core's and the simulators' memory.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from bot.call.call import Call
from bot.call.inputs import SessionExpires
from bot.call.settings import CallSettings
from bot.server.bookkeeping.store_service import keeping
from bot.testing.agent import Reply, Spoken, Turn
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import SimulatedModel
from bot.testing.virtual.scheduler import LogLine, VirtualCall
from tests.faults.outcome import MS, tone
from tests.faults.virtual import CALLER, OPENS_MS, PACING
from tests.server.simulated_server import GREETING, ServerUnderTest, a_phone, heard, standing, until

AT_ONCE = 20
SAMPLES = 10
HOUR_MS = 3_600_000
TURN_MS = 60_000
MIB = 1024 * 1024
FLAT_BYTES_A_CALL = 1_500
"""A call that has ended is refused for a day, so its SID is kept, some 650 bytes with what the simulators keep; the
store's caches and the allocators of its threads still grow a little after thousands of calls."""
FLAT_HOUR_MIB = 16
"""Most growth between a process's second call of an hour and its last; one needs some 100 MiB while it lasts."""


@dataclass(frozen=True)
class Sample:
    """Things that a process holds after so many calls."""

    calls: int
    tasks: int
    files: int
    rss_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.calls:>7} calls over{self.tasks:>6} tasks{self.files:>6} files open{self.rss_bytes / MIB:>9.1f} MiB"
        )


def sample(calls: int, tasks: int) -> Sample:
    gc.collect()
    return Sample(calls, tasks, open_files(), rss_bytes())


def open_files() -> int:
    """Number of files and sockets that this process has open, but for the store's, which a pool opens as it likes."""
    return sum("/calls.sqlite" not in _target(handle) for handle in Path("/proc/self/fd").iterdir())


def _target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except FileNotFoundError:  # closed meanwhile
        return "/calls.sqlite"


def rss_bytes() -> int:
    """The resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ---- short calls, over sockets ----


async def short_calls(n: int) -> list[Sample]:
    """`n` calls, some at once, each greeted and hung up; a sample before, and after each tenth."""
    with tempfile.TemporaryDirectory() as records:
        env = {"BOT_RECORD": "fixture", "BOT_RECORD_DIR": records}
        async with standing(checked=False, keep=keeping, **env) as desk:
            return await _sampled(desk, n)


async def _sampled(desk: ServerUnderTest, n: int) -> list[Sample]:
    samples: list[Sample] = []
    for part in range(SAMPLES + 1):
        if part:
            await _many(desk, n // SAMPLES)
        await desk.quiet()
        desk.model.sessions.clear()
        desk.logs.clear()
        if part > 1:
            await until(lambda: open_files() <= samples[1].files, or_fail=False)  # the last call's fixture
        samples.append(sample(part * (n // SAMPLES), await _settled()))
        print(samples[-1], flush=True)

    return samples


async def _settled() -> int:
    """Number of tasks once connections that were just closed are gone."""
    await until(lambda: len(asyncio.all_tasks()) <= 2, or_fail=False)
    return len(asyncio.all_tasks())


async def _many(desk: ServerUnderTest, n: int) -> None:
    left = iter(range(n))

    async def some() -> None:
        for _ in left:
            await _short(desk)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())


async def _short(desk: ServerUnderTest) -> None:
    phone = a_phone()
    calling = asyncio.create_task(desk.dial(phone))
    try:
        await until(lambda: phone.received or calling.done())
        phone.hang_up(0)
        result = await calling
    finally:
        calling.cancel()
    assert (result.ending, result.failure) == ("caller_hung_up", ""), result
    assert heard(phone) == GREETING.items[0].audio


def grown_bytes_a_call(samples: list[Sample]) -> float:
    """Memory that is left of a call, by the last third of the calls: the others warm up allocators and the store."""
    middle, last = samples[-1 - len(samples) // 3], samples[-1]
    return (last.rss_bytes - middle.rss_bytes) / (last.calls - middle.calls)


def judged(samples: list[Sample]) -> list[str]:
    """Things that are not back where they were, a line each."""
    empty, first, last = samples[0], samples[1], samples[-1]  # the first calls open what stays open
    wrong = []
    if last.tasks > empty.tasks:
        wrong.append(f"{last.tasks - empty.tasks} tasks are left")
    if last.files > first.files:
        wrong.append(f"{last.files - first.files} files are open")
    if grown_bytes_a_call(samples) > FLAT_BYTES_A_CALL:
        wrong.append(f"{grown_bytes_a_call(samples):.0f} bytes are left of each call")
    return wrong


# ---- calls of an hour, in virtual time ----


class Forgetful(list[LogLine]):
    """A log that keeps nothing: of an hour it would be larger than all else."""

    def append(self, line: LogLine) -> None:
        """Nothing."""


class Talker:
    """Has something to say to every question."""

    def __init__(self) -> None:
        self._numbers = count()

    def reply(self, turn: Turn) -> Reply:
        return Reply((Spoken(tone(4_000, next(self._numbers) % 80), "an answer of some length"),), pacing=PACING)


def hour(number: int, ms: int = HOUR_MS) -> tuple[int, int, list[str], int]:
    """One call of `ms`, a question a minute: (process, sessions it had, what was wrong, its memory afterwards)."""
    wrong, n_sessions = _hour(number, ms)
    gc.collect()
    return os.getpid(), n_sessions, wrong, rss_bytes()


def _hour(number: int, ms: int) -> tuple[list[str], int]:
    settings = CallSettings(greeting="Hello.", max_call_s=0)
    talker, models = Talker(), list[SimulatedModel]()

    def session_at(now_us: int) -> SimulatedModel:
        models.append(SimulatedModel(talker, opens_us=now_us, keep_heard=False, name=f"s{len(models)}_"))
        return models[-1]

    phone = SimulatedPhone()
    for at_ms in range(6_000 + number * 20, ms - 12_000, TURN_MS):
        phone.say(CALLER * 60, at_ms * MS)
    phone.hang_up(ms * MS)
    call = VirtualCall(
        Call(settings),
        phone,
        session_at(0),
        redial=lambda now_us: session_at(now_us + OPENS_MS * MS),
        settings=settings,
    )
    call.log = Forgetful()
    call.tell(1_000 * MS, SessionExpires(ms // 1_000))
    reason = call.run((ms + 30_000) * MS)
    wrong = [*phone.violations, *(fault for model in models for fault in model.violations)]
    if reason != "caller_hung_up":
        wrong.append(f"ended as {reason}")
    turns = len(range(6_000 + number * 20, ms - 12_000, TURN_MS))
    answers = sum(1 for run in phone.playout.runs if run.n_bytes >= 4_000 * 8)
    if answers != turns + 1:
        wrong.append(f"{answers - 1} answers to {turns} questions")
    return wrong, len(models)


def hours(n: int, ms: int = HOUR_MS) -> Iterator[tuple[int, int, list[str], int]]:
    """`n` calls of an hour on all processors."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(hour, range(n), [ms] * n)


def judged_hours(found: list[tuple[int, int, list[str], int]]) -> list[str]:
    """Faults of any call, and memory that grew in a process from its second call on."""
    wrong = [fault for _, _, faults, _ in found for fault in faults]
    for process in {one[0] for one in found}:
        rss = [one[3] for one in found if one[0] == process][1:]
        if rss and rss[-1] - rss[0] > FLAT_HOUR_MIB * MIB:
            wrong.append(f"a process grew by {(rss[-1] - rss[0]) / MIB:.0f} MiB")
    return wrong


# ---- the command ----


def main(numbers: list[int]) -> int:
    """CALLS short calls and HOURS of an hour: 10,000 and 50 unless told otherwise."""
    n_calls, n_hours = (*numbers, 10_000, 50)[:2] if not numbers else (*numbers, 50)[:2]
    wrong: list[str] = []
    if n_calls:
        print(f"{n_calls} short calls over sockets, {AT_ONCE} at once; the simulators are in the same process")
        samples = _captured(n_calls)
        wrong += judged(samples)
        print(f"{grown_bytes_a_call(samples):.0f} bytes are left of each call")
    found: list[Any] = []
    for one in hours(n_hours) if n_hours else ():
        found.append(one)
        process, sessions, faults, rss = one
        print(
            f"hour {len(found):>3} in process {process}: {sessions} sessions{rss / MIB:>9.1f} MiB afterwards {faults or ''}",
            flush=True,
        )
    wrong += judged_hours(found)
    print("; ".join(wrong) or "nothing is left, and memory is flat")
    return 1 if wrong else 0


def _captured(n_calls: int) -> list[Sample]:
    with structlog.testing.capture_logs():
        return asyncio.run(short_calls(n_calls))
