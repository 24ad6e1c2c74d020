"""Cost of a step that changes nothing: its fixed part, in calls of functions, is the same few for all of them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

import pytest

from bot.call.call import HANDLERS, Input
from bot.call.inputs import Refused, SessionAlive, Tick
from bot.call.settings import CallSettings, ToolRules
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import ScriptedCall, added, audio, created, delta, done, echo, frame, function, words

MOST = 25
MOST_OF_A_LOOK = 60
LOUD = 0x10
"""A byte of mu-law that is no silence."""
MOST_FILES = 24
EVERY_RULE = CallSettings(
    response_s=8, filler_audio=audio(500), max_call_s=600, idle_s=30, no_progress_s=60, call_sid="CA1"
)


class Calls(NamedTuple):
    """Calls of Python functions in one step. `handling`: those of who handles the item, and what they call."""

    fixed: int
    handling: int


def calls_of(desk: ScriptedCall, one: Input) -> Calls:
    call = desk.call
    find = HANDLERS.get(type(one))
    handler = None if find is None else find(call._handlers)
    code = getattr(getattr(handler, "__func__", None), "__code__", None)
    fixed = handling = depth = 0

    def count(running: FrameType, event: str, _: Any) -> None:
        nonlocal fixed, handling, depth
        if event == "call":
            depth += bool(depth) or running.f_code is code
            handling += bool(depth)
            fixed += not depth
        elif event == "return":
            depth -= bool(depth)

    sys.setprofile(count)
    try:
        call.receive(one, desk.now_us)
    finally:
        sys.setprofile(None)
    return Calls(fixed - 1, handling)  # less the one that ends the count


def speaking() -> ScriptedCall:
    """The bot speaks, and marks have come back."""
    desk = ScriptedCall(EVERY_RULE)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 400))
    for number in range(1, 12):
        desk.at(number * 40).give(delta("R1", "A", 200))
    names = [one.mark.name for one in desk.sent(stream.SetMark)]
    for number, name in enumerate(names[:3]):
        desk.at(500 + 200 * number).give(frame(desk.now_us // 1_000), echo(name))
    return desk


def resting() -> ScriptedCall:
    """A call in which nobody speaks."""
    return ScriptedCall(EVERY_RULE)


STEPS: list[tuple[str, Callable[[], ScriptedCall], Input]] = [
    ("a mark's echo that tells nothing", speaking, echo("e0.3")),
    ("words", speaking, words("R1", "A", "more")),
    ("an audio delta", speaking, delta("R1", "A", 200)),
    ("rate limits", speaking, events.RateLimits()),
    ("an unknown event", speaking, events.Unknown("response.content_part.added")),
    ("how an item stands", speaking, events.ItemAdded()),
    ("a sign of life", speaking, SessionAlive()),
    ("no message", speaking, Refused("phone>bot", "not_json")),
    ("a gap to fill", speaking, Tick()),
    ("a mark on the empty buffer", resting, Tick()),
    ("rate limits at rest", resting, events.RateLimits()),
]


@pytest.mark.parametrize(("what", "where", "one"), STEPS, ids=[what for what, *_ in STEPS])
def test_a_step_that_changes_nothing_has_a_fixed_part_of_a_few_calls(
    what: str, where: Callable[[], ScriptedCall], one: Input
) -> None:
    desk = where()
    desk.at(desk.now_us / 1_000 + 200)  # when the next echo is due
    calls = calls_of(desk, one)
    print(f"{what}: {calls.fixed} calls, {calls.handling} more of who handles it")
    assert 0 < calls.fixed <= MOST


def test_a_look_at_a_caller_who_speaks_on_costs_a_few_calls() -> None:
    """The session that tells of speech is looked at twice a second, in case it hangs: mostly the caller speaks on."""
    desk = ScriptedCall(EVERY_RULE)
    desk.at(20).give(events.SpeechStarted(0, "U"))
    costs = []
    for at in range(40, 5_000, 20):
        desk.at(at).give(frame(at, fill=LOUD))
        if desk.call._after._rules_us <= desk.now_us:
            costs.append(sum(calls_of(desk, Tick())))
            assert desk.call._after._rules_us > desk.now_us, "it is due again at once"
    print("calls of each look:", costs)
    assert len(costs) > 5
    assert max(costs) <= MOST_OF_A_LOOK


def test_a_wait_that_is_put_off_by_what_plays_costs_a_look_at_the_clock() -> None:
    """While the bot speaks a filler comes up every two seconds, an answer that is overdue every eight."""
    desk = ScriptedCall(EVERY_RULE)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 400))
    costs = []
    for at in range(20, 9_000, 20):
        desk.at(at).give(frame(at), *([delta("R1", "A", 200)] if at % 200 == 0 else []))
        if desk.call._after._rules_us <= desk.now_us:
            costs.append(sum(calls_of(desk, Tick())))
    print("calls of each look:", costs)
    assert len(costs) >= 2
    assert max(costs) <= MOST
    assert desk.call.counts["filler_played"] == 0


def test_what_changes_something_looks_at_the_rest_once() -> None:
    desk = speaking()
    calls = calls_of(desk, events.SpeechStarted(10**6, "U"))
    print(f"a speech that interrupts: {calls.fixed} calls, {calls.handling} more of who handles it")
    assert calls.fixed > MOST


def files_of(desk: ScriptedCall, *items: Input) -> dict[str, int]:
    """Calls of Python functions by file of `bot` while these are handled."""
    files: Counter[str] = Counter()

    def see(running: FrameType, event: str, _: Any) -> None:
        if event == "call" and "/bot/" in running.f_code.co_filename:
            files[running.f_code.co_filename.split("/bot/")[-1]] += 1

    sys.setprofile(see)
    try:
        for one in items:
            desk.call.receive(one, desk.now_us)
    finally:
        sys.setprofile(None)
    return dict(files.most_common())


def test_an_interruption_crosses_few_files() -> None:
    """From the word that the caller speaks to the end of the response that it cancelled."""
    desk = ScriptedCall()
    desk.at(100).give(created("R1"), added("R1", "A"), delta("R1", "A", 5_000))
    desk.at(2_000).tick()
    files = files_of(desk.at(2_100), events.SpeechStarted(1_600, "U"), done("R1", "cancelled"))
    print(f"an interruption: {sum(files.values())} calls in {len(files)} files", *files.items(), sep="\n  ")
    assert desk.call.counts["interruptions"] == 1
    assert 15 < len(files) <= MOST_FILES


def test_a_step_in_which_little_has_changed_looks_at_little() -> None:
    desk = ScriptedCall()
    desk.at(100).give(events.SpeechStarted(0, "U"))
    files = files_of(desk.at(900), events.SpeechStopped(800, "U"))
    print(f"the end of speech: {sum(files.values())} calls in {len(files)} files", *files.items(), sep="\n  ")
    assert not {"call/prompts/greeting.py", "call/conversation/opening.py", "call/conversation/goodbye.py"} & set(files)
    assert not {"call/rules/wrap_up.py", "call/rules/idle.py", "call/rules/spend_cap.py"} & set(files)


TOOLS = CallSettings(tools=tuple(ToolRules(f"tool_{n}", timeout_s=60, duplicates="allow") for n in range(50)))


def test_audio_costs_the_same_whether_tools_run_or_not() -> None:
    """No function more in a frame of the caller, or in more of what plays, with fifty tools known and fifty running."""
    cost: dict[str, list[int]] = {}
    for name, settings, running in (("none", CallSettings(), 0), ("known", TOOLS, 0), ("running", TOOLS, 50)):
        desk = ScriptedCall(settings)
        desk.give(events.SpeechStarted(0, "U"), events.SpeechStopped(10, "U"), created("R1"))
        for n in range(running):
            desk.give(function("R1", f"tool_{n}", f"call_{n}"))
        assert desk.call._parts.floor.tools_running == running
        desk.give(delta("R1", "A", 400), delta("R1", "A", 200))
        cost[name] = [sum(calls_of(desk, delta("R1", "A", 200))), sum(calls_of(desk, frame(0)))]
    assert cost["none"] == cost["known"] == cost["running"]
    assert min(cost["none"]) >= 3
