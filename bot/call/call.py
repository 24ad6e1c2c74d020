"""One call: what comes in from either side, and what goes out because of it.

Pure: messages, notes and the time go in, messages and reports come out. This file says who handles what, and in which
order a step goes; what a handler does stands in its own file, and so does what each part does (bot.call.wiring).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

from bot.call import inputs
from bot.call.handlers.after_step import AfterStep
from bot.call.handlers.dialogue import Dialogue
from bot.call.handlers.key_presses import KeyPresses
from bot.call.handlers.phone_side import PhoneSide
from bot.call.handlers.rule_table import rules
from bot.call.handlers.server_side import ServerSide
from bot.call.handlers.session_side import SessionSide
from bot.call.keys.keypad import KEYS
from bot.call.machines import (
    CallStage,
    GreetingStage,
    KeypadStage,
    OperatorStage,
    SessionStage,
    StreamStage,
)
from bot.call.outputs import End, EndReason, Output
from bot.call.rules.session_liveness import SessionLiveness
from bot.call.session.session_state import Session
from bot.call.settings import CallSettings
from bot.call.states import Happening, State
from bot.call.step import part
from bot.call.turn_log.captions import Caption, Captions
from bot.call.wiring import Parts
from bot.realtime import events
from bot.twilio import stream

Input = stream.Inbound | events.ServerEvent | inputs.Note
Handler = Callable[[Any], EndReason | None]
"""Gives why the call is over, None when it goes on."""


@part
class Handlers:
    """Those of one call."""

    parts: Parts
    phone: PhoneSide
    session: SessionSide
    dialogue: Dialogue
    keys: KeyPresses
    server: ServerSide
    after: AfterStep


HANDLERS: dict[type, Callable[[Handlers], Handler]] = {
    stream.Start: lambda of: of.phone.started,
    stream.MarkEcho: lambda of: of.phone.mark_echoed,
    stream.Dtmf: lambda of: of.keys.pressed,
    stream.Stop: lambda of: of.phone.stopped,
    inputs.PhoneClosed: lambda of: of.phone.closed,
    inputs.PhoneFull: lambda of: of.phone.full,
    inputs.PhoneRoom: lambda of: of.phone.room,
    events.SessionCreated: lambda of: of.session.created,
    events.ConversationCreated: lambda of: of.session.created,
    events.SessionUpdated: lambda of: of.session.updated,
    events.Error: lambda of: of.session.error,
    inputs.ModelClosed: lambda of: of.session.closed,
    inputs.SessionAlive: lambda of: of.session.alive,
    inputs.SessionWaiting: lambda of: of.parts.failover.waits,
    inputs.DialFailed: lambda of: of.parts.failover.failed,
    inputs.SessionExpires: lambda of: of.parts.failover.expires,
    events.SpeechStarted: lambda of: of.dialogue.speech_started,
    events.SpeechStopped: lambda of: of.dialogue.speech_stopped,
    events.Committed: lambda of: of.dialogue.turn_committed,
    events.CallerTranscript: lambda of: of.dialogue.caller_transcript,
    events.CallerTranscriptGrows: lambda of: of.dialogue.caller_transcript_grows,
    events.CallerTranscriptDelta: lambda of: of.dialogue.caller_transcript_delta,
    events.CallerTranscriptFailed: lambda of: of.dialogue.caller_transcript_failed,
    events.ResponseCreated: lambda of: of.dialogue.response_created,
    events.OutputItemAdded: lambda of: of.dialogue.output_item_added,
    events.OutputItemDone: lambda of: of.dialogue.output_item_done,
    events.ItemAdded: lambda of: of.dialogue.item_added,
    events.ItemDone: lambda of: of.dialogue.item_done,
    events.AudioDelta: lambda of: of.dialogue.audio_delta,
    events.AudioDone: lambda of: of.parts.answer.audio_done,
    events.TranscriptDelta: lambda of: of.parts.answer.words,
    events.TranscriptDone: lambda of: of.parts.answer.words_done,
    events.ResponseDone: lambda of: of.dialogue.response_done,
    events.ToolsListed: lambda of: of.parts.tool_lists.listed,
    events.ToolsNotListed: lambda of: of.parts.tool_lists.failed,
    inputs.AnswerVerdict: lambda of: of.parts.who_answered.verdict,
    inputs.BeepHeard: lambda of: of.parts.who_answered.beep,
    inputs.TransferChecked: lambda of: of.parts.transfer.checked,
    inputs.TransferWanted: lambda of: of.parts.transfer.wanted,
    inputs.TakeOver: lambda of: of.parts.operator.wanted,
    inputs.OperatorAudio: lambda of: of.parts.operator.audio,
    inputs.HandBack: lambda of: of.parts.operator.hand_back,
    inputs.ToolDone: lambda of: of.parts.functions.tool_done,
    inputs.DailySpend: lambda of: of.parts.spending.day,
    inputs.SecretKey: lambda of: of.keys.hidden,
    inputs.Refused: lambda of: of.server.refused,
    inputs.Shutdown: lambda of: of.server.shutdown,
    inputs.Hint: lambda of: of.parts.hints.given,
    inputs.Tick: lambda of: of.after.tick,
}
"""By the type of what comes in. One table serves all calls: made for each, it would be a quarter of what a call keeps
of its own."""
_SAID_BY_SESSION = frozenset(get_args(events.ServerEvent))


class Call:
    """Feed it `receive(item, now_us)`; when `deadline_us` is reached, feed it a Tick. After an End it stays silent."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self.ended: EndReason | None = None
        self._parts = parts = Parts(settings)
        self.uplink, self.playout = parts.uplink, parts.playout
        self.transcript = parts.transcript
        self.state_deadlines, self.spending, self.goodbye = parts.state_deadlines, parts.spending, parts.goodbye
        self._step, self._floor, self._failover = parts.step, parts.floor, parts.failover
        self._stream_admission, self._turn_log = parts.stream_admission, parts.turn_log
        phone = PhoneSide(parts)
        self._session_side = session = SessionSide(parts, phone)
        self._liveness = SessionLiveness(
            settings, parts.step, parts.floor, parts.session, parts.filler, parts.retries, session.lose
        )
        self._after = AfterStep(parts, session, rules(parts, self._liveness))
        dialogue = Dialogue(parts)
        keys = KeyPresses(parts, dialogue)
        self._handlers = Handlers(parts, phone, session, dialogue, keys, ServerSide(parts), self._after)
        self._captions = Captions(parts.session, parts.playout, parts.turn_log, parts.transcript)

    # ---- in and out ----

    def receive(self, item: Input, now_us: int) -> list[Output]:
        """Everything to be done because of `item`, in order. `now_us` never runs backwards."""
        if type(item) is stream.Media:
            return self.frame(item, now_us)
        if self.ended is not None:
            return []
        step = self._step
        step.begin(now_us)
        self.playout.new_step()
        why = self._take(item)
        if why is not None:
            why = self._session_side.reason(why)
        if step.follows == "nothing":
            self._after.played()
        elif why is None and (step.follows == "anything" or self._unsettled):
            why = self._after.settle()
        if why is not None:
            self._end(why)
        return step.out

    def frame(self, frame: stream.Media, now_us: int) -> list[Output]:
        """A frame of the caller, fifty a second: only the model hears of it."""
        taken = self.playout.stream_sid
        if self.ended is not None:
            return []
        if not (taken and frame.stream_sid == taken) and not self._stream_admission.ours(frame.stream_sid):
            return []
        return self.uplink.frame(frame, now_us)

    @property
    def _unsettled(self) -> bool:
        """True if time alone may have changed where the call stands: something is due, or watched until it is over."""
        floor = self._floor
        if self._after.soonest_us <= self._step.now_us or not floor.notice_heard:
            return True
        if floor.greeting_stage is not GreetingStage.HEARD:
            return True
        return floor.state is not State.SPEAKING and self._turn_log.unfinished

    def _take(self, item: Input) -> EndReason | None:
        """Hand the item to who handles it, unless it is of a session that is lost: why the call is over, if it is."""
        if type(item) in _SAID_BY_SESSION:
            if self._failover.at_hand is SessionStage.LOST:
                self.counts["said_by_a_lost_session"] += 1
                self._step.follows = "what is due"
                return None
            self.uplink.alive()
            self._parts.session.now.owes.said_us = self._step.now_us
        find = HANDLERS.get(type(item))
        if find is None:
            self._step.follows = "what is due"
            return None
        return find(self._handlers)(item)

    def _end(self, reason: EndReason) -> None:
        self.ended = reason  # at once: a defect in what follows must not keep the call alive
        self._parts.operator.call_over()
        reason = self._parts.transfer.reason(self.goodbye.reason(reason))
        self._floor.happen(Happening.OVER)
        self.ended = reason
        self._parts.turn_log.close()
        self._parts.functions.close()
        self._step.send(End(reason))

    # ---- how it stands ----

    def captions(self, now_us: int) -> list[Caption]:
        """Words of the turns that are not over, as far as they have been heard by then. Asking changes nothing."""
        return self._captions.at(now_us)

    @property
    def state(self) -> State:
        """The state of the call: who has the floor."""
        return self._floor.state

    @property
    def session(self) -> Session:
        """State of the session at hand."""
        return self._parts.session.now

    @property
    def counts(self) -> Counter[str]:
        """Counts of what an operator may want to know of."""
        return self._step.counts

    @property
    def errors(self) -> Counter[str]:
        """Counts of what the model's side said was wrong, by code (`bot.realtime.errors.LABELS`)."""
        return self._parts.retries.errors

    @property
    def started(self) -> bool:
        """True if a stream's `start` has come and was accepted."""
        return bool(self.playout.stream_sid) or self._floor.stream_stage is StreamStage.AWAY

    @property
    def streaming(self) -> bool:
        """True while there is such a stream."""
        return bool(self.playout.stream_sid)

    @property
    def deciding_keys(self) -> str:
        """Keys that, pressed next, may be no part of a number: the answer to a question, or shortcuts."""
        parts = self._parts
        if parts.floor.keypad_stage is not KeypadStage.QUIET:
            return ""
        return KEYS if parts.approval.sounding else parts.keypad.shortcuts

    @property
    def announced(self) -> bool:
        """True if the caller has certainly heard the announcement, if there is one: they may be recorded."""
        return self._floor.notice_heard

    @property
    def answered_by(self) -> str:
        """Outcome of a call that we made; empty while that is not known, and of every other call."""
        return self._parts.who_answered.by

    @property
    def listens_for_beep(self) -> bool:
        """True while a beep on the line would tell who has answered a call that we made."""
        return self._parts.who_answered.listens_for_beep

    @property
    def operator(self) -> tuple[OperatorStage, str]:
        """Stage of an operator who takes the call over, and their name."""
        return self._floor.operator_stage, self._parts.operator.by

    @property
    def cut_off_operator(self) -> str:
        """Sentences for the model that carries the call on, if an operator had it as it ended; else empty."""
        return self._parts.operator.cut_off

    @property
    def running_tools(self) -> list[str]:
        """Names of the tools that run."""
        return [call.name for call in self._parts.functions.calls.open if call.stage is CallStage.RUNNING]

    @property
    def used_tools(self) -> tuple[str, ...]:
        """Names of the tools that run once a call, and have."""
        return tuple(sorted(self._parts.functions.calls.used))

    @property
    def secret_tries(self) -> Counter[str]:
        """Times that the caller was asked to key digits in for a tool, by its name."""
        return self._parts.secret_entry.tries

    @property
    def left_for_digits(self) -> bool:
        """The stream was left for digits to be played, and has not come back."""
        return self._floor.stream_stage is StreamStage.AWAY

    @property
    def spent_nano_usd(self) -> int:
        """The call's cost so far, the line included, in billionths of a US dollar."""
        return self.spending.nano_usd

    @property
    def wants_room(self) -> bool:
        """True if media is held back until a PhoneRoom says that the transport has drained."""
        return self.playout.full

    @property
    def deadline_us(self) -> int | None:
        """Moment at which the next Tick is due."""
        return None if self.ended is not None else self._after.deadline_us
