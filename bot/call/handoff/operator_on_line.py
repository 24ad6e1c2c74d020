"""An operator on the line: a person takes the call over from the bot, speaks with the caller, and hands it back.

The bot falls silent as it does when it is interrupted, and says nothing until it has the call again: the floor is the
operator's (bot.call.conversation.floor). The model goes on listening to the caller, not to the operator, and is told
afterwards what it missed. The operator's voice goes down the same queue as the bot's, at most a moment ahead of the
phone. One of whom nothing more comes has gone: the bot takes the call back, as it does when the call has to end.
"""

from __future__ import annotations

from typing import Literal

from bot.audio.payload import BYTES_PER_MS, payload_bytes
from bot.audio.payload import silence as silent_payload
from bot.call.conversation.barge_in import BargeIn
from bot.call.conversation.floor import Floor
from bot.call.conversation.opening import Opening
from bot.call.handoff.end_call import EndCall
from bot.call.handoff.transfer import TransferCall
from bot.call.inputs import HandBack, OperatorAudio, TakeOver
from bot.call.machines import GoodbyeStage, Move, OperatorStage, TransferStage
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.prompts.filler import Filler
from bot.call.rule import NEVER_US, Rule
from bot.call.session.failover import Failover
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.tool_calls.approval import Approval
from bot.call.turn_log.turn_facts import TurnLog

GONE_US = 2_000_000
"""Time without a frame of the operator's, though they be silent, after which they are gone."""
LEAD_BYTES = 60 * BYTES_PER_MS
"""Silence before a frame that finds the phone with nothing to play: what comes later than it should finds its place."""
MOST_BYTES = 200 * BYTES_PER_MS
"""The most that the phone may have yet to play: of more, the newest is dropped."""
HEARD_AGAIN_US = 1_000_000
"""From the end of the operator's voice until the caller hears something, if no answer comes sooner."""

TAKEN_OVER = "A colleague has taken the call over, so this was not done."
FACTS = (
    "A colleague, who is a person, spoke with the caller in your place for {seconds} seconds, and you did not hear "
    "what they said. {turns}"
)
SAID_NOTHING = "The caller said nothing meanwhile."
SAID = "What the caller said in that time, their last {turns} turns before this, they said to the colleague."
BACK = {
    "asked": "The colleague has handed the call back to you.",
    "left": "The colleague has left, and the call is yours again.",
    "lost": "The colleague's line was lost, and the call is yours again.",
}
GO_ON = (
    "In one short sentence, in the language of the conversation, tell the caller that you are back, and ask what else "
    "you can do for them. Do not greet them, and do not go back to what you were saying before."
)
CUT_OFF = (
    "Then the connection was lost, and now the caller is on the line with you again, without the colleague. In one "
    "short sentence, in the language of the conversation, tell them so, and ask what you can do for them. Do not "
    "greet them."
)
ITEM = "operator_spoke_{}"

WhyOver = Literal["asked", "left", "lost", "limit", "call_over"]


