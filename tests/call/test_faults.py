"""Which of the model's faults end a call."""

from __future__ import annotations

import pytest

from bot.call.faults import Faults, ends_the_call, in_words
from bot.call.greeting import Greeting
from bot.call.responses import Responses
from bot.call.settings import CallSettings
from bot.call.speaking import Speaking
from bot.call.step import Step
from bot.call.transcript import Transcript
from bot.call.turns import Turns
from bot.realtime.events import Problem, Response, StatusDetails


def problem(code: str | None, event_id: str | None = None, kind: str = "invalid_request_error") -> Problem:
    return Problem(kind, code, "words", None, event_id)


@pytest.mark.parametrize(
    ("one", "before_ready", "when_ready"),
    [
        (problem("unknown_parameter", "session_1"), True, False),
        (problem("insufficient_quota"), True, True),
        (problem("invalid_api_key"), False, True),
        (problem("session_expired"), False, True),
        (problem(None, None, "server_error"), False, False),
    ],
)
def test_which_errors_end_a_call(one: Problem, before_ready: bool, when_ready: bool) -> None:
    assert ends_the_call(one, ready=False) is before_ready
    assert ends_the_call(one, ready=True) is when_ready


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response("R1", "failed"), "failed"),
        (Response("R1", "failed", StatusDetails("failed", None, problem("a_code"))), "a_code: words"),
        (Response("R1", "failed", StatusDetails("failed", None, problem(None))), "invalid_request_error: words"),
        (Response("R1", "incomplete", StatusDetails("incomplete", "content_filter")), "content_filter"),
        (Response("R1", "incomplete", StatusDetails()), "incomplete"),
    ],
)
def test_a_response_that_went_wrong_is_told_in_words(response: Response, words: str) -> None:
    assert in_words(response) == words


class Bench:
    def __init__(self) -> None:
        self.step, self.responses = Step(), Responses()
        chosen = CallSettings()
        greeting = Greeting(chosen, self.responses, Speaking(), Transcript())
        self.faults = Faults(self.step, self.responses, Turns(chosen), greeting)

    def response(self, number: int, status: str) -> bool:
        """A response from beginning to end: whether it ends the call."""
        self.responses.created(f"R{number}")
        self.responses.done(f"R{number}")
        return self.faults.response_done(Response(f"R{number}", status))


def test_two_failures_in_a_row_end_a_call_and_one_that_came_well_between_them_forgives() -> None:
    bench = Bench()
    ends = [bench.response(number, status) for number, status in enumerate(["failed", "completed", "failed"])]
    assert ends == [False, False, False]
    assert bench.responses.release() is not None
    assert bench.response(9, "failed")


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "invented"])
def test_other_ends_of_a_response_neither_end_a_call_nor_forgive(status: str) -> None:
    bench = Bench()
    assert [bench.response(number, one) for number, one in enumerate(["failed", status, "failed"])] == [
        False,
        False,
        True,
    ]


def test_a_refused_request_and_a_failed_response_are_two_failures() -> None:
    bench = Bench()
    bench.responses.want({})
    request = bench.responses.release()
    assert request is not None
    assert not bench.faults.error(problem("rate_limited", request.event_id), ready=True)
    again = bench.responses.release()
    assert again is not None
    assert bench.response(1, "failed")


def test_every_error_is_counted_by_its_weight() -> None:
    bench = Bench()
    for code in ("response_cancel_not_active", "session_expired", "conversation_already_has_active_response"):
        bench.faults.error(problem(code), ready=True)
    assert bench.step.counts == {"model_error_harmless": 2, "model_error_fatal": 1}
