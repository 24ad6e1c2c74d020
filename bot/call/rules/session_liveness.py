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

from bot.audio import levels
from bot.audio.payload import BYTES_PER_MS
from bot.call.conversation.state_machine import StateMachine
from bot.call.outputs import EndReason
from bot.call.prompts.filler import Filler
from bot.call.rule import NEVER_US, Rule
from bot.call.rules.retries import Retries
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.uplink.frames_and_gaps import Uplink
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
"""When the clock comes later than this it stood still, and so did what the session had to say."""
WINDOW_MS = 50
WINDOW_BYTES = WINDOW_MS * BYTES_PER_MS
QUIET, LOUD = 130, 400
"""The root mean square, of 32,768, below which 50 ms are silence, and from which they are speech: -48 and -38 dB. Lines
at rest have been seen at 100, and recorded speakers are not below 400 for more than 200 ms inside a sentence. The end
of speech is due only when it was heard in the caller's audio: a line that is never quiet tells nothing."""
LOOKED_BACK_US = 10_000_000

Lose = Callable[[FailureKind, int, str], EndReason | None]
"""Gives why the call is over, None when another session can take the place of the lost one."""


class SessionLiveness(Rule):
    """Knows since when the session owes what, and when it last said anything."""

    def __init__(
        self,
        settings: CallSettings,
        step: Step,
        *,
        floor: StateMachine,
        listening: Uplink,
        session: CurrentSession,
        filler: Filler,
        retries: Retries,
        lose: Lose,
    ) -> None:
        self.said_us = 0
        """When the last event came."""
        self._quiet_us = settings.session.turn_detection.longest_silence_ms * 1_000
        self._wanted = bool(settings.response_s)
        self._most_us = max(MADE_US, round(settings.response_s * MADE_SHARE * 1_000_000))
        self._step = step
        self._floor = floor
        self._listening = listening
        self._session = session
        self._filler = filler
        self._retries = retries
        self._lose = lose
        self._answer_us: int | None = None
        """When the answer that is owed, with no sign of it so far, began to be owed. So with the others."""
        self._made_us: int | None = None
        self._end_us: int | None = None
        self._speech_us: int | None = None
        self._listen_us = 0
        """When the caller's audio is to be listened to again for the end of their speech."""
        self._over_us: int | None = None
        """When it was heard there; None while it was not."""
        self._not_before_us = 0

    def look(self) -> None:
        now_us, floor, responses = self._step.now_us, self._floor, self._session.now.responses
        ready = self._listening.ready and self._wanted
        self._answer_us = _since(self._answer_us, now_us, owed=ready and (responses.asked or self._own_answer_due))
        making = responses.making and not floor.caller_speaking
        self._made_us = _since(self._made_us, now_us, owed=ready and making)
        self._end_us = _since(self._end_us, now_us, owed=ready and responses.cancelling)
        self._speech_us = _since(self._speech_us, now_us, owed=ready and floor.caller_speaking)
        if self._speech_us is None:
            self._over_us = None
        self.due_us = self._reckon()

    @property
    def _own_answer_due(self) -> bool:
        """A turn is over, and nothing has come of it: none is owed to a caller who has gone on to speak since.

        Nor to one who gets no other answer than a goodbye, unless the server answers by itself all the same.
        """
        floor, session = self._floor, self._session.now
        due = floor.answer_due and not floor.caller_speaking and session.responses.active is None
        return due and (session.turns.server_acts or not session.responses.closed)

    @property
    def _owed(self) -> tuple[tuple[int | None, int], ...]:
        """Since when each is owed, and for how long it may be."""
        return (self._answer_us, ANSWER_US), (self._made_us, self._most_us), (self._end_us, CANCEL_US)

    def _reckon(self) -> int:
        """When there is something to look at, by what the session has said so far."""
        due_us = NEVER_US
        for since_us, most_us in self._owed:
            if since_us is not None:
                due_us = min(due_us, max(since_us, self.said_us) + most_us)
        if self._speech_us is not None:
            due_us = min(due_us, max(max(self._speech_us, self.said_us) + self._quiet_us, self._listen_us))
        return max(due_us, self._not_before_us)

    def due(self) -> EndReason | None:
        """The session owes a word and says nothing; an answer it owed is one that did not come in time."""
        if not self._hangs():
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
            self._not_before_us = now_us + LATE_US
            return False
        if not any(since_us is not None and now_us >= self._due(since_us, most_us) for since_us, most_us in self._owed):
            if not self._end_overdue():
                return False
            self._filler.expect(now_us, gap_us=0)
        self._step.counts["sessions_given_up"] += 1
        return True

    def _due(self, since_us: int, bound_us: int) -> int:
        return max(since_us, self.said_us) + bound_us

    def _end_overdue(self) -> bool:
        """Whether the session was given the end of the caller's speech long enough ago; if not, when to look again."""
        now_us, silent_us = self._step.now_us, self._silent_us()
        if silent_us < self._quiet_us:
            self._over_us = None
            self._listen_us = now_us + self._quiet_us - silent_us
            return False
        if self._over_us is None or self._over_us < self.said_us:
            self._over_us = now_us
        self._listen_us = self._over_us + SPEECH_US
        return now_us >= self._listen_us

    def _silent_us(self) -> int:
        """How long the caller has been silent at the end of their audio: 0 when they were not heard to speak at all."""
        if any(level >= QUIET for level in self._newest_first(WINDOW_MS)):  # mostly they go on
            return 0
        newest_first = self._newest_first((self._quiet_us + SPEECH_US + LOOKED_BACK_US) // 1_000)
        silent = next((at for at, level in enumerate(newest_first) if level >= QUIET), 0)
        spoke = any(level >= LOUD for level in newest_first[silent:])
        return silent * WINDOW_MS * 1_000 if spoke else 0

    def _newest_first(self, ms: int) -> list[int]:
        """How loud the caller's last so many milliseconds were, in whole windows."""
        sound = self._listening.audio.recent(ms // WINDOW_MS * WINDOW_BYTES)
        return levels.rms(sound[len(sound) % WINDOW_BYTES :], WINDOW_MS)[::-1]


def _since(since_us: int | None, now_us: int, *, owed: bool) -> int | None:
    if not owed:
        return None
    return now_us if since_us is None else since_us
