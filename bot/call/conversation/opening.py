"""The opening: the greeting is said first, whatever the caller or the line does before it has been heard.

Until the caller has heard a moment of it the turns are ours (bot.call.session.turn_ownership). A caller who speaks
sooner is not talked over: the bot falls silent and the greeting waits, from its first byte, until they stop. What they
said is answered behind it. Where greetings may not be interrupted, one that has begun goes on.

A server that can't leave the turns to us (openai-realtime 1.5) cancels the greeting when the caller speaks
and answers by itself: then the greeting is asked for again, and that answer is cancelled and asked for behind it.
"""

from __future__ import annotations

from dataclasses import InitVar
from typing import Any

from bot.audio.payload import BYTES_PER_MS
from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.floor import Floor
from bot.call.machines import GREETING as MOVES
from bot.call.machines import GreetingStage, Move
from bot.call.playout.ledger import Entry
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.announcement import Announcement
from bot.call.prompts.greeting import Greeting, greeting_response
from bot.call.rule import NEVER_US, Rule
from bot.call.session.response_status import spoken_over
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings
from bot.call.states import Happening, State
from bot.call.step import Step, part
from bot.call.turn_log.turn_facts import TurnLog
from bot.realtime.events import Response

MOMENT_MS = 1_000
"""So much of the greeting has to be heard; all of it, when it is shorter. From then on the caller interrupts it."""

MOST_TIMES = 3
"""So often it begins anew. On a line whose noise never ends the next interruption is one like any other."""
LONGEST_US = 15_000_000
"""It waits no longer than this for speech to end: people rest for half a second sooner, noise does not."""


