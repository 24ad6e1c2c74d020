"""Several processes on one port that are stopped, replaced or killed while phones are called."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from bot.realtime.session import END_CALL
from bot.server.shared.processes import NOBODYS
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.handset.phone import SimulatedPhone
from tests.server.instance import Instance, heard_out, serving
from tests.server.simulated_server import QUICK, a_phone, an_asking_phone, heard, until
from tests.server.test_resuming import on_another_stream
from tests.server.test_webhooks import verbs
from tests.waiting import EVER_S

CALLS = 8
GOODBYE = Reply([Spoken(pattern(2500, "goodbye"), "That is all. Goodbye.")], [ToolCall(END_CALL)], pacing=QUICK)
"""A call that the bot ends by itself, so that Twilio asks /voice/next."""
LONG = Reply([Spoken(pattern(120_000, "long"), "On and on.")], pacing=QUICK)


def all_hear(phones: Sequence[SimulatedPhone]) -> bool:
    return all(phone.received for phone in phones)


async def talking(instance: Instance, group: asyncio.TaskGroup, goodbye: Reply = GOODBYE) -> None:
    """Calls in which the bot has begun its goodbye, in every process; each checks that it is heard to its end."""

    async def call(phone: SimulatedPhone) -> None:
        result = await instance.dial(phone)
        assert (result.ending, result.failure, result.said, len(result.documents)) == ("hangup", "", [], 2)
        assert heard(phone) == goodbye.items[0].audio

    for worker in sorted(instance.workers):
        with instance.only(worker):
            phones = [an_asking_phone() for _ in range(CALLS // 2)]
            for phone in phones:
                group.create_task(call(phone))
            await until(partial(all_hear, phones))


async def test_a_stop_lets_every_call_go_on_to_its_own_end(tmp_path: Path) -> None:
    async with serving(tmp_path, GOODBYE, BOT_GREETING="off") as instance, asyncio.TaskGroup() as group:
        await talking(instance, group)
        instance.process.terminate()
        await until(lambda: len(instance.logged("draining")) == 2)
        assert await instance.ready() == (503, "draining\n")
        assert verbs((await instance.voice(new_call_sid()))[1]) == ["Pause", "Redirect"]
        os.killpg(instance.process.pid, signal.SIGTERM)  # some platforms tell every process, and more than once
        assert await instance.exit() == 0
        assert instance.reasons == ["bot_hung_up"] * CALLS
        assert len(instance.logged("drained")) == 2


async def replaced(instance: Instance) -> set[int]:
    """Replace the processes; once only the new ones take calls, gives the old."""
    before = instance.workers
    instance.process.send_signal(signal.SIGHUP)
    await until(lambda: len(instance.accepting - before) == 2 and not instance.accepting & before)
    return before


async def test_workers_are_replaced_without_losing_a_call(tmp_path: Path) -> None:
    async with serving(tmp_path, GOODBYE, BOT_GREETING="off") as instance, asyncio.TaskGroup() as group:
        await talking(instance, group)
        before = await replaced(instance)
        await heard_out(instance, *(an_asking_phone() for _ in range(4)), audio=GOODBYE.items[0].audio)
        await until(lambda: not instance.workers & before)
        assert sorted(instance.reasons) == ["bot_hung_up"] * CALLS + ["caller_hung_up"] * 4


async def test_a_stop_while_processes_are_replaced_reaches_the_new_ones_and_hurries_no_call(tmp_path: Path) -> None:
    async with serving(tmp_path, LONG, BOT_DRAIN_SECONDS="120") as instance, asyncio.TaskGroup() as group:
        phones: list[SimulatedPhone] = []
        for worker in sorted(instance.workers):
            with instance.only(worker):
                phones += [a_phone() for _ in range(CALLS // 2)]
                dialling = [group.create_task(instance.dial(phone)) for phone in phones[-CALLS // 2 :]]
                await until(partial(all_hear, phones))
                assert not any(task.done() for task in dialling)
        await replaced(instance)
        instance.process.send_signal(signal.SIGINT)
        await until(lambda: len(instance.logged("draining")) == 4)
        told = [entry["message"] for entry in instance.log if entry["message"] in {"draining", "drained"}]
        assert told.count("drained") <= 2  # the new ones, which have no calls, did not wait for the old ones to be gone
        os.killpg(instance.process.pid, signal.SIGINT)  # to the replaced ones the first
        for phone in phones:
            phone.hang_up(0)
        assert await instance.exit() == 0
        assert instance.reasons == ["caller_hung_up"] * CALLS


async def test_a_stop_that_arrives_together_with_a_replacement_hurries_no_call(tmp_path: Path) -> None:
    async with serving(tmp_path, LONG, BOT_DRAIN_SECONDS="120") as instance:
        before, phone = instance.workers, a_phone()
        calling = asyncio.create_task(instance.dial(phone))
        await until(lambda: phone.received or calling.done())
        with instance.standing(before):
            instance.process.send_signal(signal.SIGHUP)
            await until(lambda: len(instance.accepting - before) == 2)
            instance.process.send_signal(signal.SIGINT)
            await until(lambda: len(instance.logged("draining")) == 2)
        await until(lambda: len(instance.logged("draining")) == 4)
        phone.hang_up(0)
        await calling
        assert await instance.exit() == 0
        assert instance.reasons == ["caller_hung_up"]


HELD = """
import os, pathlib, signal, time
from bot.cli import main
from bot.server.workers.gunicorn_worker import CallWorker

