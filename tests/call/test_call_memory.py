"""Memory of a call in which nothing has happened yet: it crept up with every part that was added."""

from __future__ import annotations

import gc
import tracemalloc

from bot.call.call import Call
from bot.call.prompts.greeting import EXACTLY
from bot.call.settings import CallSettings
from bot.realtime.session import SessionSettings
from tests.call.call_fields import picture
from tests.call.lost_sessions import greeted, opened
from tests.call.scripted_call import ScriptedCall, committed, created, speaks, stops, updated

CALLS = 100
MOST_KIB = 17.0
"""16.0 with Python 3.11 and 16.1 with 3.13, of 230 objects. It was 25 before anybody looked."""
LONG = "Speak of nothing else. " * 1_000


def who_has(desk: ScriptedCall) -> list[str]:
    """Fields in which the request of the greeting is."""
    return [name for name, value in picture(desk.call).items() if repr(EXACTLY)[1:-1] in repr(value)]


def kib_of_a_call(settings: CallSettings) -> float:
    for _ in range(50):
        Call(settings)  # the first ones leave room for fields that do not come
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        calls = [Call(settings) for _ in range(CALLS)]
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / len(calls) / 1024
    finally:
        tracemalloc.stop()


def test_a_call_that_has_just_begun_keeps_little() -> None:
    assert kib_of_a_call(CallSettings(call_sid="CA1", response_s=8, max_call_s=600, idle_s=30)) < MOST_KIB


def test_instructions_are_not_copied_into_each_call_that_greets_nobody() -> None:
    told = CallSettings(call_sid="CA1", session=SessionSettings(instructions=LONG))
    assert kib_of_a_call(told) - kib_of_a_call(CallSettings(call_sid="CA1")) < 1


def test_nobody_keeps_the_request_of_a_greeting_that_was_heard() -> None:
    """It is as long as the instructions."""
    desk = opened()
    assert who_has(desk)
    desk = greeted()
    desk.give(updated(), speaks(), stops(), committed("U"), created("R1"))
    assert who_has(desk) == []
