"""Faults of the model that end a call, and those that don't."""

from __future__ import annotations

import pytest

from bot.call.machines import GoodbyeStage
from bot.call.outputs import Report
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.filler import Filler
from bot.call.prompts.greeting import Greeting
from bot.call.rules.retries import Retries
from bot.call.session.response_status import in_words
from bot.call.settings import CallSettings
from bot.call.states import Happening
from bot.call.step import Step
from bot.call.transcript.transcript import Transcript
from bot.realtime.errors import CODES, EXPIRED, HARMLESS, ends_the_call
from bot.realtime.events import CreateResponse, Error, Problem, Response, SessionCreated, StatusDetails
from tests.call.conversation.floors import a_floor
from tests.call.scripted_call import SESSION, ScriptedCall, no_session, start


def problem(code: str | None, event_id: str | None = None, kind: str = "invalid_request_error") -> Problem:
    return Problem(kind, code, "words", None, event_id)


@pytest.mark.parametrize(
    ("one", "before_ready", "when_ready"),
    [
        (problem("unknown_parameter", "session_1"), True, False),
        (Problem("invalid_request_error", "unknown_parameter", "words", "session.reasoning"), True, False),
        (Problem("invalid_request_error", "invalid_value", "words", "sessions"), False, False),
        (problem("insufficient_quota"), True, True),
        (problem("invalid_api_key"), False, True),
        (problem("invalid_model"), False, True),
        (problem(None, None, "server_error"), False, False),
    ],
)
def test_which_errors_end_a_call(one: Problem, before_ready: bool, when_ready: bool) -> None:
    assert ends_the_call(one, ready=False) is before_ready
    assert ends_the_call(one, ready=True) is when_ready


KINDS = ("invalid_request_error", "server_error", "", None)


