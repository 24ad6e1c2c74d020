"""The model's faults: what is tried once more, what the caller is told, what ends a call, and how an operator is told.

An answer that fails, or does not come in time, is asked for once more; after that the caller hears an apology, and the
conversation goes on. A model that leaves several callers' turns in a row without an answer is not there.
"""

from __future__ import annotations

from collections import Counter

from bot.call.filler import Filler
from bot.call.floor import Floor
from bot.call.greeting import Greeting
from bot.call.responses import Responses
from bot.call.states import State
from bot.call.step import Step
from bot.call.turns import Turns
from bot.realtime.errors import label, severity
from bot.realtime.events import Problem, Response

IN_A_ROW = 3
"""So many answers that were given up end the call."""


class Faults:
    """`errors`: what the model's side said was wrong, by `bot.realtime.errors.LABELS`."""

    def __init__(
        self, step: Step, responses: Responses, turns: Turns, greeting: Greeting, *, floor: Floor, filler: Filler
    ) -> None:
        self.errors: Counter[str] = Counter()
        self._step = step
        self._responses = responses
        self._turns = turns
        self._greeting = greeting
        self._floor = floor
        self._filler = filler
        self._retried = False
        self._given_up = 0

    def error(self, problem: Problem, *, ready: bool) -> bool:
        """An `error` came, to a session that is ready or not yet: whether it ends the call."""
        weight = severity(problem)
        self._step.counts[f"model_error_{weight}"] += 1
        self.errors[label(problem)] += 1
        if problem.code == "conversation_already_has_active_response":
            self._responses.refused(problem.event_id, another_active=True)
            return False
        self._step.warn(
            "model_error", severity=weight, code=problem.code, message=problem.message, event_id=problem.event_id
        )
        if ends_the_call(problem, ready=ready):
            return True
        self._turns.refused(problem.event_id)
        return self._responses.refused(problem.event_id) and self._failed_again()

    def caller_spoke(self) -> None:
        """The caller spoke and was let in: the answer to that is another one."""
        self._retried = False

    def response_done(self, response: Response) -> bool:
        """A response is over, well or not: whether that ends the call."""
        if response.status == "completed":
            self._retried, self._given_up = False, 0
        elif response.status == "incomplete":
            self._step.warn("response_incomplete", details=in_words(response))
        if response.status == "failed":
            return self._failed(response)
        return filtered(response) and self._unanswered(response)

    def _failed(self, response: Response) -> bool:
        problem = response.status_details.error if response.status_details else None
        self._step.warn("response_failed", details=in_words(response))
        if problem is not None:
            self.errors[label(problem)] += 1
        if problem is not None and severity(problem) == "fatal":
            return True
        return self._unanswered(response)

    def _unanswered(self, response: Response) -> bool:
        if self._responses.suppressed(response.id):
            return False
        self._responses.want(self._responses.parameters)
        self._greeting.response_failed(response.id)
        return self._failed_again()

    def overdue(self, response_id: str | None) -> bool:
        """No answer came in time, and the response being made was given up: whether that ends the call."""
        self._step.warn("response_overdue", response_id=response_id)
        if response_id is not None:
            self._greeting.response_failed(response_id)
        return self._failed_again()

    def _failed_again(self) -> bool:
        """Whether the answer, which is wanted once more, has failed for the last time, and the call with it."""
        again, self._retried = self._retried, not self._retried
        if not again:
            return False
        self._responses.forget()
        if self._floor.caller_speaking or self._floor.state is State.CLOSING:
            return False
        self._given_up += 1
        if self._given_up == IN_A_ROW or not self._filler.apologise():
            return True
        self._floor.apologised()
        return False


def filtered(response: Response) -> bool:
    """Whether a content filter took the answer, or the rest of it, away. One that is only too long was an answer."""
    details = response.status_details
    return response.status == "incomplete" and details is not None and details.reason == "content_filter"


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
