"""The model's function calls, and what each does."""

from __future__ import annotations

import json

import pytest

from bot.call.handoff.end_call import NOT_NOW, EndCall
from bot.call.machines import Move
from bot.call.outputs import Output, Report
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.greeting import Greeting
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.tool_calls.asked_calls import REMEMBERED, AskedCalls, FunctionCall
from bot.call.tool_calls.function_calls import INTERRUPTED, NO_SUCH_FUNCTION, FunctionCalls
from bot.call.transcript.transcript import Transcript
from bot.realtime.events import CreateItem, Item, OutputItemDone
from bot.realtime.items import function_call_output, result_of
from bot.realtime.session import END_CALL
from tests.call.conversation.floors import a_floor
from tests.call.scripted_call import function, no_session


class Bench:
    def __init__(self) -> None:
        self.step = Step()
        session = no_session(CallSettings(), self.step)
        self.responses = session.now.responses
        self.floor = a_floor(CallSettings(), self.step, session)
        self.transcript = Transcript()
        self.transcript.caller_turn("U1")
        playout = PlayoutQueue()
        greeting = Greeting(CallSettings(), session, playout, self.transcript)
        self.functions = FunctionCalls(CallSettings(), self.step, session, self.floor)
        self.end_call = EndCall(self.step, session, self.floor, self.functions, greeting, self.transcript)
        self.functions.add(self.end_call)
        session.now.appended.ready = True
        self.responses.created("R1")

    @property
    def items(self) -> list[Output]:
        return [one for one in self.step.out if type(one) is not Report]


def test_a_hang_up_is_asked_for_and_not_answered() -> None:
    bench = Bench()
    bench.functions.item_done(function("R1", END_CALL, "call_7"))
    assert bench.floor.hang_up_asked
    assert bench.step.out == [Report("hang_up_asked")]


def test_a_hang_up_that_is_dropped_is_answered_so_once() -> None:
    bench = Bench()
    bench.functions.item_done(function("R1", END_CALL, "call_7"))
    bench.end_call.drop()
    assert not bench.floor.hang_up_asked
    assert bench.items == [CreateItem(function_call_output("call_7", result_of(NOT_NOW)), "item_1")]


def test_an_unknown_function_is_answered_so_and_the_model_goes_on() -> None:
    bench = Bench()
    bench.functions.item_done(function("R1", "order_pizza", "call_3"))
    assert bench.items == [CreateItem(function_call_output("call_3", result_of(NO_SUCH_FUNCTION)), "item_1")]
    bench.responses.done("R1")
    bench.functions.response_done("R1")
    assert bench.responses.release() is not None


def test_a_function_of_a_response_that_was_cut_is_answered_and_not_run() -> None:
    bench = Bench()
    bench.responses.suppress()
    bench.functions.item_done(function("R1", END_CALL, "call_3"))
    assert not bench.floor.hang_up_asked
    assert bench.items == [CreateItem(function_call_output("call_3", result_of(INTERRUPTED)), "item_1")]


@pytest.mark.parametrize(
    "item",
    [
        Item("A", "message", "assistant", "completed"),
        Item("fn", "function_call", status="incomplete", name=END_CALL, call_id="call_4"),
    ],
)
def test_what_is_no_finished_function_call_does_nothing(item: Item) -> None:
    bench = Bench()
    bench.functions.item_done(OutputItemDone("R1", item))
    assert bench.step.out == []


def test_a_function_call_output_is_json_in_a_string() -> None:
    item = function_call_output("call_1", result_of('said "no"'))
    assert (item["type"], item["call_id"]) == ("function_call_output", "call_1")
    assert json.loads(item["output"]) == {"result": 'said "no"'}


def test_a_call_that_is_answered_is_not_looked_at_with_each_step_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = AskedCalls()
    for number in range(REMEMBERED):
        calls.add(FunctionCall(f"call_{number}", "look_up", "{}", "R1", 0))
        calls.open[0].move(Move.OUTPUT)
    waits = FunctionCall("call_that_waits", "look_up", "{}", "R2", 0, due_us=7)
    calls.add(waits)
    assert (len(list(calls)), calls.get("call_0")) == (REMEMBERED, None)
    looked: list[str] = []
    monkeypatch.setattr(FunctionCall, "open", property(lambda call: bool(looked.append(call.call_id)) or call is waits))
    assert (calls.open, calls.due_us, calls.open_of("R2"), calls.open_of("R1")) == ([waits], 7, True, False)
    assert set(looked) <= {"call_63", "call_that_waits"}


def test_calls_that_wait_are_never_forgotten() -> None:
    calls = AskedCalls()
    for number in range(REMEMBERED + 3):
        calls.add(FunctionCall(f"call_{number}", "look_up", "{}", "R1", 0))
    assert len(calls.open) == REMEMBERED + 3
    calls.open[1].move(Move.OUTPUT)
    assert len(calls.open) == REMEMBERED + 2
    calls.add(FunctionCall("call_more", "look_up", "{}", "R1", 0))
    assert calls.get("call_0") is not None
    assert calls.get("call_1") is None
