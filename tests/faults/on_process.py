"""Faults of our own process in the middle of calls: told to stop, held up, its disk full, its clock set."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import aiohttp
from aiohttp import web

from bot.config import load_settings
from bot.realtime.session import END_CALL
from bot.server.lookup import call_lookup
from bot.server.workers.server_process import Server
from bot.testing.agent import Failure, Reply, ScriptedAgent, Spoken, ToolCall
from bot.testing.dialling.dial import DialResult
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests import postgres
from tests.faults.call_over_sockets import ANSWER, QUICK, Calling, calling
from tests.faults.on_sockets import REPLIES, Run, finished
from tests.faults.outcome import MOST_MS, Outcome, Sound, tone
from tests.hooks.receiver import SECRET, receiving
from tests.proof import moving
from tests.server.bookkeeping.test_call_records import faulty
from tests.server.simulated_server import (
    GREETING,
    Reach,
    ServerUnderTest,
    a_phone,
    captured,
    environment,
    standing,
    until,
)
from tests.store.conftest import new_database
from tests.store.faulty_store import AWAY, FaultyStore
from tests.waiting import GIVE_UP_S

STALL_S = 1.0
HOUR_S = 3600
DRAIN_S = "0.8"
LOOKUP_S = 0.3
RINGS = "the lookup has 2 s, here 0.3 s, in which the phone rings"
STARTS_AGAIN = "the process must start again"
AGAIN = "the process must start again: nobody else is there to carry the call on"
LONG = Reply((Spoken(tone(20_000, 3), "on and on"),), pacing=QUICK)
GOODBYE = Reply((Spoken(tone(700, 4), "Goodbye."),), (ToolCall(END_CALL),), pacing=QUICK)
SILENT = Reply((Spoken(tone(1_000, 1), "An answer."),), failure=Failure("silent"))


# ---- told to stop ----


@dataclass(frozen=True)
class Stopped:
    """A call that SIGTERM finds in a state: how it gets there, and how it ends."""

    reaches: Callable[[Calling], Awaitable[None]]
    replies: tuple[Reply, ...]
    ended: str = "drained"
    behaviour: Behaviour | None = None


@asynccontextmanager
async def serving(stopped: Iterable[Stopped]) -> AsyncIterator[Reach]:
    """A server in this process that takes signals, and whose calls are these in turn. Ends with it gone."""
    sessions = iter(stopped)

    def session(name: str) -> SimulatedModel:
        one = next(sessions)
        return SimulatedModel(ScriptedAgent(one.replies), one.behaviour, model=name)

    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(SimulatedRealtimeServer(session))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        settings = load_settings(environment(model.url, BOT_DRAIN_SECONDS=DRAIN_S))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        already = len(_logged("listening"))
        task = asyncio.create_task(Server(settings).run(listener))
        try:
            await until(lambda: len(_logged("listening")) > already)
            yield Reach(settings, f"http://127.0.0.1:{listener.getsockname()[1]}", model, http)
            async with asyncio.timeout(GIVE_UP_S):
                await task
        finally:
            task.cancel()
            await asyncio.wait([task])
        await until(lambda: not model.open_sessions)


def _logged(event: str) -> list[dict[str, str]]:
    return [entry for entry in captured() if entry["event"] == event]


async def _opening(call: Calling) -> None:
    await until(lambda: call.phones[0].opened_us is not None)


async def _listening(call: Calling) -> None:
    await call.heard_out("words 1")


async def _hearing(call: Calling) -> None:
    await call.heard_out("words 1")
    call.say(3_000)
    said = len(call.phones[0].sent_frames)
    await until(lambda: len(call.phones[0].sent_frames) > said + 15)


async def _thinking(call: Calling) -> None:
    await call.heard_out("words 1")
    turn_ms = call.say(200)
    await until(lambda: call.now_ms() > turn_ms + 50)


async def _speaking(call: Calling) -> None:
    await call.hears("a voice")


async def _closing(call: Calling) -> None:
    await call.heard_out("words 1")
    call.say(200)
    await call.hears("a voice")


SLOW = Behaviour(created_after_ms=400)
IN_STATES = {
    "LISTENING": Stopped(_listening, (GREETING,)),
    "HEARING": Stopped(_hearing, (GREETING, ANSWER)),
    "THINKING": Stopped(_thinking, (GREETING, SILENT)),
    "SPEAKING": Stopped(_speaking, (LONG,)),
    "CLOSING": Stopped(_closing, (GREETING, GOODBYE), "bot_hung_up"),
    "OPENING": Stopped(_opening, (GREETING,), behaviour=SLOW),
}


async def stopped_in_every_state() -> dict[str, Outcome]:
    """Send one SIGTERM to calls in all states, with nobody else to carry them on."""
    return await _stopped(IN_STATES, signals=1)


async def stopped_twice() -> dict[str, Outcome]:
    """The second SIGTERM is that of a manager which tells everyone: it ends nothing sooner."""
    return await _stopped({"twice": IN_STATES["SPEAKING"]}, signals=2)


async def _stopped(calls: dict[str, Stopped], signals: int) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    async with serving(calls.values()) as reach, AsyncExitStack() as stack:
        going: dict[str, Calling] = {}
        for number, (state, stopped) in enumerate(calls.items()):
            going[state] = await stack.enter_async_context(calling(reach, a_phone()))
            await until(lambda number=number: len(reach.model.sessions) > number)  # type: ignore[misc]
            if state in {"SPEAKING", "OPENING"}:
                await stopped.reaches(going[state])
        await asyncio.gather(*(calls[state].reaches(call) for state, call in going.items()))
        told = len(_logged("draining"))
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: len(_logged("draining")) > told)
        for state, call in going.items():
            result = await call.over()
            apart = AGAIN if result.said else ""
            waits_from_ms = (result.legs[0].closed_us or 0) / 1_000 if result.said else None
            outcomes[state] = await call.outcome(
                waits_from_ms, _logged("call_ended"), ended=calls[state].ended, apart=apart
            )
    return outcomes


# ---- held up, full, put forward ----


async def loop_stalls() -> Outcome:
    """The loop stands still for a second while an answer is awaited. The phone is in a thread of its own."""
    async with standing(*REPLIES) as desk:
        phone = a_phone()
        phone.hang_up(2_150_000)
        begun_s = time.monotonic()
        thread = asyncio.create_task(asyncio.to_thread(asyncio.run, _dialled(desk, phone)))
        call = Calling([phone], thread)
        call_ms = (time.monotonic() - begun_s) * 1_000
        await call.heard_out("words 1")
        turn_ms = call.say(200)
        await until(lambda: call.now_ms() > turn_ms - 50)
        time.sleep(STALL_S)  # noqa: ASYNC251  the stall
        return await finished(desk, call, turn_ms + call_ms, "caller_hung_up")


async def _dialled(desk: ServerUnderTest, phone: object) -> DialResult:
    return await desk.dial(phone)  # type: ignore[arg-type]


async def disk_full() -> Outcome:
    store = FaultyStore()
    async with standing(*REPLIES, keep=lambda settings: faulty(settings, store)) as desk:
        store.fault = AWAY
        outcome = await _one_turn(desk)
        assert desk.kept is not None
        if desk.kept.write_behind.lost or store.rows:
            outcome.wrong.append("something was stored on a full disk, or lost")
        store.fault = None
        if not await desk.kept.write_behind.flush(5) or not store.ends:
            outcome.wrong.append("what was held back is not stored")
        return outcome


def clock_jumps(by_s: int) -> Run:
    async def run() -> Outcome:
        real = time.time
        async with standing(*REPLIES) as desk:
            jumped: list[bool] = []
            with patch.object(time, "time", lambda: real() + (by_s if jumped else 0)):
                return await _one_turn(desk, lambda: jumped.append(True))

    return run


async def _one_turn(desk: ServerUnderTest, happens: Callable[[], None] = lambda: None) -> Outcome:
    """A call of one question and one answer, in which something happens, and after it another one."""
    phone = a_phone()
    async with calling(desk, phone) as call:
        await call.heard_out("words 1")
        happens()
        turn_ms = call.say(200)
        await call.heard_out("words 2")
        await call.over(phone)
        return await finished(desk, call, turn_ms, "caller_hung_up")


# ---- lost, in the real server ----


async def lookup_never_answers() -> Outcome:
    """The operator's server takes the question and says nothing: the phone rings for a moment longer."""
    silent = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        await silent.wait()
        return web.Response()

    async with receiving() as receiver:
        receiver.answer = never
        asked = {"BOT_LOOKUP_URL": receiver.url, "BOT_WEBHOOK_SECRET": SECRET}
        with patch.object(call_lookup, "LOOKUP_S", LOOKUP_S):
            async with standing(*REPLIES, **asked) as desk:
                phone = a_phone()
                async with calling(desk, phone) as call:
                    await call.hears("words 1")
                    await call.over(phone)
                    await desk.quiet()
                    ends = desk.logged("call_ended")
                    outcome = await call.outcome(0, ends, ended="caller_hung_up", apart=RINGS)
                    silent.set()
                    await desk.works()
                    return outcome