@part
class Opening(Rule):
    """Moves the floor's greeting, until it has been heard for a moment: at once in a call that greets nobody."""

    settings: InitVar[CallSettings]
    _step: Step
    _playout: PlayoutQueue
    _announcement: Announcement
    _greeting: Greeting
    _session: CurrentSession
    _floor: Floor
    _turn_log: TurnLog
    _interrupt: BargeIn

    def __post_init__(self, settings: CallSettings) -> None:
        self._goes_on = settings.barge_in != "on"
        self._request: dict[str, Any] = {}
        """Parameters of the response that makes it, as long as the instructions; nothing, once it was heard."""
        if not self._settled:
            self._request = greeting_response(settings.greeting, settings.session.instructions)
        self._answer_owed = False
        """The caller spoke before the greeting was asked for, and is answered once it has been."""
        self._times = 0
        """Number of times that what had begun was taken back."""
        self._held_us = 0
        """Since when it waits."""
        self._playout.keeps = not self._settled

    @property
    def _settled(self) -> bool:
        return self._floor.greeting_stage is GreetingStage.HEARD

    def _move(self, move: Move) -> None:
        self._floor.greeting_stage = MOVES[self._floor.greeting_stage, move]

    # ---- asking ----

    def greet(self) -> None:
        """A session is ready, and knows no conversation: have it say the greeting, unless a recording does."""
        if self._to_be_asked:
            self._session.now.responses.want(self._request)

    def taken_over(self) -> None:
        """Another session has been told the conversation: a greeting of which nothing was made still comes first."""
        if self._to_be_asked and self._greeting.unmade:
            responses = self._session.now.responses
            self._answer_owed = responses.awaited
            responses.want(self._request)

    @property
    def _to_be_asked(self) -> bool:
        return not self._settled and not self._greeting.recorded

    # ---- what is answered behind it ----

    def turn_committed(self) -> bool:
        """The caller's turn is over. True if it is answered behind a greeting that has yet to be asked for."""
        responses = self._session.now.responses
        owed = not self._settled and responses.wants(self._request)
        self._answer_owed = owed or (self._answer_owed and responses.awaited)  # a greeting not to be had is over
        return owed

    def allows(self) -> bool:
        """True if a response that was made may be heard: the server's own may not while the greeting is to be asked."""
        session = self._session.now
        if self._settled or not session.turn_ownership.server_owns or not session.responses.wants(self._request):
            return True
        self._answer_owed = True
        return False

    def response_created(self) -> None:
        """If that is the greeting, the answer to what was said before it comes next."""
        if self._answer_owed:
            self._answer_owed = False
            self._session.now.responses.want({})

    def response_done(self, response: Response) -> None:
        """The server, which acts by itself, may have cancelled a greeting that it made after the caller had begun."""
        if spoken_over(response) and self._greeting.made_by(response.id):
            self._ask_again(response.id)

    def _ask_again(self, response_id: str) -> None:
        self._interrupt.cut()
        self._greeting.response_failed(response_id)
        self._session.now.responses.want(self._request)

    # ---- when it is heard ----

    def settle(self) -> None:
        """A step is over: hold the greeting back, let it go, or be done with it."""
        playout = self._playout
        talked_over = not self.heard() and self._floor.caller_heard and self._floor.notice_heard
        if not talked_over:
            self._let_go()
        elif not playout.paused and not (self._goes_on and self._begun):
            self._hold()

    @property
    def waits(self) -> bool:
        """Nothing of the greeting is on its way: it waits for a caller who speaks."""
        return not self._settled and not self._begun and self._floor.notice_heard

    @property
    def _begun(self) -> bool:
        return any(entry.sent for entry in self._said())

    def heard(self) -> bool:
        """True once the caller has heard a moment of what the bot has to say, or all of a greeting that is shorter."""
        if not self._settled and self._enough_heard():
            self._settle()  # also when it is cut short in this very step, and nothing shows it any more
        return self._settled

    def skip(self) -> None:
        """There is nobody to greet: what was made of it has been taken back, and it counts as over."""
        if not self._settled:
            self._settle()
            self._greeting.is_over = True
            self._playout.paused, self._answer_owed = False, False

    def _settle(self) -> None:
        """From here on the caller interrupts it like anything else, and it is asked for no more."""
        self._move(Move.MOMENT_HEARD)
        self._playout.forget_kept()
        self._request = {}
        self.due_us = NEVER_US

    def _enough_heard(self) -> bool:
        now_us, paused = self._step.now_us, self._playout.paused
        given_up = now_us >= self._held_us + LONGEST_US if paused else self._times == MOST_TIMES
        if given_up or self._greeting.over(now_us):
            return True
        return sum(entry.heard for entry in self._said()) >= MOMENT_MS * BYTES_PER_MS

    def _hold(self) -> None:
        """The caller speaks: silence, until they stop."""
        self._move(Move.TALKED_OVER)
        self._playout.paused, self._held_us = True, self._step.now_us
        self._times += self._begun
        session = self._session.now
        active = session.responses.active
        if session.turn_ownership.server_owns and active is not None and self._greeting.made_by(active):
            self._ask_again(active)
        elif self._playout.ledger.last is not None:
            self._step.send_all(self._playout.rewind(self._step.now_us))
            self._turn_log.rewound()
        self._step.counts["greetings_held_back"] += 1
        if self._floor.state is State.SPEAKING:
            self._floor.happen(Happening.SPEECH_STARTED)

    def _let_go(self) -> None:
        playout = self._playout
        if not playout.paused:
            return
        self._move(Move.SILENCE)
        playout.paused = False
        messages = playout.flush(self._step.now_us)
        if messages:
            self._step.send_all(messages)
            self._floor.happen(Happening.AUDIO)

    def look(self) -> None:
        """Reckon when a moment of it will have been heard, the announcement is over, or it waits no longer."""
        now_us = self._step.now_us
        if self._playout.paused:
            until_us = self._held_us + LONGEST_US  # past it, whoever keeps it waiting says when there is more to do
            self.due_us = until_us if until_us > now_us else NEVER_US
        else:
            times = [entry.began_us + MOMENT_MS * 1_000 for entry in self._said() if entry.began_us is not None]
            if self._floor.caller_speaking and not self._floor.notice_heard:
                times += self._announcement.due_us
            self.due_us = min([at_us for at_us in times if at_us > now_us], default=NEVER_US)

    def _said(self) -> list[Entry]:
        """All that the caller hears of the bot besides the announcement and fillers."""
        notice = self._announcement.recorded
        entries = self._playout.ledger.heard(self._step.now_us)
        return [one for one in entries if not one.aside and (notice is None or one is not notice.entry)]
