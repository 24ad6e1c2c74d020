"""Who has the floor when the line falls silent, and for how long."""

from __future__ import annotations

import pytest

from bot.call.conversation.state_deadlines import StateDeadlines
from bot.call.conversation.state_machine import StateMachine
from bot.call.settings import CallSettings
from bot.call.states import Happening, State
from bot.call.step import Step
from tests.call.scripted_call import no_session

H, S = Happening, State


def floor_after(*happenings: Happening) -> StateMachine:
    """At 5 s, with 8 s for an answer."""
    step = Step()
    limits = StateDeadlines(CallSettings(max_call_s=0), step)
    limits.session_ready()
    limits.stream_started(0)
    step.begin(5_000_000)
    floor = StateMachine(step, limits, no_session())
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