async def killed() -> Outcome:
    with tempfile.TemporaryDirectory() as directory:
        return _carried_on(await moving.killed(1, Path(directory)), STARTS_AGAIN)


async def processes_killed() -> Outcome:
    with tempfile.TemporaryDirectory() as directory:
        return _carried_on(await moving.worker(1, Path(directory)), STARTS_AGAIN)


async def stopped_beside_another() -> Outcome:
    with tempfile.TemporaryDirectory() as directory, postgres.running() as server:
        database = await new_database(server)
        return _carried_on(await moving.stopped(1, Path(directory), server.url(database)))


def _carried_on(moved: moving.Moved, apart: str = "") -> Outcome:
    """The silence is from the end of the stream, not from the webhook on."""
    silences_ms = [s * 1_000 for s in moved.silences_s]
    heard = [Sound("the bot goes on, after its stream's end", ms, ms) for ms in silences_ms]
    late = max(silences_ms, default=0) > MOST_MS
    outcome = Outcome(heard, 0, "carried on" if moved.good else "lost", apart if late else "")
    if not moved.good:
        outcome.wrong.append(moved.row())
    return outcome


IN_REAL_SERVERS: dict[str, Run] = {
    "kill -9, and a supervisor": killed,
    "kill -9 of all processes of a manager": processes_killed,
    "SIGTERM, another instance up (PostgreSQL)": stopped_beside_another,
}
PROCESS: dict[str, Run] = {
    **IN_REAL_SERVERS,
    "event loop stands still for 1 s": loop_stalls,
    "disk full for the store": disk_full,
    "clock put forward by an hour": clock_jumps(HOUR_S),
    "clock put back by an hour": clock_jumps(-HOUR_S),
    "the lookup's server never answers": lookup_never_answers,
}
