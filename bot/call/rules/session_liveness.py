"""Session liveness: a session that owes a word and says nothing at all is lost, and replaced.

A session may hang while its socket lives on and answers pings. It shows in what the session owes: the begin of an
answer, more of one that it makes, the end of a response that we cancelled, the end of speech of which it told the
begin. When any of these is overdue and no event of any kind has come since it became due, the session is lost. Nothing
is asked of it: a question would have to be put to healthy sessions too.

A session that hangs while it owes nothing is found by the next thing that is asked of it, at the latest the question
after BOT_IDLE_SECONDS: that it tells of no speech could only be known by judging for ourselves what is speech and what
is noise, and on a noisy line that costs healthy sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar

from bot.audio import levels
from bot.audio.payload import BYTES_PER_MS
from bot.call.conversation.floor import Floor
from bot.call.machines import GoodbyeStage
from bot.call.outputs import EndReason
from bot.call.prompts.filler import Filler
from bot.call.rule import NEVER_US, Rule
from bot.call.rules.retries import Retries
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step, part
from bot.realtime.failures import FailureKind

ANSWER_US = 3_000_000
"""From the end of the caller's turn, or from a response.create, to any sign of a response. The server makes it known
at once (openai-realtime 3.3); how long it then takes to speak is for bot.call.rules.response_timeout."""
MADE_US, MADE_SHARE = 6_000_000, 0.75
"""From any event to the next, while a response is made that may be heard: so long, or this share of
BOT_RESPONSE_SECONDS where that is longer. The server makes audio faster than it plays, and begins half a second after
the response was made known; a model that reasons, two seconds (openai-realtime 5). A healthy one may take
more than twice that."""
CANCEL_US = 1_500_000
"""From a response.cancel to the end of that response, which comes at once as well (openai-realtime 3.3)."""
SPEECH_US = 1_000_000
"""From when the session was given all the silence that it waits for before it takes a turn to be over. After a stall
of the line that may be at once, and is no reason for it to have said so already."""
LATE_US = 250_000
"""A clock that comes later than this stood still, and so did what the session had to say."""
WINDOW_MS = 50
WINDOW_BYTES = WINDOW_MS * BYTES_PER_MS
QUIET, LOUD = 130, 400
"""The root mean square, of 32,768, below which 50 ms are silence, and from which they are speech: -48 and -38 dB. Lines
at rest have been seen at 100, and recorded speakers are not below 400 for more than 200 ms inside a sentence. The end
of speech is due only when it was heard in the caller's audio: a line that is never quiet tells nothing."""
LOOKED_BACK_US = 10_000_000

Lose = Callable[[FailureKind, int, str], EndReason | None]
"""Gives why the call is over, None when another session can take the place of the lost one."""


