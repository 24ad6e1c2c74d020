"""Finds out who has answered a call that we made, and what may be said to them.

Nothing is heard of the bot until that is known. Two witnesses tell: the first words, with how long they last and what
silence follows; and Twilio's verdict, which comes beside the call and is right about nine times in ten
(twilio-voice 14). Words of a machine go before a verdict of `human`, and before all others a question who is calling,
whatever the verdict. Where neither tells, silence does, and the record says `uncertain`.

A person hears the greeting. A machine is heard out, to its beep or the silence behind it, and gets the message, or is
hung up on. A call screening gets one answer, who is calling and why, and then silence until somebody else speaks. A fax
is hung up on, and so is all that comes to no end.
"""

from __future__ import annotations

from dataclasses import InitVar
from typing import Literal

from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.first_words import FirstWords, first_words
from bot.call.conversation.floor import Floor
from bot.call.conversation.goodbye import Goodbye
from bot.call.conversation.opening import Opening
from bot.call.inputs import AnswerVerdict, BeepHeard, Verdict
from bot.call.machines import ANSWER, AnswerStage, Move
from bot.call.outputs import EndReason
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.announcement import Announcement
from bot.call.prompts.greeting import with_own_instructions
from bot.call.rule import NEVER_US, Rule
from bot.call.session.session_state import CurrentSession
from bot.call.settings import CallSettings, Outgoing
from bot.call.step import Step, part

AnsweredBy = Literal["human", "machine", "screening", "uncertain"]

SHORT_US = 2_400_000
"""Speech of a person who answers is shorter: Twilio's own line between a hello and a recorded greeting."""
PAUSE_US = 1_000_000
"""The silence after first words from which on it is the bot's turn: within a recorded greeting pauses are shorter."""
WORDS_US = 3_000_000
"""Silence in which the words of what was said must have come: servers take a second and a half (openai-realtime W5)."""
VERDICT_US = 5_000_000
"""Silence after a long speech in which a verdict is waited for."""
SILENCE_US = 5_000_000
"""Silence of a line on which nobody says anything, before the bot begins: Twilio calls that `unknown`."""
GREETING_OVER_US = 3_000_000
"""Silence after a machine's words that ends its greeting, should no beep be heard and no verdict come."""
MESSAGE_TOKENS = 1_200
"""A minute of speech, or less of it and what a reasoning model thinks before."""
LONGEST_US = 75_000_000
"""The longest that a machine or a screening is listened to."""
SURE_US = 20_000_000
"""From the greeting on, the time in which what was found may still turn out to be wrong."""
_PAUSES_US = (PAUSE_US, WORDS_US, GREETING_OVER_US, VERDICT_US, SILENCE_US)
"""Silences at which there may be something to find."""

MESSAGE = (
    "A voicemail is recording. Say exactly the following, and nothing else: no greeting before it, no question after "
    "it.\n\n"
)
WHO_IS_CALLING = (
    "Whoever was called has not come to the telephone yet: a call screening, or somebody at their side, asks who is "
    "calling and why. Say {name} and the reason of this call, in one short sentence of plain words. No greeting, no "
    "question, nothing else: they pass it on."
)
SCREENED_ITEM = "screened"
SCREENED = (
    "You have told a call screening who is calling. Whoever speaks now may not have heard that: say once more in a "
    "short sentence who is calling and why, then go on with what the call is for."
)


