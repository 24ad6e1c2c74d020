"""Responses: the one gate for `response.create`, and which responses may still be heard.

Only one response may be active; a second `response.create` is refused until the first one's `response.done`
(openai-realtime pitfalls 6 and 7). Deltas of an interrupted response must never be heard (openai-realtime 4).
"""

from __future__ import annotations

from typing import Any

from bot.call.machines import REQUEST, RESPONSE, Move, RequestStage, ResponseStage
from bot.realtime.events import CancelResponse, CreateResponse

REMEMBERED = 64


class ResponseGate:
    """At most one active response; a request waits here until it may go out."""

    def __init__(
        self,
        wanted: dict[str, Any] | None = None,
        last: dict[str, Any] | None = None,
        *,
        closed: bool = False,
        requests: int = 0,
    ) -> None:
        self.active: str | None = None
        self.parameters: dict[str, Any] = {}
        """Parameters of the active, or else the last, response; empty for the server's own."""
        self._known: dict[str, ResponseStage] = {}
        self._wanted = wanted
        self._request = RequestStage.NONE
        self._asked_for: dict[str, Any] = {}
        """Parameters of the request that went out, and of which nothing has come so far."""
        self.closed = closed
        """Nothing more is wanted, but for the last response."""
        self.last = last
        """The only response that may still be asked for once this is closed."""
        self.requests = requests
        """Number of those that went out in this call."""
        self.cancelling = False
        """The active response was told to stop, and is not over yet."""

    @property
    def asked(self) -> bool:
        """A `response.create` went out, and nothing has come of it so far."""
        return self._request is RequestStage.ASKED or self._request is RequestStage.SUPPRESSED

    @property
    def busy(self) -> bool:
        """True if a response is active or has been asked for."""
        return self.active is not None or self._request is not RequestStage.NONE

    @property
    def making(self) -> bool:
        """True if a response is active that may be heard."""
        return self.active is not None and self.audible(self.active)

    @property
    def awaited(self) -> bool:
        """True if a response is active, asked for, or wanted."""
        return self.busy or self._wanted is not None

    def want(self, response: dict[str, Any]) -> None:
        """A response with these parameters should be made as soon as it can. Wanting twice is wanting once."""
        if not self.closed:
            self._wanted = response

    @property
    def wants_another(self) -> bool:
        """What waits here has parameters of its own, as the greeting has: to want an answer would take its place."""
        return bool(self._wanted)

    def wants(self, response: dict[str, Any]) -> bool:
        """Tell the request that waits here from others."""
        return self._wanted is response

    def close(self) -> None:
        """Nothing is wanted from here on, but for the last response."""
        self.closed = True
        self._wanted = None

    def want_last(self, response: dict[str, Any]) -> None:
        """The one response that may be made after the gate was closed."""
        self.last = self._wanted = response

    @property
    def last_asked_for(self) -> bool:
        """True if the last response has been asked for, and is yet to be made."""
        return self.asked and self._asked_for is self.last

    def forget(self) -> None:
        """Forget what was wanted: the caller is speaking and will be answered for that."""
        self._wanted = None

    def release(self) -> CreateResponse | None:
        """The `response.create` that may go out now, if any."""
        if self._wanted is None or self.busy:
            return None
        self._asked_for, self._wanted = self._wanted, None
        self.requests += 1
        self._request = REQUEST[self._request, Move.SENT]
        return CreateResponse(response=self._asked_for, event_id=self.event_id)

    @property
    def event_id(self) -> str:
        """The event id of the last request that went out."""
        return f"create_{self.requests}"

    def refused(self, event_id: str | None, *, another_active: bool = False) -> bool:
        """The server refused a `response.create`: whether it was the one asked for.

        It is wanted again unless it was suppressed. When another is in the way, the next try waits until that is over.
        """
        if not self.asked or event_id != self.event_id:
            return False
        if self._wanted is None and self._request is RequestStage.ASKED and self._may_ask(self._asked_for):
            self._wanted = self._asked_for
        self._request = REQUEST[self._request, Move.BLOCKED if another_active else Move.REFUSED]
        return True

    def created(self, response_id: str) -> None:
        unheard = self._request is RequestStage.SUPPRESSED
        self.parameters, self._asked_for = self._asked_for if self.asked else {}, {}
        self._request = REQUEST[self._request, Move.MADE]
        self.active, self.cancelling = response_id, False
        self._know(response_id, ResponseStage.SUPPRESSED if unheard else ResponseStage.EMPTY)

    def cancel(self, response_id: str, event_id: str) -> CancelResponse:
        """The `response.cancel` for a response that is being made."""
        self.cancelling = True
        return CancelResponse(response_id, event_id)

    def intruded(self, response_id: str) -> None:
        """A response was made that nobody may hear. The last one, if asked for, will be refused or come after it."""
        if not self._may_ask(self._asked_for):
            self._request = REQUEST[self._request, Move.DROPPED]
        self.active = response_id
        self._know(response_id, ResponseStage.SUPPRESSED)

    def _may_ask(self, response: dict[str, Any]) -> bool:
        return not self.closed or response is self.last

    def done(self, response_id: str) -> None:
        self._request = REQUEST[self._request, Move.RESPONSE_OVER]
        if self.active == response_id:
            self.active, self.cancelling = None, False

    def answered(self, response_id: str) -> None:
        """Something came of a response: sound, or the call of a function."""
        stage = self._known.get(response_id)
        if stage is not None:
            self._known[response_id] = RESPONSE[stage, Move.OUTPUT]

    def empty(self, response_id: str) -> bool:
        """True if nothing has come of a response that may be heard."""
        return self._known.get(response_id) is ResponseStage.EMPTY

    def suppress(self) -> str | None:
        """Nothing of any response so far, nor of one asked for, may be heard any more.

        The active one's id; None when there is none, or when it was suppressed before.
        """
        active = None if self.active is None or self.suppressed(self.active) else self.active
        for one, stage in self._known.items():
            self._known[one] = RESPONSE[stage, Move.SUPPRESSED]
        self._request = REQUEST[self._request, Move.SUPPRESSED]
        return active

    def give_up(self) -> str | None:
        """No answer came in time: what was wanted, asked for or being made is wanted anew, and what was is unheard.

        The id of the active response, which must be over before another can be made.
        """
        wanted = self._wanted
        if wanted is None and self._request is RequestStage.ASKED:
            wanted = self._asked_for
        elif wanted is None and self.active is not None and not self.suppressed(self.active):
            wanted = self.parameters
        self.suppress()
        self._request = REQUEST[self._request, Move.GIVEN_UP]
        self.want(wanted or {})
        return self.active

    @property
    def unfinished(self) -> bool:
        """A response is wanted, or made to be heard, and is not over."""
        active = self.active is not None and not self.suppressed(self.active)
        return active or self._request is RequestStage.ASKED or self._wanted is not None

    def suppressed(self, response_id: str) -> bool:
        return self._known.get(response_id) is ResponseStage.SUPPRESSED

    def audible(self, response_id: str) -> bool:
        """True if audio of this response may be sent: one that was announced and not suppressed."""
        stage = self._known.get(response_id)
        return stage is ResponseStage.EMPTY or stage is ResponseStage.ANSWERED

    def _know(self, response_id: str, stage: ResponseStage) -> None:
        self._known[response_id] = stage
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
