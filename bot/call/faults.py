"""The model's faults: what is tried once more, what ends a call, and how an operator is told."""

from __future__ import annotations

from bot.call.greeting import Greeting
from bot.call.responses import Responses
from bot.call.step import Step
from bot.call.turns import Turns
from bot.realtime.errors import severity
from bot.realtime.events import Problem, Response


class Faults:
    """One more try for a response that failed; a model that fails twice in a row is not there."""

    def __init__(self, step: Step, responses: Responses, turns: Turns, greeting: Greeting) -> None:
        self._step = step
        self._responses = responses
        self._turns = turns
        self._greeting = greeting
        self._retried = False

    def error(self, problem: Problem, *, ready: bool) -> bool:
        """An `error` came, to a session that is ready or not yet: whether it ends the call."""
        weight = severity(problem)
        self._step.counts[f"model_error_{weight}"] += 1
        if problem.code == "conversation_already_has_active_response":
            self._responses.refused(problem.event_id, another_active=True)
            return False
        self._step.warn(
            "model_error", severity=weight, code=problem.code, message=problem.message, event_id=problem.event_id
        )
        if ends_the_call(problem, ready=ready):
            return True
        self._turns.refused(problem.event_id)
        return self._responses.refused(problem.event_id) and self._twice_in_a_row()

    def response_done(self, response: Response) -> bool:
        """A response is over, well or not: whether that ends the call."""
        if response.status == "completed":
            self._retried = False
        elif response.status == "incomplete":
            self._step.warn("response_incomplete", details=in_words(response))
        return response.status == "failed" and self._failed(response)

    def _failed(self, response: Response) -> bool:
        problem = response.status_details.error if response.status_details else None
        self._step.warn("response_failed", details=in_words(response))
        if problem is not None and severity(problem) == "fatal":
            return True
        if self._responses.suppressed(response.id):
            return False
        self._responses.want(self._responses.parameters)
        self._greeting.response_failed(response.id)
        return self._twice_in_a_row()

    def _twice_in_a_row(self) -> bool:
        before, self._retried = self._retried, True
        return before


def ends_the_call(problem: Problem, *, ready: bool) -> bool:
    """Before it is ready, a refused session.update ends a session; a refused handshake closes by itself."""
    if ready:
        return severity(problem) == "fatal"
    return problem.event_id is not None or problem.code == "insufficient_quota"


def in_words(response: Response) -> str:
    """The status details of a response that went wrong."""
    details = response.status_details
    if details is None:
        return response.status
    if details.error is not None:
        return f"{details.error.code or details.error.type}: {details.error.message}"
    return details.reason or response.status
