"""Leaving without dropping a call: one process, told to stop in the middle of things."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config import load_settings
from bot.realtime.session import END_CALL
from bot.server.directory.departure import HOLDS, Phase
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app_keys import Listener
from bot.server.shared.call_registry import CallRegistry, Counts
from bot.server.shared.transfers import RINGING_S, Transfer
from bot.server.workers import drain as drain_module
from bot.server.workers.drain import drain
from bot.server.workers.event_loop import run_in_loop
from bot.server.workers.server_process import STOPS, Server, ignore_stops
from bot.testing.agent import Reply, ScriptedAgent, Spoken, ToolCall, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.model import SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.server.calls.sessions.test_model_sessions import SORRY
from tests.server.simulated_server import (
    PUBLIC_URL,
    QUICK,
    Reach,
    a_phone,
    an_asking_phone,
    captured,
    environment,
    form,
    heard,
    standing,
    until,
)
from tests.server.test_webhooks import verbs
from tests.waiting import EVER_S, GIVE_UP_S

pytestmark = pytest.mark.both_loops

GOODBYE = Reply([Spoken(pattern(700, "goodbye"), "Goodbye.")], [ToolCall(END_CALL)], pacing=QUICK)
LONG = Reply([Spoken(pattern(20_000), "on and on")], pacing=QUICK)
TERM, INT, QUIT = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT


@pytest.fixture(autouse=True)
def _records_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def logged(event: str) -> list[Any]:
    return [entry for entry in captured() if entry["event"] == event]


def reasons() -> list[str]:
    return [entry["reason"] for entry in logged("call_ended")]


@asynccontextmanager
async def serving(reply: Reply, **env: str) -> AsyncIterator[tuple[Reach, asyncio.Task[None]]]:
    """A server that takes signals, and its task. Ends with it gone, its port closed and every session closed.

    No drain is over by its limit, unless that is told.
    """

    def session(name: str) -> SimulatedModel:
        return SimulatedModel(ScriptedAgent([reply]), model=name)

    async with SimulatedRealtimeServer(session) as model, aiohttp.ClientSession() as http:
        settings = load_settings(environment(model.url, **{"BOT_DRAIN_SECONDS": str(EVER_S), **env}))
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        task = asyncio.create_task(Server(settings).run(listener))
        await until(lambda: logged("listening"))
        try:
            yield Reach(settings, f"http://127.0.0.1:{port}", model, http), task
        finally:
            if not task.done():
                os.kill(os.getpid(), INT)
                os.kill(os.getpid(), INT)
            await asyncio.wait([task], timeout=GIVE_UP_S)
        await task
        listener.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await Reach(settings, f"http://127.0.0.1:{port}", model, http).ready()
        await until(lambda: not model.open_sessions)


@pytest.mark.parametrize("number", [TERM, INT, QUIT], ids=lambda number: number.name)
async def test_a_stop_lets_calls_go_on_and_answers_until_the_last_is_over(number: signal.Signals) -> None:
    async with serving(GOODBYE, BOT_GREETING="off") as (reach, task):
        phone, waiting = an_asking_phone(), new_call_sid()
        calling = asyncio.create_task(reach.dial(phone))
        token = await reach.token(waiting)
        await until(lambda: phone.received)
        os.kill(os.getpid(), number)
        await until(lambda: logged("draining"))
        assert await reach.ready() == (503, "draining\n")
        document = (await reach.voice(new_call_sid()))[1]
        assert verbs(document) == ["Pause", "Redirect"]
        assert '<Pause length="1"/>' in document
        assert f'<Redirect method="POST">{PUBLIC_URL}/voice#rc=5&amp;' in document

        newer = await reach.token(waiting)  # Twilio tries again with a call that was let in before
        assert await reach.refused(token) == 403
        async with await reach.upgrade(newer) as stream:
            result = await calling
            assert (result.ending, result.failure, len(result.documents)) == ("hangup", "", 2)
            assert heard(phone) == GOODBYE.items[0].audio
            assert not task.done()
            await stream.close()
            await until(lambda: len(reasons()) == 2)
            await reach.next(waiting)
        async with asyncio.timeout(GIVE_UP_S):
            await task
        assert reasons() == ["bot_hung_up", "line_lost"]
        assert len(reach.model.sessions) == 2


@pytest.mark.usefixtures("short_pauses")
async def test_the_limit_ends_what_is_left_with_a_sentence() -> None:
    async with serving(LONG, BOT_DRAIN_SECONDS="0.2") as (reach, task):
        phones = [a_phone() for _ in range(3)]
        calls = [asyncio.create_task(reach.dial(phone)) for phone in phones]
        await until(lambda: all(phone.received for phone in phones))
        os.kill(os.getpid(), TERM)
        for call in calls:
            result = await call
            assert (result.ending, result.said, result.failure) == ("hangup", [SORRY], "")
        async with asyncio.timeout(GIVE_UP_S):
            await task
        assert reasons() == ["drained"] * 3


async def test_what_is_left_is_ended_in_a_pause_and_sent_round_for_another_process_to_take() -> None:
    greeting = Reply([Spoken(pattern(1200, "greeting"), "Hello.")], pacing=QUICK)
    async with serving(greeting, BOT_DRAIN_SECONDS="3") as (reach, task):
        phone = a_phone()
        calling = asyncio.create_task(reach.dial(phone))
        await until(lambda: phone.received)
        os.kill(os.getpid(), TERM)
        result = await calling
        assert heard(phone) == greeting.items[0].audio
        assert phone.playout.heard_total_bytes(phone.ended_us or 0) == len(heard(phone))
        assert [verbs(one)[0] for one in result.documents] == ["Connect", "Pause", "Pause", "Say"]
        assert "/voice/next?held=2#rc=5" in result.documents[2]
        assert (result.said, result.failure) == ([SORRY], "")
        async with asyncio.timeout(GIVE_UP_S):
            await task
        assert reasons() == ["drained"]


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(
    "told", [(INT, INT), (TERM, INT), (TERM, QUIT)], ids=lambda told: "-".join(one.name for one in told)
)
async def test_a_second_stop_by_a_person_ends_the_calls_at_once(
    told: tuple[signal.Signals, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bot.testing.dialling.signed_webhook.RETRY_GAP_S", 0.05
    )  # the server is gone when the phone asks for more
    async with serving(LONG) as (reach, task):
        phone = a_phone()
        calling = asyncio.create_task(reach.dial(phone))
        await until(lambda: phone.received)
        os.kill(os.getpid(), told[0])
        await until(lambda: logged("draining"))
        os.kill(os.getpid(), told[1])
        async with asyncio.timeout(GIVE_UP_S):
            await task
        assert reasons() == ["drained"]
        assert (await calling).hung_up_by == "bot"


@pytest.mark.parametrize(
    "told", [(TERM, TERM), (INT, QUIT), (QUIT, INT)], ids=lambda told: "-".join(one.name for one in told)
)
async def test_a_stop_that_a_manager_or_a_platform_repeats_ends_nothing(told: tuple[signal.Signals, ...]) -> None:
    async with serving(GOODBYE, BOT_GREETING="off") as (reach, task):
        phone = an_asking_phone()
        calling = asyncio.create_task(reach.dial(phone))
        await until(lambda: phone.received)
        os.kill(os.getpid(), told[0])
        await until(lambda: logged("draining"))
        os.kill(os.getpid(), told[1])
        result = await calling
        assert (result.ending, result.failure) == ("hangup", "")
        await task
        assert reasons() == ["bot_hung_up"]


async def test_nothing_to_do_is_done_at_once() -> None:
    async with serving(GOODBYE) as (_, task):
        os.kill(os.getpid(), TERM)
        async with asyncio.timeout(GIVE_UP_S):
            await task


@pytest.mark.parametrize("run", [run_in_loop, asyncio.run])
def test_a_stop_that_comes_to_a_leaving_process_changes_nothing(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def main() -> None:
        for number in STOPS:
            asyncio.get_running_loop().add_signal_handler(number, print)
        ignore_stops()

    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        run(main())
        assert [signal.getsignal(number) for number in STOPS] == [signal.SIG_IGN] * 3
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- one of several processes ----

CALL = "CA" + "1" * 32


class Watched(CallRegistry):
    looks = 0

    def counts(self, within_s: float = 0.0) -> Counts:
        self.looks += 1
        return super().counts(within_s)


class Site:
    left = False
    _server = None

    async def stop(self) -> None:
        self.left = True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "LOOK_S", 0.01)


@pytest.mark.usefixtures("quick")
async def test_the_last_process_on_the_port_stays_for_the_calls_of_the_others(tmp_path: Path) -> None:
    """All are told to stop at once: this one has no call, yet the other's /voice/next may arrive here."""
    mine, other = Watched(time.time, tmp_path / "calls", 1), CallRegistry(time.time, tmp_path / "calls", 2)
    other.enter(CALL, 5)
    other.processes.announce(accepting=False)
    door, site = Listener(), Site()
    door.site = site  # type: ignore[assignment]
    calls = LiveCalls(load_settings({}), mine)
    task = asyncio.create_task(drain(calls, door, EVER_S, asyncio.Event()))
    await until(lambda: mine.looks > 3)
    assert (task.done(), site.left) == (False, False)
    other.end(CALL, "drained", asks=True)
    looks = mine.looks
    await until(lambda: mine.looks > looks + 3)
    assert (task.done(), site.left) == (False, False)
    mine.asked(CALL)
    await task
    mine.close()
    other.close()