@part
class WhoAnswered(Rule):
    """Moves the floor's `answered`; of a call that came in, it has nothing to do."""

    settings: InitVar[CallSettings]
    _step: Step
    _floor: Floor
    _session: CurrentSession
    _playout: PlayoutQueue
    _interrupt: BargeIn
    _opening: Opening
    _announcement: Announcement
    _goodbye: Goodbye

    def __post_init__(self, settings: CallSettings) -> None:
        self._outgoing = settings.outgoing or Outgoing()
        self._instructions = settings.session.instructions
        turns = settings.session.turn_detection
        self._noticed_us = turns.silence_duration_ms * 1000 if turns.type == "server_vad" else 0
        """Silence that has gone by when the session tells of the end of speech."""
        self._writes = bool(settings.session.transcription_model) or settings.session.dialect == "xai"
        """The words of the callee are written down."""
        self.by: AnsweredBy | Literal[""] = ""
        """The finding so far; empty before."""
        self._verdict: Verdict | None = None
        self._words: FirstWords = "none"
        """Kind of the last words; of several kinds in one stage that of a machine stays."""
        self._turns = 0
        """Turns of the callee since a person was found."""
        self._unwritten = 0
        """Turns of which the words have not come."""
        self._since_us = 0
        """Moment at which the stage began."""
        self._spoken_us = 0
        """Speech in this stage."""
        self._stopped_us: int | None = None
        """End of the last speech in it; None before any."""
        self._untold = False
        """A person came behind a screening while there was no session to tell."""
        self._beep = False
        """A beep has ended the greeting of a machine."""

    # ---- what is heard and told ----

    @property
    def listens_for_beep(self) -> bool:
        """A beep on the line would tell something."""
        return not self._floor.sure

    @property
    def holds_back(self) -> bool:
        """No moment for the greeting: nothing may be heard, or words are due of what was taken for a person."""
        doubtful = self._floor.answer_stage is AnswerStage.PERSON and self._verdict != "human"
        return self._floor.hushed or (doubtful and not self._words_known)

    def stream_started(self) -> None:
        self._since_us = self._step.now_us

    def speech_started(self) -> None:
        self._turns += self._floor.person_there

    def speech_stopped(self) -> None:
        """The callee is silent, by the session, which has waited a little to be sure. It counts them as silent next."""
        began_us, ended_us = self._session.now.speech_us, self._step.now_us - self._noticed_us
        if not self._floor.sure and began_us is not None:
            self._spoken_us += max(0, ended_us - began_us)
            self._stopped_us = max(began_us, ended_us)
            self._unwritten += self._writes

    def turn_committed(self) -> bool:
        """The callee's turn is over. True if nobody answers it: what is said next does not depend on it."""
        if self._floor.person_there:
            return False
        self._session.now.answer_due = False
        return True

    def words(self, text: str, *, whole: bool = True) -> None:
        """Words of the callee as they were understood, perhaps but the beginning of a turn."""
        if self._floor.sure:
            return
        self._unwritten = max(0, self._unwritten - whole)
        kind = first_words(text)
        if not whole and kind in {"person", "hold"}:
            return  # more of them may tell otherwise
        if kind != "none" and not (kind == "person" and self._words in {"voicemail", "screening"}):
            self._words = kind

    def verdict(self, note: AnswerVerdict) -> None:
        """Twilio tells, perhaps twice."""
        if self._floor.sure or self._verdict == note.by:
            return
        self._verdict = note.by
        self._step.report("answer_verdict", by=note.by, after_ms=self._after_ms())

    def beep(self, note: BeepHeard) -> None:
        if self.listens_for_beep:
            self._beep = True
            self._step.report("beep_heard", hz=note.hz, ms=note.ms)

    # ---- what follows ----

    def settle(self) -> bool:
        """A step is over: True if from here on something may be heard that could not before."""
        before, hushed = self._floor.answer_stage, self._floor.hushed
        if self._playout.stream_sid and not self._floor.sure:
            self._judge()
            self._settle_doubts()
        return hushed and not self._floor.hushed and before is not self._floor.answer_stage

    def look(self) -> None:
        """Reckon when silence alone will tell."""
        self.due_us = NEVER_US if self._floor.sure or not self._playout.stream_sid else self._tells_at_us()

    def due(self) -> EndReason | None:
        """Time alone has told something, which is judged as the step is settled. The reason if nobody is there."""
        if self._step.now_us >= self._since_us + LONGEST_US and not self._floor.person_there:
            self._give_up("no_end")
        if self._floor.answer_stage is AnswerStage.OVER:
            return "bot_hung_up"
        self.due_us = NEVER_US
        return None

    def _tells_at_us(self) -> int:
        """The next moment at which `_judge` may find something, should nothing be heard."""
        stage, last_us = self._floor.answer_stage, self._since_us + LONGEST_US
        if stage is AnswerStage.OVER:
            return self._step.now_us
        if stage is AnswerStage.PERSON:
            words_us = NEVER_US if self._stopped_us is None else self._stopped_us + WORDS_US
            sure_us = self._since_us + SURE_US
            return min(words_us, sure_us) if words_us > self._step.now_us else sure_us
        if self._floor.caller_speaking or stage in {AnswerStage.MESSAGE, AnswerStage.SCREENING}:
            return last_us
        silent_since_us = self._since_us if self._stopped_us is None else self._stopped_us
        times = [silent_since_us + pause_us for pause_us in _PAUSES_US]
        return min([at_us for at_us in times if at_us > self._step.now_us], default=last_us)

    @property
    def _silent_us(self) -> int:
        """Silence since the last speech of this stage, or its beginning."""
        since_us = self._since_us if self._stopped_us is None else self._stopped_us
        return 0 if self._floor.caller_speaking else self._step.now_us - since_us

    @property
    def _words_known(self) -> bool:
        return not self._unwritten or self._silent_us >= WORDS_US

    # ---- the judgement ----

    def _judge(self) -> None:
        stage = self._floor.answer_stage
        if stage is AnswerStage.UNKNOWN:
            self._judge_first()
        elif stage is AnswerStage.PERSON:
            self._doubt_person()
        if self._floor.answer_stage is AnswerStage.MACHINE:
            self._judge_machine()
        elif stage is AnswerStage.SCREENING:
            self._judge_answer()
        elif stage is AnswerStage.SCREENED:
            self._judge_screened()

    def _judge_first(self) -> None:
        if self._verdict == "fax":
            self._machine("fax")
            self._give_up("fax")
        elif self._beep or self._words == "voicemail":
            self._machine("beep" if self._beep else "words")
        elif self._words == "screening":
            self._tell_who()
        elif self._verdict is not None and self._verdict.startswith("machine"):
            self._machine("verdict")
        elif not self._floor.caller_speaking and (by := self._person_by()) is not None:
            self._person(by)

    def _person_by(self) -> AnsweredBy | None:
        """The callee is silent: what is known of a person, None while more may be said."""
        heard = self._stopped_us is not None
        if self._verdict == "human" and self._words_or_pause:
            return "human"
        if not heard:
            return "uncertain" if self._verdict == "unknown" or self._silent_us >= SILENCE_US else None
        if self._silent_us < PAUSE_US or not self._words_known:
            return None
        if self._spoken_us <= SHORT_US:
            return "human" if self._words in {"person", "hold"} else "uncertain"
        told = self._verdict is not None or not self._outgoing.detection
        return "uncertain" if told or self._silent_us >= VERDICT_US else None

    @property
    def _words_or_pause(self) -> bool:
        """A verdict of `human` is believed once the words that were said are known not to be a machine's."""
        return not self._unwritten or self._silent_us >= (PAUSE_US if self._spoken_us <= SHORT_US else WORDS_US)

    def _doubt_person(self) -> None:
        """A voicemail may begin like a person, and a verdict may come late."""
        late = self.by == "uncertain" and self._verdict is not None and self._verdict.startswith("machine")
        beep = self._beep or self._verdict == "machine_end_beep"
        if beep or self._words == "voicemail" or (late and self._turns < 1):
            self._machine("beep" if beep else "words" if self._words == "voicemail" else "verdict")

    def _settle_doubts(self) -> None:
        """A person stands once they have answered the bot, or Twilio says so, or after a while."""
        if self._floor.answer_stage is not AnswerStage.PERSON:
            return
        answered = self._turns > 0 and self._stopped_us is not None and not self._unwritten
        answered = answered and self._words == "person" and not self._floor.caller_speaking
        if self._verdict == "human" or answered:
            self._sure("human")
        elif self._step.now_us >= self._since_us + SURE_US:
            self._sure(self.by or "uncertain")

    def _judge_machine(self) -> None:
        """Its greeting is heard out. A screening is a machine, too: what it said last comes before a silence does."""
        if self._words == "screening" and not self._beep and self._verdict != "machine_end_beep":
            self._tell_who()
        elif self._greeting_over():
            if self._outgoing.message:
                self._move(Move.MESSAGE_DUE)
                self._step.report("message_begun", after_ms=self._after_ms())
                self._goodbye.close("bot_hung_up", MESSAGE + self._outgoing.message, MESSAGE_TOKENS)
            else:
                self._give_up("no_message")

    def _greeting_over(self) -> bool:
        if self._beep or self._verdict == "machine_end_beep":
            return True
        if self._floor.caller_speaking or not self._words_known:
            return False
        if not self._outgoing.message and self._words == "voicemail":
            return True
        told = self._verdict in {"machine_end_silence", "machine_end_other"}
        return self._silent_us >= (PAUSE_US if told else GREETING_OVER_US)

    def _judge_answer(self) -> None:
        """The answer is being given, once."""
        silent = not self._session.now.responses.awaited and not self._playout.has_floor(self._step.now_us)
        if silent and self._step.now_us > self._since_us:
            self._move(Move.TOLD_WHO)

    def _judge_screened(self) -> None:
        """Whoever speaks now is somebody else: a person, a machine after all, or they ask for patience."""
        if self._beep or self._words == "voicemail":
            self._machine("beep" if self._beep else "words")
        elif self._stopped_us is not None and not self._floor.caller_speaking:
            if self._words == "person" or (self._words_known and self._words == "none" and self._spoken_us):
                self._person("human" if self._words == "person" else "uncertain")
            elif self._words in {"hold", "screening"} and not self._unwritten:
                self._words, self._stopped_us = "none", None

    # ---- what is done ----

    def _move(self, move: Move) -> None:
        """Each stage listens afresh."""
        self._floor.answer_stage = ANSWER[self._floor.answer_stage, move]
        self._since_us, self._stopped_us, self._spoken_us = self._step.now_us, None, 0
        self._words, self._turns = "none", 0

    def _report(self, by: AnsweredBy, why: str) -> None:
        self.by = by
        self._step.report("answered", by=by, why=why, verdict=self._verdict, after_ms=self._after_ms())

    def _after_ms(self) -> int:
        return self._step.now_us // 1000

    def _person(self, by: AnsweredBy) -> None:
        screened = self._floor.answer_stage is AnswerStage.SCREENED
        self._move(Move.PERSON_FOUND)
        self._report(by, "words" if by == "human" else "silence")
        if screened:
            if not self._floor.notice_heard:
                self._step.send_all(self._announcement.again(self._step.now_us))
            self._untold = True
            if self._session.now.appended.ready:
                self.session_ready()
            self._session.now.responses.want({})

    def session_ready(self) -> None:
        """There is a session to tell that somebody else may speak now than the screening."""
        if self._untold:
            self._untold = False
            self._step.tell(SCREENED_ITEM, SCREENED)

    def _machine(self, why: str) -> None:
        """Nothing more is said to what was taken for a person, and nothing of the greeting."""
        words, spoken_us, stopped_us = self._words, self._spoken_us, self._stopped_us
        self._take_back()
        self._move(Move.MACHINE_FOUND)
        self._words, self._spoken_us, self._stopped_us = words, spoken_us, stopped_us  # its greeting goes on
        self._report("machine", why)

    def _tell_who(self) -> None:
        """It is asked who is calling: the answer is given in the pause behind the question, and only once."""
        if self._floor.caller_speaking or self._silent_us < PAUSE_US or self._stopped_us is None:
            return
        self._take_back()
        self._move(Move.ASKED_WHO)
        self._report("screening", "words")
        name = f'"{self._outgoing.name}"' if self._outgoing.name else "who you are"
        answer = with_own_instructions(WHO_IS_CALLING.format(name=name), self._instructions)
        self._session.now.responses.want(answer)

    def _give_up(self, why: str) -> None:
        self._take_back()
        if self._floor.answer_stage is not AnswerStage.OVER:
            self._move(Move.NOBODY_LEFT)
            self._step.report("nobody_to_talk_to", why=why, after_ms=self._after_ms())

    def _take_back(self) -> None:
        """Nothing of what was to be said is heard any more."""
        if self._floor.cuttable():
            self._interrupt.cut()
        self._session.now.responses.forget()
        self._opening.skip()

    def _sure(self, by: AnsweredBy) -> None:
        if by != self.by:
            self._report(by, "verdict" if self._verdict == "human" else "words")
        self._move(Move.PERSON_SURE)
