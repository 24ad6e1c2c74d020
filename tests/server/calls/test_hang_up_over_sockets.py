"""Hanging up by either side: both sockets are closed, and nothing of the call is left. Slow tests say how soon."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import pytest

from bot.call.states import State
from bot.realtime.session import END_CALL
from bot.testing.agent import Failure, Reply, Spoken, ToolCall, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour
from tests.realtime.raw_model import RawModel
from tests.server.calls.sessions.test_model_sessions import SORRY
from tests.server.simulated_server import QUICK, ServerUnderTest, Stopwatch, a_phone, an_asking_phone, standing, until
from tests.waiting import GIVE_UP_S

pytestmark = pytest.mark.both_loops

BOUND_S = 1.0
TIMES = {GIVE_UP_S: 3, BOUND_S: 10}
"""Calls at a time, by how soon their sockets must be closed."""
Who = Literal["the phone", "the phone, abruptly", "the bot", "the model"]
WHO: tuple[Who, ...] = ("the phone", "the phone, abruptly", "the bot", "the model")
ENDS: dict[Who, str] = {
    "the phone": "caller_hung_up",
    "the phone, abruptly": "line_lost",
    "the bot": "internal_error",
    "the model": "model_unavailable",
}
SOON = pytest.mark.parametrize(
    "bound_s", [GIVE_UP_S, pytest.param(BOUND_S, marks=pytest.mark.slow)], ids=["ever", "soon"]
)
LONG = Spoken(pattern(6000), "on and on")


@dataclass
class Situation:
    """A script that brings a call into a state and keeps it there."""

    reply: Reply = field(default_factory=lambda: Reply([LONG], pacing=QUICK))
    behaviour: Behaviour = field(default_factory=Behaviour)
    caller_says_ms: int = 0
    env: dict[str, str] = field(default_factory=dict)


SILENT = {"BOT_GREETING": "off"}
SITUATIONS: dict[State, Situation] = {
    State.OPENING: Situation(behaviour=Behaviour(created_after_ms=None)),
    State.LISTENING: Situation(env=SILENT),
    State.HEARING: Situation(caller_says_ms=6000, env=SILENT),
    State.THINKING: Situation(Reply(failure=Failure("silent")), caller_says_ms=200, env=SILENT),
    State.SPEAKING: Situation(),
    State.CLOSING: Situation(Reply([LONG], [ToolCall(END_CALL)], pacing=QUICK), caller_says_ms=200, env=SILENT),
}


@SOON
@pytest.mark.parametrize("state", SITUATIONS, ids=lambda state: state.value)
async def test_both_sockets_close_whoever_hangs_up(state: State, bound_s: float) -> None:
    situation = SITUATIONS[state]
    async with asyncio.TaskGroup() as group:
        for who in WHO:
            group.create_task(some_times(state, situation, who, bound_s))


async def some_times(state: State, situation: Situation, who: Who, bound_s: float) -> None:
    times = TIMES[bound_s]
    async with standing(situation.reply, behaviour=situation.behaviour, checked=False, **situation.env) as desk:
        told: list[str | None] = []
        desk.calls.directory.on_end.append(lambda _, reason: told.append(reason))
        phones = [a_phone() for _ in range(times)]
        for phone in phones if situation.caller_says_ms else []:
            phone.say(pattern(situation.caller_says_ms), 100_000)
        async with asyncio.TaskGroup() as group:
            dialling = [group.create_task(desk.dial(phone)) for phone in phones]
            await until(
                lambda: len(desk.calls.directory) == times and all(in_state(desk, phone, state) for phone in phones)
            )
            took_s = await hung_up(desk, phones, who)
        assert took_s < bound_s, f"{took_s:.3f} s when {who} hung up while {state.value}"
        results = [task.result() for task in dialling]
        assert {result.hung_up_by for result in results} == {"phone" if who.startswith("the phone") else "bot"}
        assert sorted(reasons_of(desk, phones)) == [ENDS[who]] * times
        assert told == [ENDS[who]] * times


def in_state(desk: ServerUnderTest, phone: SimulatedPhone, state: State) -> bool:
    live = desk.calls.directory.find(phone.ids.call_sid)
    return live is not None and live.bridge.call.started and live.bridge.call.state is state


async def hung_up(desk: ServerUnderTest, phones: list[SimulatedPhone], who: Who) -> float:
    """Hang up every call at once and wait until both sockets of each are closed: seconds that took."""
    watch = Stopwatch()
    for phone in phones:
        if who == "the bot":
            desk.bridge(phone.ids.call_sid).shutdown("internal_error")  # which is not carried on
        elif who != "the model":
            phone.hang_up(0, abrupt=who == "the phone, abruptly")
    if who == "the model":
        await desk.model.close_sessions(3000, "invalid_request_error.invalid_api_key")  # which no other would mend
    await until(
        lambda: all(phone.ended for phone in phones) and not desk.model.open_sessions and not len(desk.calls.directory)
    )
    return watch.seconds


def reasons_of(desk: ServerUnderTest, phones: list[SimulatedPhone]) -> list[str]:
    mine = {phone.ids.call_sid for phone in phones}
    return [entry["reason"] for entry in desk.logged("call_ended") if entry["call_sid"] in mine]


async def test_the_bot_hangs_up_once_its_goodbye_was_heard() -> None:
    goodbye = Spoken(pattern(400), "Goodbye.")
    async with standing(Reply([goodbye], [ToolCall(END_CALL)], pacing=QUICK), **SILENT) as desk:
        phone = an_asking_phone()
        result = await desk.dial(phone)
        await desk.quiet()
        assert (result.ending, result.hung_up_by, result.close_code) == ("hangup", "bot", 1000)
        assert phone.playout.heard_total_bytes(10**12) == len(goodbye.audio)
        assert result.said == []
        assert desk.reasons == ["bot_hung_up"]


@SOON
async def test_a_phone_that_takes_no_part_in_the_close_is_left(bound_s: float) -> None:
    async with standing() as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.uplink.ready)
        watch = Stopwatch()
        hand.bridge.shutdown("drained")
        # Nobody reads the hand's socket, so the bot's close goes unanswered.
        await desk.quiet()
        assert watch.seconds < bound_s


@SOON
async def test_a_model_that_takes_no_part_in_the_close_is_left(bound_s: float) -> None:
    async with RawModel("ignores the close") as raw, standing(model_url=raw.url) as desk:
        async with desk.stream() as hand:
            await raw.asked.wait()
            await until(lambda: hand.bridge.call.started)
            watch = Stopwatch()
            await hand.socket.send_str(hand.texts.stop())
            await hand.closed()
            await desk.quiet()
            assert watch.seconds < bound_s
        assert desk.reasons == ["caller_hung_up"]


@SOON
async def test_a_hang_up_while_the_model_is_being_dialled_stops_the_dialling(bound_s: float) -> None:
    async with RawModel("says nothing") as raw, standing(model_url=raw.url) as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await raw.asked.wait()
        await until(lambda: in_state(desk, phone, State.OPENING))
        phone.hang_up(0)
        result = await calling
        watch = Stopwatch()
        await desk.quiet()
        assert watch.seconds < bound_s
        assert (result.ending, desk.reasons) == ("caller_hung_up", ["caller_hung_up"])


@pytest.mark.usefixtures("short_pauses")
async def test_a_server_that_stops_ends_its_calls_with_a_sentence_for_every_caller() -> None:
    phones = [a_phone() for _ in range(3)]
    async with asyncio.TaskGroup() as group, standing() as desk:
        dialling = [group.create_task(desk.dial(phone)) for phone in phones]
        await until(
            lambda: len(desk.calls.directory) == 3 and all(in_state(desk, one, State.SPEAKING) for one in phones)
        )
        await desk.calls.departure.close()
        assert sorted(desk.reasons) == ["drained"] * 3
        results = [await task for task in dialling]
    assert [(result.ending, result.said) for result in results] == [("hangup", [SORRY])] * 3
