"""The model's faults: what is tried once more, what the caller is told, what ends a call, and how an operator is told.

An answer that fails, is over without a sound, or does not come in time, is asked for once more; after that the caller
hears an apology, and the conversation goes on. A model that leaves several callers' turns in a row without an answer is
not there.
"""

from __future__ import annotations

from collections import Counter

from bot.call.conversation.floor import Act, Floor
from bot.call.prompts.filler import Filler
from bot.call.prompts.greeting import Greeting
from bot.call.session.response_status import filtered, in_words, spoken_over
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.realtime.errors import IN_THE_WAY, NO_TRANSCRIBER, ends_the_call, label, severity
from bot.realtime.events import Problem, Response

IN_A_ROW = 3
"""Answers given up one after the other that end the call."""


@part
class Retries:
    """`errors`: what the model's side said was wrong, by `bot.realtime.errors.LABELS`."""

    _step: Step
    _session: CurrentSession
    _greeting: Greeting
    _floor: Floor
    _filler: Filler

    def __post_init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self._retried: int | None = None
        """The caller's turn, by number, of which an answer has been tried once more."""
        self._given_up = 0

    def error(self, problem: Problem, *, ready: bool) -> bool:
        """An `error` came, to a session that is ready or not yet. True if it ends the call."""
        session = self._session.now
        self.errors[label(problem)] += 1
        if problem.code == IN_THE_WAY:
            self._step.counts["model_error_harmless"] += 1
            session.responses.refused(problem.event_id, another_active=True)
            return False
        weight = severity(problem)
        over = ends_the_call(problem, ready=ready)
        if not over:
            session.turn_ownership.refused(problem.event_id)
            if session.responses.refused(problem.event_id):
                weight, over = "turn", self._failed_again()
        weight = "fatal" if over else weight
        self._step.counts[f"model_error_{weight}"] += 1
        self._step.warn(
            "model_error", severity=weight, code=problem.code, message=problem.message, event_id=problem.event_id
        )
        return over

    def not_written_down(self, problem: Problem) -> bool:
        """A turn's transcription failed. True if that says that no words were in it.

        Where there is no transcriber at all it says nothing of the caller.
        """
        code = label(problem)
        if not self._step.counts["transcriptions_failed"]:
            self._step.warn("transcription_failed", code=problem.code, message=problem.message)
        self._step.counts["transcriptions_failed"] += 1
        self.errors[code] += 1
        return problem.code not in NO_TRANSCRIBER

    def response_done(self, response: Response) -> bool:
        """A response is over, well or not. True if that ends the call."""
        if response.status == "failed":
            return self._failed(response)
        if response.status == "incomplete":
            self._step.warn("response_incomplete", details=in_words(response))
            if filtered(response):
                return self._unanswered(response)
        if self._session.now.responses.empty(response.id):
            return self._empty(response)
        if response.status == "completed":
            self._retried, self._given_up = None, 0
        return False

    def _empty(self, response: Response) -> bool:
        """Nothing came of it, neither a sound nor the call of a function. True if that ends the call.

        Another answer comes anyway when the caller's speech cancelled this one, or when one is wanted or being made.
        What we cancelled ourselves is not among these. A model that completes it may have had nothing to say, to a
        noise, say: that is no sign that it is not there.
        """
        if spoken_over(response) or self._session.now.responses.awaited or self._floor.ending:
            return False
        self._step.warn("response_failed", details=f"{in_words(response)}, without a sound")
        return self._unanswered(response, counts=response.status != "completed")

    def _failed(self, response: Response) -> bool:
        problem = response.status_details.error if response.status_details else None
        self._step.warn("response_failed", details=in_words(response))
        if problem is not None:
            self.errors[label(problem)] += 1
        if problem is not None and severity(problem) == "fatal":
            return True
        return self._unanswered(response)

    def _unanswered(self, response: Response, *, counts: bool = True) -> bool:
        responses = self._session.now.responses
        if responses.suppressed(response.id):
            return False
        responses.want(responses.parameters)
        self._greeting.response_failed(response.id)
        return self._failed_again(counts=counts)

    def overdue(self, response_id: str | None) -> bool:
        """No answer came in time, and the response being made was given up. True if that ends the call."""
        self._step.warn("response_overdue", response_id=response_id)
        if response_id is not None:
            self._greeting.response_failed(response_id)
        return self._failed_again()

    def _failed_again(self, *, counts: bool = True) -> bool:
        """The answer, which is wanted once more, has failed. True if it was the last time, and the call's end.

        `counts`: as one of the turns in a row that a model which is not there leaves without an answer.
        """
        turn = self._floor.let_in
        again = self._retried == turn
        self._retried = None if again else turn
        if not again:
            return False
        self._session.now.responses.forget()
        self._greeting.given_up()
        if not self._floor.may(Act.APOLOGISE):
            return False
        self._given_up += counts
        if self._given_up == IN_A_ROW or not self._filler.apologise():
            return True
        self._floor.apologised()
        return False
