"""Whether the session still hears the caller: one that says nothing to what he says is asked, and lost if it is mute.

A session may hang and its socket live on: it answers pings, and tells of no speech, or of none's end. That there should
have been word of it is seen in the caller's audio. How loud he is serves for this alone: who has the floor is for the
session to say, and a line that is noisy, or a caller who is quiet, costs a question or some seconds.

What is asked changes nothing: a `session.update` of a setting to what it is, which `session.updated` answers
(openai-realtime.md, section 2). Should there be a server that does not answer it, a call loses one session by that and
no more: who has never answered is not asked again.
"""

from __future__ import annotations

from bot.audio import levels, mulaw
from bot.audio.payload import BYTES_PER_MS
from bot.call.filler import Filler
from bot.call.floor import Floor
from bot.call.listening import Listening
from bot.call.states import State
from bot.call.step import Step
from bot.call.turns import Turns

OWED_US = 1_000_000
"""After this long a session tells of speech that has begun, or that has ended."""
HEARING_US = 10_000_000
"""On a line that is never quiet, it is asked when it has said nothing for so long while the caller speaks."""
FILL_US = 800_000
"""A caller who waits for a session that does not answer a question within this hears something, unless he speaks."""
PAUSE_US = 400_000
"""Of no voice: longer than the rests inside a sentence."""
ANSWER_US = 2_000_000
"""And this is when it is lost. An answer takes about 260 ms (section 3.1)."""
REST_US = 5_000_000
"""A session that has answered is not asked again for so long."""
LATE_US = 250_000
"""When the clock comes later than this it stood still, and so did what the session had to say."""
WINDOW_MS = 50
WINDOW_US = WINDOW_MS * 1_000
LOUD = 400
"""The root mean square, of 32,768, from which 50 ms count as voice: about -38 dB. Recorded speakers are seldom below it
for more than 200 ms inside a sentence, and a line at rest is by 10 dB."""
CLICK_WINDOWS = 3
"""What is loud in fewer than these in a row is no speech."""
_FAINT = LOUD // 6
"""Of one second: then none of its twenty windows reaches LOUD."""
_ATTENDED = frozenset({State.LISTENING, State.HEARING})


class Attention:
    """Looks at the last second of the caller's audio once in a second, and not at all while the bot has the floor.

    `response_s` 0: the model may take all the time it wants.
    """

    def __init__(
        self, response_s: float, step: Step, floor: Floor, *, listening: Listening, turns: Turns, filler: Filler
    ) -> None:
        self._wanted = bool(response_s) and turns.can_be_asked
        self._step = step
        self._floor = floor
        self._listening = listening
        self._turns = turns
        self._filler = filler
        self._attended: State | None = None
        """What the state was after the last step, if the caller has the floor in it."""
        self._since_us = 0
        """When that began, or the session last said something."""
        self._look_us: int | None = None
        self._asked_us: int | None = None
        self._fill_us = 0
        self.doubtful = False
        """Whether the caller is silent and waits for a session that owes an answer to a question."""

    def said(self) -> None:
        """The session has said something."""
        self._since_us = self._step.now_us
        if self._asked_us is not None:
            self._look_us = self._step.now_us + REST_US
            self._forget_question()

    def look(self, *, started: bool, ready: bool) -> None:
        """A step is over; `started`: the caller is there, `ready`: so is the session."""
        state = self._floor.state
        attended = state if self._wanted and started and ready and state in _ATTENDED else None
        if attended is self._attended:
            return
        self._attended = attended
        self._since_us = self._step.now_us
        self._forget_question()
        self._look_us = None if attended is None else self._step.now_us + OWED_US

    def _forget_question(self) -> None:
        self._asked_us, self.doubtful = None, False

    def deadline_us(self) -> int | None:
        """When `tick` will have something to do."""
        if self._asked_us is None:
            return self._look_us
        lost_us = self._asked_us + ANSWER_US
        return lost_us if self.doubtful else min(self._fill_us, lost_us)

    def tick(self) -> bool:
        """Time has passed: whether the session is lost."""
        now_us, due_us = self._step.now_us, self.deadline_us()
        if due_us is None or now_us < due_us:
            return False
        if self._asked_us is None:
            self._attend(now_us)
        elif now_us - due_us > LATE_US:
            self._asked_us += now_us - due_us + LATE_US
            self._fill_us += now_us - due_us + LATE_US
        elif now_us >= self._asked_us + ANSWER_US:
            self._step.counts["sessions_given_up"] += 1
            self._wanted = self._turns.question_answered
            return True
        else:
            self._fill(now_us)
        return False

    def _fill(self, now_us: int) -> None:
        """Nobody talks into a caller who speaks."""
        if any(self._loud(PAUSE_US)):
            self._fill_us = now_us + WINDOW_US
        else:
            self.doubtful = True
            self._filler.expect(now_us, gap_us=0)

    def _attend(self, now_us: int) -> None:
        owed_us = self._told_until() if self._attended is State.HEARING else self._unheard_until()
        if owed_us > now_us:
            self._look_us = owed_us
            return
        self._look_us, self._asked_us, self._fill_us = None, now_us, now_us + FILL_US
        self._step.counts["sessions_asked"] += 1
        self._step.send(self._turns.question(self._step.event_id("question")))

    def _told_until(self) -> int:
        """By when the session owes the end of the speech: a second after the last loud window."""
        loud = self._loud(OWED_US)
        quiet_us = len(loud) * WINDOW_US if True not in loud else loud[::-1].index(True) * WINDOW_US
        return min(self._step.now_us - quiet_us + OWED_US, self._since_us + HEARING_US)

    def _unheard_until(self) -> int:
        """By when the session owes the begin of speech: a second after the first loud windows that are no click."""
        now_us = self._step.now_us
        loud = self._loud(min(now_us - self._since_us, OWED_US + WINDOW_US))
        began = next((at for at in range(len(loud) - CLICK_WINDOWS + 1) if all(loud[at : at + CLICK_WINDOWS])), None)
        return now_us + OWED_US if began is None else now_us - (len(loud) - began) * WINDOW_US + OWED_US

    def _loud(self, last_us: int) -> list[bool]:
        """Which windows are, of the caller's audio of the last so many microseconds, oldest first."""
        window = WINDOW_MS * BYTES_PER_MS
        sound = self._listening.audio.recent(last_us // WINDOW_US * window)
        sound = sound[len(sound) % window :]
        if mulaw.rms(mulaw.decode(sound)) < _FAINT:
            return [False] * (len(sound) // window)
        return [level >= LOUD for level in levels.rms(sound, WINDOW_MS)]