def held(worker, begin=CallWorker.init_process, place=pathlib.Path(os.environ["TMPDIR"])):
    (place / f"{os.getpid()}.forked").touch()
    while (place / "hold").exists() and signal.SIGQUIT not in signal.sigpending():
        time.sleep(0.005)
    begin(worker)

CallWorker.init_process = held
main()
"""
"""`bot serve`, whose processes stand where they were just forked while there is a file `hold` in their TMPDIR.

Once a stop waits for them they go on.
"""


def forked(directory: Path) -> int:
    return len(list(directory.glob("*.forked")))


async def test_a_stop_reaches_processes_that_were_just_forked_and_no_more_are_started(tmp_path: Path) -> None:
    command, hold = (sys.executable, "-c", HELD, "serve"), tmp_path / "hold"
    async with serving(tmp_path, LONG, command=command, BOT_DRAIN_SECONDS="120") as instance:
        before, phone = instance.workers, a_phone()
        calling = asyncio.create_task(instance.dial(phone))
        await until(lambda: phone.received or calling.done())
        hold.touch()
        instance.process.send_signal(signal.SIGHUP)
        await until(lambda: forked(tmp_path) == 4)
        instance.process.send_signal(signal.SIGINT)
        await until(lambda: not instance.workers - before)
        assert instance.workers  # there is a call
        phone.hang_up(0)
        await calling
        assert await instance.exit() == 0
        assert instance.reasons == ["caller_hung_up"]
        assert forked(tmp_path) == 4
        hold.unlink()


async def test_a_process_that_dies_loses_its_own_streams_and_no_others(tmp_path: Path) -> None:
    async with serving(tmp_path, GOODBYE, killed=True, BOT_MAX_CALLS="2", BOT_GREETING="off") as instance:
        lost, kept = sorted(instance.workers)
        phones = {lost: an_asking_phone(), kept: an_asking_phone()}
        after = on_another_stream(phones[lost])
        calling = {}
        for worker, phone in phones.items():
            with instance.only(worker):
                calling[worker] = asyncio.create_task(instance.dial(phone, more_phones=[after]))
                await until(partial(all_hear, [phone]))
        assert await instance.ready() == (200, "full\n")
        spoke = "SELECT DISTINCT call_sid FROM turns WHERE who = 'caller'"
        await until(lambda: len(instance.stored(spoke)) == 2)  # who carries a call on may hang up on nobody unheard
        row = "SELECT reason, owner FROM calls WHERE sid = ?"
        with instance.only(lost):  # the caller is back at once: nobody carries the call on before this has been seen
            os.kill(lost, signal.SIGKILL)
            await until(lambda: instance.asked(row, phones[lost].ids.call_sid) == [("line_lost", NOBODYS)])
        result = await calling[lost]
        assert [leg.close_code for leg in result.legs] == [1006, 1000]
        assert (result.ending, heard(after)) == ("hangup", GOODBYE.items[0].audio)
        await until(lambda: len(instance.accepting) == 2)
        result = await calling[kept]
        assert (result.ending, heard(phones[kept])) == ("hangup", GOODBYE.items[0].audio)
        ends = "SELECT reason, leg FROM calls WHERE ended_at IS NOT NULL ORDER BY leg"
        await until(lambda: len(instance.stored(ends)) == 2)
        assert instance.stored(ends) == [("bot_hung_up", 0), ("bot_hung_up", 1)]
        waiting = new_call_sid()
        await instance.token(waiting)  # has one place: there is a second
        await heard_out(instance, an_asking_phone(), audio=GOODBYE.items[0].audio)
        assert verbs((await instance.next(waiting))[1]) == ["Say", "Hangup"]


@pytest.mark.usefixtures("short_pauses")
async def test_a_second_ctrl_c_ends_the_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bot.testing.dialling.signed_webhook.RETRY_GAP_S", 0.05
    )  # the server is gone when the phones ask for more
    async with serving(tmp_path, LONG, BOT_DRAIN_SECONDS=str(EVER_S)) as instance, asyncio.TaskGroup() as group:
        phones = [a_phone() for _ in range(CALLS)]
        calls = [group.create_task(instance.dial(phone)) for phone in phones]
        await until(partial(all_hear, phones))
        os.killpg(instance.process.pid, signal.SIGINT)  # as a terminal does
        await until(lambda: len(instance.logged("draining")) == 2)
        assert instance.reasons == []
        os.killpg(instance.process.pid, signal.SIGINT)
        assert await instance.exit() == 0
        assert instance.reasons == ["drained"] * CALLS
        assert {(await call).hung_up_by for call in calls} == {"bot"}
