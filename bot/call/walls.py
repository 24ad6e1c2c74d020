"""The walls of a call besides money: how long it lasts, silence, and turns that lead nowhere."""

from __future__ import annotations

from bot.call.bound import Bound
from bot.call.duration import Duration
from bot.call.idle import Idle
from bot.call.progress import Progress
from bot.call.responses import Responses
from bot.call.settings import CallSettings
from bot.call.step import Step


class Walls:
    """Told what the caller does; `bounds` are minded by bot.call.farewell."""

    def __init__(self, settings: CallSettings, step: Step, responses: Responses) -> None:
        self._duration = Duration(settings, step)
        self._idle = Idle(settings, step, responses)
        self._progress = Progress(settings, step)
        self.bounds: tuple[Bound, ...] = (self._duration, self._idle, self._progress)

    def stream_started(self) -> None:
        self._duration.stream_started()
        self._progress.stream_started()

    def speech_started(self) -> None:
        self._progress.speech_started()

    def speech_stopped(self) -> None:
        self._progress.speech_stopped()

    def caller_turn(self, item_id: str) -> None:
        """The caller's turn was committed."""
        self._idle.caller_turn(item_id)

    def caller_words(self, item_id: str, text: str) -> None:
        """What he said, as it was understood; empty: no words."""
        self._idle.caller_words(item_id, text)
        self._progress.caller_words(text)

    def session_lost(self) -> None:
        """Another session hears him from here on."""
        self._idle.session_lost()
        self._progress.session_lost()

    def mind(self, *, closing: bool) -> None:
        """Say what is to be said to a silent caller, unless the call is being closed."""
        if not closing:
            self._idle.mind()

    def look(self, *, silent: bool) -> None:
        """A step is over; `silent`: nobody speaks, nothing is awaited, and the session is there."""
        self._idle.look(silent=silent)

    def tick(self) -> None:
        """Time has passed."""
        self._idle.tick()

    def deadline_us(self) -> int | None:
        """When one of them has something to do."""
        parts = (self._duration, self._idle, self._progress)
        return min((at for part in parts if (at := part.deadline_us()) is not None), default=None)