@part
class SessionLiveness(Rule):
    """Looks at what the session owes, which stands in `Session.owes`."""

    settings: InitVar[CallSettings]
    _step: Step
    _floor: Floor
    _session: CurrentSession
    _filler: Filler
    _retries: Retries
    _lose: Lose

    def __post_init__(self, settings: CallSettings) -> None:
        self._quiet_us = settings.session.turn_detection.longest_silence_ms * 1_000
        self._wanted = bool(settings.response_s)
        self._most_us = max(MADE_US, round(settings.response_s * MADE_SHARE * 1_000_000))

    def look(self) -> None:
        now_us, session = self._step.now_us, self._session.now
        responses, owes, talks = session.responses, session.owes, self._floor.caller_speaking
        ready = session.appended.ready and self._wanted
        owes.answer_us = _since(owes.answer_us, now_us, owed=ready and (responses.asked or self._own_answer_due))
        makes = responses.making and not session.remote_calls  # while it calls a tool it says nothing
        owes.made_us = _since(owes.made_us, now_us, owed=ready and makes and not talks)
        owes.end_us = _since(owes.end_us, now_us, owed=ready and responses.cancelling)
        if not talks:
            owes.over_us = None
        self.due_us = self._reckon()

    @property
    def _own_answer_due(self) -> bool:
        """A turn is over, and nothing has come of it: none is owed to a caller who has gone on to speak since.

        Nor to one who gets no other answer than a goodbye, unless the server answers by itself all the same.
        """
        floor, session = self._floor, self._session.now
        due = floor.answer_due and not floor.caller_speaking and session.responses.active is None
        return due and (session.turn_ownership.server_acts or floor.goodbye_stage is GoodbyeStage.NONE)

    @property
    def _owed(self) -> tuple[tuple[int | None, int], ...]:
        """Since when each is owed, and for how long it may be."""
        owes = self._session.now.owes
        return (owes.answer_us, ANSWER_US), (owes.made_us, self._most_us), (owes.end_us, CANCEL_US)

    def _reckon(self) -> int:
        """Moment at which there is something to look at, by what the session has said so far."""
        due_us, session, owes = NEVER_US, self._session.now, self._session.now.owes
        for since_us, most_us in self._owed:
            if since_us is not None:
                due_us = min(due_us, max(since_us, owes.said_us) + most_us)
        if session.appended.ready and self._wanted and session.speech_us is not None:
            heard_us = max(session.speech_us, session.ready_us, owes.said_us)
            due_us = min(due_us, max(heard_us + self._quiet_us, owes.listen_us))
        return max(due_us, owes.not_before_us)

    def due(self) -> EndReason | None:
        """The session owes a word and says nothing; an answer it owed is one that did not come in time."""
        if not self._hangs():
            self.due_us = self._reckon()
            self._step.follows = "what is due"
            return None
        responses = self._session.now.responses
        owed = (self._floor.answer_due or responses.busy) and not responses.cancelling
        why = self._lose("timeout", 0, "it says nothing, though something is due")
        return "model_unavailable" if why is None and owed and self._retries.overdue(None) else why

    def _hangs(self) -> bool:
        """Tell a session that is lost from one that has said something meanwhile, or was given no time to."""
        now_us, due_us = self._step.now_us, self._reckon()
        if now_us < due_us:
            return False
        if now_us - due_us > LATE_US:
            self._session.now.owes.not_before_us = now_us + LATE_US
            return False
        if not any(since_us is not None and now_us >= self._due(since_us, most_us) for since_us, most_us in self._owed):
            if not self._end_overdue():
                return False
            self._filler.expect(now_us, gap_us=0)
        self._step.counts["sessions_given_up"] += 1
        return True

    def _due(self, since_us: int, bound_us: int) -> int:
        return max(since_us, self._session.now.owes.said_us) + bound_us

    def _end_overdue(self) -> bool:
        """The session was given the end of the caller's speech long enough ago; if not, look again later."""
        now_us, silent_us, owes = self._step.now_us, self._silent_us(), self._session.now.owes
        if silent_us < self._quiet_us:
            owes.over_us = None
            owes.listen_us = now_us + self._quiet_us - silent_us
            return False
        if owes.over_us is None or owes.over_us < owes.said_us:
            owes.over_us = now_us
        owes.listen_us = owes.over_us + SPEECH_US
        return now_us >= owes.listen_us

    def _silent_us(self) -> int:
        """Silence at the end of the caller's audio, in time: 0 when they were not heard to speak at all."""
        if any(level >= QUIET for level in self._newest_first(WINDOW_MS)):  # mostly they go on
            return 0
        newest_first = self._newest_first((self._quiet_us + SPEECH_US + LOOKED_BACK_US) // 1_000)
        silent = next((at for at, level in enumerate(newest_first) if level >= QUIET), 0)
        spoke = any(level >= LOUD for level in newest_first[silent:])
        return silent * WINDOW_MS * 1_000 if spoke else 0

    def _newest_first(self, ms: int) -> list[int]:
        """Loudness of the caller's last so many milliseconds, in whole windows."""
        sound = self._session.now.appended.recent(ms // WINDOW_MS * WINDOW_BYTES)
        return levels.rms(sound[len(sound) % WINDOW_BYTES :], WINDOW_MS)[::-1]


def _since(since_us: int | None, now_us: int, *, owed: bool) -> int | None:
    if not owed:
        return None
    return now_us if since_us is None else since_us