@pytest.mark.usefixtures("quick")
async def test_the_port_is_left_to_a_process_that_takes_calls(tmp_path: Path) -> None:
    mine, other = CallRegistry(time.time, tmp_path / "calls", 1), CallRegistry(time.time, tmp_path / "calls", 2)
    other.enter(CALL, 5)
    other.processes.announce(accepting=True)
    door, site = Listener(), Site()
    door.site = site  # type: ignore[assignment]
    async with asyncio.timeout(GIVE_UP_S):
        await drain(LiveCalls(load_settings({}), mine), door, EVER_S, asyncio.Event())
    assert site.left
    mine.close()
    other.close()


@pytest.mark.usefixtures("quick")
async def test_the_last_process_stays_while_a_person_is_rung_for_a_caller(tmp_path: Path) -> None:
    registry = Watched(time.time, tmp_path / "calls", 1)
    registry.transfers.put(CALL, Transfer(0, 1, "sales"))
    task = asyncio.create_task(drain(LiveCalls(load_settings({}), registry), Listener(), EVER_S, asyncio.Event()))
    await until(lambda: registry.looks > 3)
    assert not task.done()
    registry.transfers.taken(CALL, 0)
    await task
    registry.close()


async def test_a_transfer_of_which_twilio_never_told_the_end_holds_up_no_stop(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    registry = CallRegistry(lambda: clock[0], tmp_path / "calls", 1)
    registry.transfers.put(CALL, Transfer(0, 1, "sales"))
    clock[0] += RINGING_S + 1
    async with asyncio.timeout(GIVE_UP_S):
        await drain(LiveCalls(load_settings({}), registry), Listener(), EVER_S, asyncio.Event())
    registry.close()


@pytest.mark.parametrize("why", ["draining", "busy"])
async def test_a_process_without_any_call_lets_no_first_one_in_either(tmp_path: Path, why: str) -> None:
    registry = CallRegistry(time.time, tmp_path / "calls", 1)
    calls = LiveCalls(load_settings({}), registry)
    calls.departure.phase = Phase.DRAINING if why == "draining" else Phase.SERVING
    calls.admission.load.high = why == "busy"
    assert calls.admission.enter(CALL) == "full"
    calls.departure.phase, calls.admission.load.high = Phase.SERVING, False
    assert calls.admission.enter(CALL) == "new"
    registry.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("told", ["next", "completed"])
@pytest.mark.parametrize("first", ["stop", "drain"])
async def test_a_stream_that_was_stopped_is_waited_for_until_twilio_says_whether_the_caller_is_gone(
    first: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is stopped as well stops its streams in good order, and the callers are still there."""
    async with standing() as desk:
        looks, counts = 0, desk.calls.registry.counts

        def counted(within_s: float = 0.0) -> Counts:
            nonlocal looks
            looks += bool(within_s)
            return counts(within_s)

        monkeypatch.setattr(desk.calls.registry, "counts", counted)
        monkeypatch.setattr(drain_module, "ASK_S", EVER_S)
        monkeypatch.setattr(drain_module, "LEAVE_S", EVER_S)
        async with desk.stream() as hand:
            if first == "drain":
                leaving = asyncio.create_task(drain(desk.calls, Listener(), EVER_S, asyncio.Event()))
                await until(lambda: desk.calls.departure.draining)
        await desk.quiet()
        if first == "stop":
            leaving = asyncio.create_task(drain(desk.calls, Listener(), EVER_S, asyncio.Event()))
        await until(lambda: looks > 3)
        assert not leaving.done()
        if told == "next":
            assert "<Redirect" in (await desk.post("/voice/next", form(hand.ids.call_sid, "in-progress")))[1]
            assert not leaving.done()
            await desk.post(f"/voice/next?held={HOLDS}", form(hand.ids.call_sid, "in-progress"))
        else:
            await desk.post("/voice/status", form(hand.ids.call_sid, "completed"))
        await leaving
