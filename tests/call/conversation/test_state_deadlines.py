"""Deadlines, in microseconds from the call's origin."""

from __future__ import annotations

import pytest

from bot.call.conversation.state_deadlines import CLAIM_US, CLOSING_US, GRACE_US, StateDeadlines
from bot.call.outputs import EndReason
from bot.call.rule import NEVER_US
from bot.call.settings import CallSettings
from bot.call.states import State
from bot.call.step import Step

S = 1_000_000
SETTINGS = CallSettings(response_s=8, idle_s=30, max_call_s=600)
OVER_US = 600 * S + GRACE_US


def running(settings: CallSettings = SETTINGS) -> StateDeadlines:
    """The stream has started and the session is ready, at 0."""
    limits = StateDeadlines(settings, Step())
    limits.session_ready()
    limits.stream_started(0)
    return limits


def test_a_session_that_is_never_ready_is_no_model() -> None:
    limits = StateDeadlines(SETTINGS, Step())
    limits.stream_started(0)
    assert limits.due_us == 8 * S
    assert limits.passed(8 * S - 1) is None
    assert limits.passed(8 * S) == "model_unavailable"


def test_a_session_that_no_stream_claims_is_let_go() -> None:
    limits = StateDeadlines(SETTINGS, Step())
    limits.session_ready()
    assert limits.due_us == CLAIM_US == 10 * S
    assert limits.passed(CLAIM_US - 1) is None
    assert limits.passed(CLAIM_US) == "line_lost"


@pytest.mark.parametrize("state", [State.THINKING, State.LISTENING, State.HEARING, State.SPEAKING, State.CLOSING])
def test_no_state_outlasts_the_call(state: State) -> None:
    limits = running()
    limits.entered(state, 0)
    assert limits.due_us == OVER_US
    assert limits.passed(OVER_US - 1) is None
    assert limits.passed(OVER_US) == "time_limit"


@pytest.mark.parametrize("reason", ["spend_limit", "time_limit", "idle"])
@pytest.mark.parametrize("state", [State.LISTENING, State.HEARING])
def test_a_call_that_is_to_be_closed_listens_no_longer_than_so(state: State, reason: EndReason) -> None:
    limits = running()
    limits.close(state, 5 * S, reason)
    assert limits.due_us == 5 * S + CLOSING_US
    assert limits.passed(5 * S + CLOSING_US - 1) is None
    assert limits.passed(5 * S + CLOSING_US) == reason


def test_a_state_counts_from_when_it_was_entered_and_not_beyond() -> None:
    limits = running()
    limits.close(State.SPEAKING, 0, "idle")
    limits.entered(State.LISTENING, 5 * S)
    assert limits.due_us == 5 * S + CLOSING_US
    limits.entered(State.SPEAKING, 6 * S)
    assert limits.passed(6 * S + CLOSING_US) is None


def test_the_longest_call_counts_from_the_streams_start() -> None:
    limits = StateDeadlines(SETTINGS, Step())
    limits.session_ready()
    limits.stream_started(4 * S)
    assert limits.due_us == OVER_US + 4 * S


def test_a_limit_of_zero_is_no_limit() -> None:
    limits = running(CallSettings(response_s=0, idle_s=0, max_call_s=0))
    for state in State:
        limits.entered(state, 0)
        limits.goodbye_missing(0)
        assert limits.due_us == NEVER_US
        assert limits.passed(10**15) is None
    assert StateDeadlines(CallSettings(response_s=0), Step()).passed(0) is None


def test_a_goodbye_that_never_comes_is_waited_for_once() -> None:
    limits = running()
    limits.entered(State.CLOSING, 0)
    limits.goodbye_missing(2 * S)
    limits.goodbye_missing(9 * S)
    assert limits.passed(10 * S) == "bot_hung_up"
    limits.entered(State.CLOSING, 9 * S)  # it came after all
    assert limits.passed(10 * S) is None