@part
class OperatorOnLine(Rule):
    """Moves the floor's operator. Due when nothing has come of them for GONE_US."""

    _step: Step
    _floor: Floor
    _session: CurrentSession
    _playout: PlayoutQueue
    _turn_log: TurnLog
    _interrupt: BargeIn
    _opening: Opening
    _failover: Failover
    _end_call: EndCall
    _transfer: TransferCall
    _approval: Approval
    _filler: Filler

    def __post_init__(self) -> None:
        self.by = ""
        """Name of the operator who has the call, or waits for it, or had it last."""
        self.cut_off = ""
        """Sentences for the model that carries the call on, if they had it as it ended."""
        self._asked_us = self._began_us = self._heard_us = 0
        """Moments at which they wanted the call, had it, and were last heard of."""
        self._turns = 0
        """The caller's turns since they have it."""
        self._told: list[tuple[str, str]] = []
        """Sentences for every session on each time that they had the call, and for the first one: what to do now."""
        self._gone_on = 0
        """Number of those after which a session was told to go on."""

    # ---- they want the call ----

    def wanted(self, note: TakeOver) -> None:
        """An operator wants the call: they have it as soon as that may be, mostly at once."""
        floor = self._floor
        if floor.operator_stage is not OperatorStage.AWAY or floor.goodbye_stage is not GoodbyeStage.NONE:
            why = "call_ends" if floor.operator_stage is OperatorStage.AWAY else "taken_over_already"
            self._step.report("take_over_refused", by=note.by, why=why)
            return
        self.by, self._asked_us = note.by, self._step.now_us
        floor.operator_moves(Move.TAKE_OVER_ASKED)
        self._hear()
        if not floor.may_be_taken_over:
            self._step.report("take_over_waits", by=note.by)

    def settle(self) -> None:
        """The call has moved: they begin once they may, and have to end when the call has to."""
        floor = self._floor
        ends = floor.goodbye_stage is not GoodbyeStage.NONE
        if ends:
            self._over("limit")
        elif floor.operator_stage is OperatorStage.WAITING and floor.may_be_taken_over:
            self._begin()

    def _begin(self) -> None:
        floor, session = self._floor, self._session.now
        if floor.transfer_stage is not TransferStage.NONE:
            self._transfer.drop(TAKEN_OVER)
        elif floor.hang_up_asked:
            self._end_call.drop(TAKEN_OVER)
        self._approval.drop()
        session.responses.forget()
        if floor.cuttable():
            self._interrupt.cut(unheard=True)
        self._opening.skip()
        floor.operator_moves(Move.TAKEN_OVER)
        floor.take_turns()
        self._turns, self._began_us = 0, self._step.now_us
        self._step.counts["taken_over"] += 1
        self._step.report("taken_over", by=self.by, waited_ms=(self._step.now_us - self._asked_us) // 1000)

    # ---- they speak ----

    def audio(self, note: OperatorAudio) -> None:
        """A frame of their voice, which goes to the phone at once."""
        step, playout = self._step, self._playout
        step.follows = "nothing"
        if self._floor.operator_stage is OperatorStage.AWAY:
            return
        self._heard_us = step.now_us
        if self._floor.taken_over:
            ahead_bytes = playout.ahead_bytes(step.now_us)
            if ahead_bytes + payload_bytes(note.payload) > MOST_BYTES:
                step.counts["operator_frames_dropped"] += 1
                return
            entry = playout.ledger.entry(f"operator_{step.counts['taken_over']}", 0, "")
            entry.aside = True
            for payload in (note.payload,) if ahead_bytes else (silent_payload(LEAD_BYTES), note.payload):
                step.send_all(playout.delta(entry, payload, step.now_us))

    def _hear(self) -> None:
        self._heard_us = self._step.now_us
        self.due_us = self._heard_us + GONE_US

    def due(self) -> None:
        """Nothing has come of them for long, unless it has since this was reckoned."""
        self.due_us = self._heard_us + GONE_US
        if self.due_us <= self._step.now_us:
            self._over("lost")

    # ---- what the model may do meanwhile ----

    def turn_committed(self) -> bool:
        """The caller's turn is over. True if it was said to the operator, and nobody else answers it."""
        self._turns += self._floor.taken_over
        return self._floor.taken_over

    # ---- the call is the bot's again ----

    def hand_back(self, note: HandBack) -> None:
        if self._floor.operator_stage is not OperatorStage.AWAY:
            self._over(note.why)

    def call_over(self) -> None:
        """The call is over, whoever has it."""
        if self._floor.operator_stage is not OperatorStage.AWAY:
            self._over("call_over")

    def _over(self, why: WhyOver) -> None:
        spoke = self._floor.taken_over
        self._floor.operator_moves(Move.HANDED_BACK)
        self.due_us = NEVER_US
        if not spoke:
            self._step.report("take_over_called_off", by=self.by, why=why)
            return
        seconds = (self._step.now_us - self._began_us) // 1_000_000
        self._step.report("handed_back", by=self.by, why=why, seconds=seconds, turns=self._turns)
        if why == "call_over":
            self.cut_off = f"{self._facts(seconds)} {CUT_OFF}"
        else:
            clear, _ = self._playout.cut(self._step.now_us)
            self._step.send_all(clear)
            self._tell(why, seconds)
            self._turn_log.waits.caller_started()  # they wait for no answer to what they said to the operator
            self._failover.needed_again()
            self._go_on_speaking()

    def _tell(self, why: WhyOver, seconds: int) -> None:
        go_on = f" {BACK[why]} {GO_ON}" if why in BACK else ""
        self._told.append((self._facts(seconds), go_on))
        if self._session.now.appended.ready:
            self._say(len(self._told) - 1)

    def _facts(self, seconds: int) -> str:
        turns = SAID.format(turns=self._turns) if self._turns else SAID_NOTHING
        return FACTS.format(seconds=seconds, turns=turns)

    def _say(self, number: int) -> None:
        facts, go_on = self._told[number]
        text = facts if number < self._gone_on else facts + go_on
        self._gone_on = max(self._gone_on, number + 1)
        self._step.tell(ITEM.format(number), text)

    def _go_on_speaking(self) -> None:
        """A caller who does not speak hears of the bot at once; one who does is answered as ever."""
        responses = self._session.now.responses
        responses.forget()
        if not self._floor.caller_speaking:
            responses.want({})
            self._filler.expect(self._step.now_us + HEARD_AGAIN_US, HEARD_AGAIN_US)

    def session_ready(self) -> None:
        """Another session took over: it is to know of all this, and of who has the floor."""
        for number in range(len(self._told)):
            self._say(number)
        if self._floor.taken_over:
            self._floor.take_turns()
