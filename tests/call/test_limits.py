"""Deadlines, in microseconds from the call's origin."""

from __future__ import annotations

import pytest

from bot.call.limits import CLAIM_US, Limits
from bot.call.settings import CallSettings
from bot.call.states import State

S = 1_000_000
SETTINGS = CallSettings(response_s=8, idle_s=30, max_call_s=600)


def running(settings: CallSettings = SETTINGS) -> Limits:
    """The stream has started and the session is ready, at 0."""
    limits = Limits(settings)
    limits.session_ready()
    limits.stream_started(0)
    return limits


def test_a_session_that_is_never_ready_is_no_model() -> None:
    limits = Limits(SETTINGS)
    limits.stream_started(0)
    assert limits.deadline_us() == 8 * S
    assert limits.passed(8 * S - 1) is None
    assert limits.passed(8 * S) == "model_unavailable"


def test_a_session_that_no_stream_claims_is_let_go() -> None:
    limits = Limits(SETTINGS)
    limits.session_ready()
    assert limits.deadline_us() == CLAIM_US == 10 * S
    assert limits.passed(CLAIM_US - 1) is None
    assert limits.passed(CLAIM_US) == "line_lost"


@pytest.mark.parametrize(
    ("state", "after_s", "reason"),
    [
        (State.THINKING, 8, "model_unavailable"),
        (State.LISTENING, 30, "idle"),
        (State.HEARING, 600, "time_limit"),
        (State.SPEAKING, 600, "time_limit"),
        (State.CLOSING, 600, "time_limit"),
    ],
)
def test_each_state_has_its_limit(state: State, after_s: int, reason: str) -> None:
    limits = running()
    limits.entered(state, 0)
    assert limits.deadline_us() == after_s * S
    assert limits.passed(after_s * S - 1) is None
    assert limits.passed(after_s * S) == reason


def test_a_state_counts_from_when_it_was_entered_and_not_beyond() -> None:
    limits = running()
    limits.entered(State.THINKING, 5 * S)
    assert limits.deadline_us() == 13 * S
    limits.entered(State.SPEAKING, 6 * S)
    assert limits.passed(14 * S) is None


def test_the_longest_call_counts_from_the_streams_start() -> None:
    limits = Limits(SETTINGS)
    limits.session_ready()
    limits.stream_started(4 * S)
    assert limits.deadline_us() == 604 * S


def test_a_limit_of_zero_is_no_limit() -> None:
    limits = running(CallSettings(response_s=0, idle_s=0, max_call_s=0))
    for state in State:
        limits.entered(state, 0)
        limits.goodbye_missing(0)
        assert limits.deadline_us() is None
        assert limits.passed(10**15) is None
    assert Limits(CallSettings(response_s=0)).passed(0) is None


def test_a_goodbye_that_never_comes_is_waited_for_once() -> None:
    limits = running()
    limits.entered(State.CLOSING, 0)
    limits.goodbye_missing(2 * S)
    limits.goodbye_missing(9 * S)
    assert limits.passed(10 * S) == "bot_hung_up"
    limits.entered(State.CLOSING, 9 * S)  # it came after all
    assert limits.passed(10 * S) is None
