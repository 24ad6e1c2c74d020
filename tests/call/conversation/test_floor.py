"""Who has the floor when the line falls silent, and for how long."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bot.call.conversation.floor import MAY, Act, Floor
from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.machines import GoodbyeStage, GreetingStage
from bot.call.settings import CallSettings
from bot.call.states import FOLLOWING, Happening, OurFaultError, State
from bot.call.step import Step
from tests.call.conversation.floors import a_floor

H, S = Happening, State


def floor_after(*happenings: Happening) -> Floor:
    """At 5 s, with 8 s for an answer."""
    step = Step()
    state_deadlines = StateDeadlines(CallSettings(max_call_s=0), step)
    state_deadlines.session_ready()
    state_deadlines.stream_started(0)
    step.begin(5_000_000)
    floor = a_floor(CallSettings(max_call_s=0), step, state_deadlines=state_deadlines)
    for one in (H.BEGUN, *happenings):
        floor.happen(one)
    return floor


@pytest.mark.parametrize(
    ("before", "awaited", "after", "over"),
    [
        ([], False, S.LISTENING, False),
        ([H.SPEECH_STARTED], False, S.HEARING, False),
        ([H.RESPONSE_STARTED], True, S.THINKING, False),
        ([H.RESPONSE_STARTED], False, S.LISTENING, False),
        ([H.AUDIO], False, S.LISTENING, False),
        ([H.AUDIO], True, S.THINKING, False),
        ([H.AUDIO, H.HANG_UP_ASKED], True, S.CLOSING, False),
        ([H.AUDIO, H.HANG_UP_ASKED], False, S.CLOSING, True),
    ],
)
def test_what_follows_when_nothing_plays_any_more(
    before: list[Happening], awaited: bool, after: State, over: bool
) -> None:
    floor = floor_after(*before)
    assert floor.line_silent(response_awaited=awaited) is over
    assert floor.state is after


def test_a_caller_who_spoke_through_the_reply_has_the_floor_after_it() -> None:
    floor = floor_after(H.AUDIO)
    floor.caller_started()
    floor.line_silent(response_awaited=True)
    assert floor.state is S.HEARING


def test_an_answer_is_due_from_the_end_of_the_callers_turn_until_a_response_that_counts() -> None:
    floor = floor_after(H.SPEECH_STARTED)
    floor.caller_started()
    floor.caller_stopped()
    assert not floor.caller_speaking
    floor.response_started(suppressed=True)
    floor.line_silent(response_awaited=False)
    assert floor.state is S.THINKING
    floor.response_started(suppressed=False)
    floor.line_silent(response_awaited=False)
    assert floor.state is S.LISTENING


@pytest.mark.parametrize("state", S)
def test_who_may_speak_is_decided_for_every_state(state: S) -> None:
    floor = floor_after()
    floor.state = state
    assert {act for act in Act if floor.may(act)} == MAY[state]


def test_nobody_talks_into_a_caller_who_speaks_but_the_call_may_be_closed() -> None:
    for state in S:
        floor = floor_after()
        floor.state = state
        floor.caller_started()
        assert {act for act in Act if floor.may(act)} <= {Act.CLOSE}


def test_once_a_goodbye_is_due_nothing_is_asked_for_but_that() -> None:
    for state, goodbye in itertools.product(S, set(GoodbyeStage) - {GoodbyeStage.NONE}):
        floor = floor_after()
        floor.state, floor.goodbye_stage = state, goodbye
        assert {act for act in Act if floor.may(act)} <= {Act.ASK, Act.PROMPT}
        assert floor.ending


@pytest.mark.parametrize(
    ("barge_in", "notice_heard", "greeting_over", "may"),
    [
        ("on", True, False, True),
        ("on", False, True, False),
        ("after_greeting", True, False, False),
        ("after_greeting", True, True, True),
        ("after_greeting", False, True, False),
        ("off", True, True, False),
    ],
)
def test_a_caller_may_interrupt_once_what_must_be_heard_was(
    barge_in: Any, *, notice_heard: bool, greeting_over: bool, may: bool
) -> None:
    floor = a_floor(CallSettings(barge_in=barge_in, greeting="" if greeting_over else "Hello."), Step())
    floor.notice_heard = notice_heard
    assert floor.may_interrupt() is may


def test_the_turns_are_handed_over_once_notice_and_greeting_were_heard_and_the_caller_is_silent() -> None:
    floor = a_floor(CallSettings(greeting="Hello.", announcement_audio="////"), Step())
    assert not floor.may_hand_over_turns()
    floor.greeting_stage = GreetingStage.HEARD
    assert not floor.may_hand_over_turns()
    floor.notice_heard = True
    assert floor.may_hand_over_turns()
    floor.caller_started()
    assert not floor.may_hand_over_turns()


def test_a_filler_sounds_while_something_is_owed_to_a_caller_who_does_not_speak() -> None:
    floor = floor_after(H.SPEECH_STARTED)
    assert not floor.caller_waits()
    floor.caller_stopped()
    assert floor.caller_waits()
    floor.caller_started()
    assert not floor.caller_waits()


def test_what_the_table_of_states_does_not_know_is_a_fault_of_ours() -> None:
    for state, happening in itertools.product(S, H):
        floor = floor_after()
        floor.state = state
        if (state, happening) not in FOLLOWING:
            with pytest.raises(OurFaultError, match=f"{happening.name} cannot happen to State {state.name}"):
                floor.happen(happening)
