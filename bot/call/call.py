"""One call: what comes in from either side, and what goes out because of it.

Pure: messages, notes and the time go in, messages and reports come out. This file wires the parts and decides order;
what each part does stands in its own file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from bot.audio.payload import BYTES_PER_MS
from bot.call.admission import Admission
from bot.call.answer import Answer
from bot.call.ending import Ending
from bot.call.faults import Faults
from bot.call.floor import Floor
from bot.call.functions import Functions
from bot.call.greeting import RECORDED_ITEM, Greeting, greeting_response, said_item
from bot.call.interrupt import Interrupt
from bot.call.limits import Limits
from bot.call.listening import Listening
from bot.call.notes import ModelClosed, Note, PhoneClosed, PhoneFull, PhoneRoom, Refused, Shutdown, Tick
from bot.call.outputs import End, EndReason, Output
from bot.call.responses import Responses
from bot.call.settings import CallSettings
from bot.call.speaking import Speaking
from bot.call.states import Happening, State
from bot.call.step import Step
from bot.call.transcript import Transcript
from bot.call.turns import Turns
from bot.realtime import events
from bot.realtime.session import format_mismatch
from bot.twilio import stream

Input = stream.Inbound | events.ServerEvent | Note


class Call:
    """Feed it `receive(item, now_us)`; when `deadline_us` is reached, feed it a Tick. After an End it stays silent."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self.ended: EndReason | None = None
        self.listening = Listening()
        self.speaking = Speaking()
        self.responses = Responses()
        self.transcript = Transcript()
        self.limits = Limits(settings)
        self._step = step = Step()
        self._floor = Floor(step, self.limits)
        self._turns = Turns(settings)
        self._ending = Ending()
        self._admission = Admission(settings, step, self.speaking)
        self._greeting = Greeting(settings, self.responses, self.speaking, self.transcript)
        self._interrupt = Interrupt(step, self.speaking, self.responses, self._turns, self.transcript)
        self._answer = Answer(step, self.speaking, self.responses, self._interrupt.unheard, self.transcript)
        self._functions = Functions(step, self.responses, self._ending)
        self._faults = Faults(step, self.responses, self._turns, self._greeting)
        self._handlers: dict[type, Callable[[Any], None]] = self._table()

    def _table(self) -> dict[type, Callable[[Any], None]]:
        return {
            stream.Start: self._stream_started,
            stream.MarkEcho: self._mark_echoed,
            stream.Dtmf: self._key_pressed,
            stream.Stop: self._stream_stopped,
            events.SessionCreated: self._session_created,
            events.SessionUpdated: self._session_updated,
            events.SpeechStarted: self._speech_started,
            events.SpeechStopped: self._speech_stopped,
            events.Committed: self._turn_committed,
            events.CallerTranscript: self._caller_transcript,
            events.ResponseCreated: self._response_created,
            events.OutputItemAdded: self._answer.item_added,
            events.OutputItemDone: self._output_item_done,
            events.ItemDone: self._item_done,
            events.AudioDelta: self._audio_delta,
            events.AudioDone: self._answer.audio_done,
            events.TranscriptDelta: self._answer.words,
            events.TranscriptDone: self._answer.words_done,
            events.ResponseDone: self._response_done,
            events.Error: self._error,
            ModelClosed: self._model_closed,
            PhoneClosed: self._phone_closed,
            PhoneFull: self._phone_full,
            PhoneRoom: self._phone_room,
            Refused: self._refused,
            Shutdown: self._shutdown,
            Tick: self._tick,
        }

    # ---- in and out ----

    def receive(self, item: Input, now_us: int) -> list[Output]:
        """Everything to be done because of `item`, in order. `now_us` never runs backwards."""
        if self.ended is not None:
            return []
        if type(item) is stream.Media:  # fifty a second: nothing but the model hears of it
            return self.listening.frame(item, now_us) if self._admission.ours(item.stream_sid) else []
        step = self._step
        step.begin(now_us)
        self.speaking.new_step()
        handler = self._handlers.get(type(item))
        if handler is not None:
            handler(item)
        if self.ended is None:
            self._settle()
        return step.out

    @property
    def state(self) -> State:
        """Who has the floor."""
        return self._floor.state

    @property
    def counts(self) -> Counter[str]:
        """How often what an operator may want to know of has happened."""
        return self._step.counts

    @property
    def started(self) -> bool:
        """Whether the stream's `start` has come and was accepted."""
        return bool(self.speaking.stream_sid)

    @property
    def wants_room(self) -> bool:
        """Whether media is held back until a PhoneRoom says that the transport has drained."""
        return self.speaking.full

    @property
    def deadline_us(self) -> int | None:
        """When the next Tick is due."""
        if self.ended is not None:
            return None
        soonest = self.limits.deadline_us()
        for at_us in (self.listening.deadline_us(), self.speaking.over_us()):
            if at_us is not None and (soonest is None or at_us < soonest):
                soonest = at_us
        return soonest

    def _end(self, reason: EndReason) -> None:
        if self.ended is not None:
            return
        self._floor.happen(Happening.OVER)
        self.ended = reason
        self._step.send(End(reason))

    # ---- the phone ----

    def _stream_started(self, message: stream.Start) -> None:
        if self.started:
            self.counts["duplicate_start"] += 1
            return
        why = self._admission.objection(message.start)
        if why:
            self._step.warn("stream_refused", why=why)
            self._end("refused")
            return
        self.speaking.stream_sid = message.stream_sid
        self.limits.stream_started(self._step.now_us)
        self.listening.start(self._step.now_us)
        self._begin()

    def _begin(self) -> None:
        """Both sides are there, or a recording that needs no model: what was held goes to the caller."""
        ready = self.listening.ready or self._greeting.recorded
        if self.state is not State.OPENING or not self.started or not ready:
            return
        self.speaking.begun = True
        self._floor.happen(Happening.BEGUN)
        self._step.report("begun", after_ms=self._step.now_us // 1000)
        if self.responses.awaited:
            self._floor.happen(Happening.RESPONSE_STARTED)
        if self._ending.asked:
            self._floor.happen(Happening.HANG_UP_ASKED)
        self._flush()

    def _mark_echoed(self, message: stream.MarkEcho) -> None:
        if self._admission.ours(message.stream_sid):
            self.speaking.ledger.echo(message.mark.name, self._step.now_us)

    def _key_pressed(self, message: stream.Dtmf) -> None:
        if self._admission.ours(message.stream_sid):
            self.counts["keys"] += 1

    def _stream_stopped(self, message: stream.Stop) -> None:
        if self._admission.ours(message.stream_sid):
            self._end("caller_hung_up")

    def _phone_closed(self, note: PhoneClosed) -> None:
        self._end("caller_hung_up" if note.clean else "line_lost")

    def _phone_full(self, _: PhoneFull) -> None:
        self.speaking.full = True
        self.counts["phone_full"] += 1

    def _phone_room(self, _: PhoneRoom) -> None:
        self.speaking.full = False
        self._flush()

    def _flush(self) -> None:
        if self.state is State.OPENING:
            return
        messages = self.speaking.flush(self._step.now_us)
        if messages:
            self._step.send_all(messages)
            self._floor.happen(Happening.AUDIO)

    # ---- the session ----

    def _session_created(self, _: events.SessionCreated) -> None:
        self._step.send(events.UpdateSession(self._turns.session(), self._step.event_id("session")))

    def _session_updated(self, event: events.SessionUpdated) -> None:
        mismatch = format_mismatch(event.session)
        if mismatch:
            self._step.warn("format_mismatch", why=mismatch)
            self._end("model_unavailable")
        elif self.listening.ready:
            self._turns.confirmed()
        else:
            self._session_ready()

    def _session_ready(self) -> None:
        """First the greeting is asked for, then the model hears what the caller has said so far."""
        self.limits.session_ready()
        self._step.report("session_ready", after_ms=self._step.now_us // 1000)
        kept = self.listening.open()
        guarded = bool(kept) and self._turns.server_owns
        if guarded:
            self._update_turns(server_owns=False)
        if self._greeting.recorded:
            item = said_item(RECORDED_ITEM, self.settings.greeting)
            self._step.send(events.CreateItem(item, self._step.event_id("item")))
        elif self.settings.greeting:
            self.responses.want(greeting_response(self.settings.greeting, self.settings.session.instructions))
            self._release()
        self._step.send_all(kept)
        if guarded:
            self._update_turns(server_owns=True)
        self._begin()

    def _update_turns(self, *, server_owns: bool) -> None:
        self._step.send(self._turns.update(self._step.event_id("session"), server_owns=server_owns))

    def _model_closed(self, note: ModelClosed) -> None:
        self._step.warn("model_closed", failure=note.failure, code=note.code, reason=note.reason)
        self._end("model_unavailable")

    def _error(self, event: events.Error) -> None:
        if self._faults.error(event.error, ready=self.listening.ready):
            self._end("model_unavailable")

    # ---- the caller speaks ----

    def _speech_started(self, event: events.SpeechStarted) -> None:
        self._floor.caller_speaking = True
        in_backlog = event.audio_start_ms * BYTES_PER_MS < self.listening.backlog_bytes
        dropped = not in_backlog and self._functions.drop_hang_up()
        talking = self._interrupt.possible
        if talking and (in_backlog or not self._may_interrupt()):
            self.counts["interruptions_refused"] += 1
            if not dropped:
                return
        else:
            self.responses.forget()
            if talking:
                self._interrupt.cut()
        self._floor.happen(Happening.SPEECH_STARTED)

    def _may_interrupt(self) -> bool:
        if self.settings.barge_in == "after_greeting":
            return self._greeting.over(self._step.now_us)
        return self.settings.barge_in == "on"

    def _speech_stopped(self, _: events.SpeechStopped) -> None:
        self._floor.caller_stopped()

    def _turn_committed(self, event: events.Committed) -> None:
        """The server answers by itself when it owns the turns, unless a response stands in its way."""
        self.transcript.caller_turn(event.item_id)
        if self.responses.busy or not self._turns.server_acts:
            self.responses.want({})

    def _caller_transcript(self, event: events.CallerTranscript) -> None:
        self.transcript.caller_words(event.item_id, event.transcript.strip())

    # ---- the model answers ----

    def _response_created(self, event: events.ResponseCreated) -> None:
        response = event.response
        if self._turns.server_may_answer:
            self.responses.forget()
        self.responses.created(response.id)
        suppressed = self.responses.suppressed(response.id)
        if suppressed:  # the caller spoke after we had asked and before it was made
            self._step.send(events.CancelResponse(response.id, self._step.event_id("cancel")))
        self._answer.response_created()
        self._greeting.response_created(response.id)
        self._floor.response_started(suppressed=suppressed)

    def _audio_delta(self, event: events.AudioDelta) -> None:
        if self._answer.audio(event):
            self._floor.happen(Happening.AUDIO)

    def _output_item_done(self, event: events.OutputItemDone) -> None:
        self._answer.item_done(event.item.id)
        if not self._functions.item_done(event):
            return
        if self._floor.caller_speaking:
            self._functions.drop_hang_up()
        else:
            self._floor.happen(Happening.HANG_UP_ASKED)

    def _item_done(self, event: events.ItemDone) -> None:
        self._answer.item_done(event.item.id)

    def _response_done(self, event: events.ResponseDone) -> None:
        response = event.response
        self.responses.done(response.id)
        self._answer.response_done(response.id)
        if self._faults.response_done(response):
            self._end("model_unavailable")

    # ---- after each step ----

    def _release(self) -> None:
        request = None if self._floor.caller_speaking else self.responses.release()
        if request is not None:
            self._step.send(request)

    def _settle(self) -> None:
        """What follows from where things now stand: a response that may be asked for, an end of playing, a hang-up."""
        if self.listening.ready:
            self._release()
        if self.state is State.OPENING or self.speaking.audible(self._step.now_us):
            return
        self._greeting.line_silent()
        if self._floor.line_silent(response_awaited=self.responses.awaited):
            self._end("bot_hung_up")

    # ---- the clock and the shell ----

    def _tick(self, _: Tick) -> None:
        if self.listening.ready:
            self._step.send_all(self.listening.tick(self._step.now_us))
        reason = self.limits.passed(self._step.now_us)
        if reason is not None:
            self._step.warn("limit_reached", reason=reason, state=self.state.value)
            self._end(reason)

    def _refused(self, note: Refused) -> None:
        self.counts[f"refused_{note.kind}"] += 1

    def _shutdown(self, note: Shutdown) -> None:
        self._end(note.reason)