@pytest.mark.parametrize("event_id", [None, "session_1"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [*sorted(CODES), "made_up", None])
@pytest.mark.parametrize("ready", [True, False])
def test_what_ends_a_call_is_called_fatal_and_nothing_else_harmless_is(
    code: str | None, kind: str | None, event_id: str | None, ready: bool
) -> None:
    desk = ScriptedCall(ready=ready)
    if not ready:
        desk.give(start(), SessionCreated(SESSION))
    out = desk.give(Error(Problem(kind, code, "words", None, event_id)))
    told = [one.details["severity"] for one in desk.reports if one.event == "model_error"]
    if "end model_unavailable" in out:
        assert told in (["fatal"], [])
        assert told or code == EXPIRED
    else:
        assert told != ["fatal"] or not ready  # a handshake that is refused closes by itself


def test_the_refusal_of_what_was_asked_for_costs_a_turn_and_the_last_one_the_call() -> None:
    desk = ScriptedCall(CallSettings(greeting="Hello."), ready=False)
    desk.give(*desk.opening())
    told: list[str] = []
    while desk.call.ended is None:
        asked = [one.event_id for one in desk.outputs if type(one) is CreateResponse][-1]
        desk.give(Error(problem("invalid_value", asked)))
        told = [one.details["severity"] for one in desk.reports if one.event == "model_error"]
        assert len(told) < 9
    assert told == ["turn"] * (len(told) - 1) + ["fatal"]
    assert desk.call.counts["model_error_fatal"] == 1


@pytest.mark.parametrize("code", sorted(HARMLESS))
def test_what_is_harmless_ends_no_call(code: str) -> None:
    assert ScriptedCall().give(Error(problem(code))) == []


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
    """A bot that has been answering: each response is asked for, made, and over."""

    def __init__(self, apology: str = "////") -> None:
        self.step = Step()
        chosen = CallSettings(apology_audio=apology)
        playout, session = PlayoutQueue(), no_session(chosen, self.step)
        self.responses = session.now.responses
        self.floor = a_floor(chosen, self.step, session)
        for happening in (Happening.BEGUN, Happening.RESPONSE_STARTED):
            self.floor.happen(happening)
        self.faults = Retries(
            self.step,
            session,
            Greeting(chosen, session, playout, Transcript()),
            self.floor,
            Filler(chosen, self.step, playout),
        )
        self._number = 0

    def close(self) -> None:
        """A bound is reached: only a goodbye may follow."""
        self.responses.close()
        self.floor.goodbye_stage = GoodbyeStage.DUE

    def response(self, status: str, details: StatusDetails | None = None) -> str:
        """A response from beginning to end, and what follows: nothing, `again`, `sorry` or `end`.

        `completed, silent`: without a sound.
        """
        self._number += 1
        response_id = f"R{self._number}"
        status, _, silent = status.partition(", ")
        self.responses.created(response_id)
        if not silent:
            self.responses.answered(response_id)
        return self.over(Response(response_id, status, details))

    def over(self, response: Response) -> str:
        """End the response. Gives what follows: end, sorry, again, or nothing."""
        self.responses.done(response.id)
        sorry = self.step.counts["apology_played"]
        if self.faults.response_done(response):
            return "end"
        if self.step.counts["apology_played"] > sorry:
            return "sorry"
        return "again" if self.responses.release() else ""


FILTERED = StatusDetails("incomplete", "content_filter")


@pytest.mark.parametrize(
    ("statuses", "follows"),
    [
        (["failed", "completed", "failed", "completed"], ["again", "", "again", ""]),
        (["failed", "failed", "failed", "completed"], ["again", "sorry", "again", ""]),
        (["failed"] * 6, ["again", "sorry", "again", "sorry", "again", "end"]),
        (["failed"] * 4 + ["completed"] + ["failed"] * 4, [*["again", "sorry"] * 2, "", *["again", "sorry"] * 2]),
        (["failed", "cancelled", "incomplete", "invented", "failed"], ["again", "", "", "", "sorry"]),
        *(
            ([f"{status}, silent"] * 2 + ["completed"], ["again", "sorry", ""])
            for status in ("completed", "incomplete", "cancelled", "invented", "")
        ),
        (["failed", "completed, silent", "incomplete, silent", "failed"], ["again", "sorry", "again", "sorry"]),
        (["incomplete, silent"] * 6, ["again", "sorry", "again", "sorry", "again", "end"]),
        (["completed, silent"] * 8, ["again", "sorry"] * 4),
        (["completed, silent", "completed"] * 3, ["again", ""] * 3),
    ],
)
def test_a_failed_answer_is_asked_for_once_more_then_apologised_for_and_the_third_ends(
    statuses: list[str], follows: list[str]
) -> None:
    bench = Bench()
    assert [bench.response(status) for status in statuses] == follows


def test_what_a_content_filter_took_away_has_failed_and_what_was_too_long_has_not() -> None:
    bench = Bench()
    too_long = StatusDetails("incomplete", "max_output_tokens")
    assert [bench.response("incomplete", one) for one in (too_long, FILTERED, FILTERED)] == ["", "again", "sorry"]


@pytest.mark.parametrize(
    ("what", "follows"),
    [
        ("nothing came of it", "again"),
        ("it was heard", ""),
        ("it called a function", ""),
        ("we cancelled it", ""),
        ("the caller's speech cancelled it", ""),
        ("the server cancelled it", "again"),
        ("a newer one is being made", ""),
        ("another is asked for", ""),
        ("nobody ever heard that it began", ""),
        ("the model has asked to hang up", ""),
        ("only a goodbye may follow", ""),
    ],
)
def test_a_response_without_a_sound_is_asked_for_again_unless_the_caller_waits_for_none_or_for_another(
    what: str, follows: str
) -> None:
    bench = Bench()
    responses = bench.responses
    if what != "nobody ever heard that it began":
        responses.created("R1")
    response = Response("R1", "completed")
    match what:
        case "it was heard":
            responses.answered("R1")
        case "it called a function":
            responses.answered("R1")  # bot.call.tool_calls.function_calls
        case "we cancelled it":
            responses.suppress()
            response = Response("R1", "cancelled", StatusDetails("cancelled", "client_cancelled"))
        case "the caller's speech cancelled it":
            response = Response("R1", "cancelled", StatusDetails("cancelled", "turn_detected"))
        case "the server cancelled it":
            response = Response("R1", "cancelled", StatusDetails("cancelled"))
        case "a newer one is being made":
            responses.created("R2")
        case "another is asked for":
            responses.done("R1")
            responses.want({})
            assert responses.release() is not None
        case "the model has asked to hang up":
            bench.floor.happen(Happening.HANG_UP_ASKED)
        case "only a goodbye may follow":
            bench.close()
    assert bench.over(response) == follows
    told = [one.event for one in bench.step.out if type(one) is Report]
    assert ("response_failed" in told) is bool(follows)


def test_it_is_told_in_the_words_of_its_status() -> None:
    bench = Bench()
    bench.response("incomplete, silent", StatusDetails("incomplete", "max_output_tokens"))
    bench.response("completed, silent")
    told = [one for one in bench.step.out if type(one) is Report and one.event == "response_failed"]
    assert [one.details["details"] for one in told] == [
        "max_output_tokens, without a sound",
        "completed, without a sound",
    ]


def test_who_has_spoken_since_gets_a_second_try_for_that_too() -> None:
    bench = Bench()
    assert bench.response("failed") == "again"
    bench.floor.let_in += 1
    assert bench.response("failed") == "again"


@pytest.mark.parametrize("where", ["they speak", "the call is closing", "only a goodbye may follow"])
def test_nobody_apologises_to_a_caller_who_speaks_or_has_been_said_goodbye(where: str) -> None:
    bench = Bench()
    if where == "they speak":
        bench.floor.caller_started()
    if where == "the call is closing":
        bench.floor.happen(Happening.HANG_UP_ASKED)
    if where == "only a goodbye may follow":
        bench.close()
    asked = "" if where == "only a goodbye may follow" else "again"
    assert [bench.response("failed"), bench.response("failed")] == [asked, ""]


def test_without_a_recording_the_call_ends_so_that_the_caller_hears_the_shells_sentence() -> None:
    bench = Bench(apology="")
    assert [bench.response("failed"), bench.response("failed")] == ["again", "end"]


def test_a_fatal_failure_ends_the_call_at_once() -> None:
    problem_ = StatusDetails("failed", error=problem("insufficient_quota"))
    assert Bench().response("failed", problem_) == "end"


def test_a_refused_request_and_a_failed_response_are_two_failures() -> None:
    bench = Bench()
    bench.responses.want({})
    request = bench.responses.release()
    assert request is not None
    assert not bench.faults.error(problem("rate_limited", request.event_id), ready=True)
    again = bench.responses.release()
    assert again is not None
    assert bench.response("failed") == "sorry"


def test_every_error_is_counted_by_its_weight() -> None:
    bench = Bench()
    for code in ("response_cancel_not_active", "invalid_api_key", "conversation_already_has_active_response"):
        bench.faults.error(problem(code), ready=True)
    assert bench.step.counts == {"model_error_harmless": 2, "model_error_fatal": 1}
