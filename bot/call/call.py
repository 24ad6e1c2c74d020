"""One call: what comes in from either side, and what goes out because of it.

Pure: messages, notes and the time go in, messages and reports come out. This file wires the parts and decides order;
what each part does stands in its own file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

from bot.audio.payload import BYTES_PER_MS
from bot.call.greeting import greeting_response
from bot.call.notes import (
    DailySpend,
    DialFailed,
    ModelClosed,
    Note,
    PhoneClosed,
    PhoneFull,
    PhoneRoom,
    Refused,
    SessionAlive,
    SessionExpires,
    SessionWaiting,
    Shutdown,
    Tick,
)
from bot.call.outputs import End, EndReason, Output
from bot.call.parts import Parts
from bot.call.settings import CallSettings
from bot.call.states import Happening, State
from bot.call.succession import Succession
from bot.realtime import events
from bot.realtime.errors import EXPIRED
from bot.realtime.failures import FailureKind
from bot.twilio import stream

Input = stream.Inbound | events.ServerEvent | Note
_SAID_BY_SESSION = frozenset(get_args(events.ServerEvent))
OPENING_UPDATE = "session_1"
"""The event id of every session's first session.update: the one that a call's first event id makes."""


class Call:
    """Feed it `receive(item, now_us)`; when `deadline_us` is reached, feed it a Tick. After an End it stays silent."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self.ended: EndReason | None = None
        self._parts = parts = Parts(settings)
        self.listening, self.speaking = parts.listening, parts.speaking
        self.responses, self.transcript = parts.responses, parts.transcript
        self.limits, self.spending, self.farewell = parts.limits, parts.spending, parts.farewell
        self._step, self._floor, self._sessions = parts.step, parts.floor, parts.sessions
        self._admission, self._announcement, self._answer = parts.admission, parts.announcement, parts.answer
        self._attention, self._account = parts.attention, parts.account
        self._succession = Succession(parts)
        self._handlers: dict[type, Callable[[Any], EndReason | None]] = self._table()
        self._due_us: int | None = None
        self._due_but_playout_us: int | None = None
        self._reckon()

    def _table(self) -> dict[type, Callable[[Any], EndReason | None]]:
        return {
            stream.Start: self._stream_started,
            stream.MarkEcho: self._mark_echoed,
            stream.Dtmf: self._key_pressed,
            stream.Stop: self._stream_stopped,
            self._parts.turns.opening_event: self._session_created,
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
            SessionWaiting: self._sessions.waits,
            DialFailed: self._sessions.failed,
            SessionExpires: self._sessions.expires,
            SessionAlive: self._session_alive,
            PhoneClosed: self._phone_closed,
            PhoneFull: self._phone_full,
            PhoneRoom: self._phone_room,
            Refused: self._refused,
            DailySpend: self.spending.day,
            Shutdown: self._shutdown,
            Tick: self._tick,
        }

    # ---- in and out ----

    def receive(self, item: Input, now_us: int) -> list[Output]:
        """Everything to be done because of `item`, in order. `now_us` never runs backwards."""
        if type(item) is stream.Media:
            return self.frame(item, now_us)
        if self.ended is not None:
            return []
        step = self._step
        step.begin(now_us)
        self.speaking.new_step()
        if type(item) is events.AudioDelta and self._goes_on(item):
            return step.out
        why = self._take(item) or self._settle()
        if why is not None:
            self._end(why)
        self._reckon()
        return step.out

    def frame(self, frame: stream.Media, now_us: int) -> list[Output]:
        """Of a frame of the caller, fifty a second, nobody hears but the model."""
        taken = self.speaking.stream_sid
        if self.ended is not None:
            return []
        if not (taken and frame.stream_sid == taken) and not self._admission.ours(frame.stream_sid):
            return []
        return self.listening.frame(frame, now_us)

    def _goes_on(self, event: events.AudioDelta) -> bool:
        """Whether this is but more of what already plays: nothing follows from it that the next step would not see."""
        if self.state is not State.SPEAKING or self._sessions.deaf or not self._announcement.proven:
            return False
        if not self.speaking.flows(event.item_id, event.content_index):
            return False
        self.listening.alive()
        self._answer.audio(event)
        self._due_us = _sooner(self._due_but_playout_us, self.speaking.over_us())
        return True

    def _take(self, item: Input) -> EndReason | None:
        """What the item itself asks for: why the call is over, None when it goes on."""
        if type(item) in _SAID_BY_SESSION:
            if self._sessions.deaf:
                self.counts["said_by_a_lost_session"] += 1
                return None
            self.listening.alive()
            self._attention.said()
        handler = self._handlers.get(type(item))
        return None if handler is None else handler(item)

    @property
    def state(self) -> State:
        """Who has the floor."""
        return self._floor.state

    @property
    def counts(self) -> Counter[str]:
        """How often what an operator may want to know of has happened."""
        return self._step.counts

    @property
    def errors(self) -> Counter[str]:
        """How often the model's side said that something was wrong, by code (`bot.realtime.errors.LABELS`)."""
        return self._parts.faults.errors

    @property
    def started(self) -> bool:
        """Whether the stream's `start` has come and was accepted."""
        return bool(self.speaking.stream_sid)

    @property
    def announced(self) -> bool:
        """Whether the caller has certainly heard the announcement, if there is one: he may be recorded."""
        return self._announcement.proven

    @property
    def spent_nano_usd(self) -> int:
        """What the call has cost so far, the line included, in billionths of a US dollar."""
        return self.spending.nano_usd

    @property
    def wants_room(self) -> bool:
        """Whether media is held back until a PhoneRoom says that the transport has drained."""
        return self.speaking.full

    @property
    def deadline_us(self) -> int | None:
        """When the next Tick is due. Frames of the caller put off but the end of a gap; all else moves with steps."""
        return None if self.ended is not None else _sooner(self._due_us, self.listening.deadline_us())

    def _reckon(self) -> None:
        """A step is over: when the parts have something to do, should nothing else come."""
        soonest = self.limits.deadline_us()
        for part in (self._sessions, self.spending, self._attention, self._parts.patience, self._parts.walls):
            soonest = _sooner(soonest, part.deadline_us())
        self._due_but_playout_us = soonest
        self._due_us = _sooner(soonest, self.speaking.over_us())

    def _end(self, reason: EndReason) -> None:
        reason = self.farewell.reason(reason)
        self._floor.happen(Happening.OVER)
        self.ended = reason
        self._account.close()
        self._step.send(End(reason))

    # ---- the phone ----

    def _stream_started(self, message: stream.Start) -> EndReason | None:
        if self.started:
            self.counts["duplicate_start"] += 1
            return None
        why = self._admission.objection(message.start)
        if why:
            self._step.warn("stream_refused", why=why)
            return "refused"
        self.speaking.stream_sid = message.stream_sid
        self.limits.stream_started(self._step.now_us)
        self.spending.answered()
        self._parts.walls.stream_started()
        self.listening.start(self._step.now_us)
        self._begin()
        return None

    def _begin(self) -> None:
        """Both sides are there, or a recording that needs no model: what was held goes to the caller."""
        ready = self.listening.ready or self._announcement.recorded or self._parts.greeting.recorded
        if self.state is not State.OPENING or not self.started or not ready:
            return
        self.speaking.begun = True
        self._floor.happen(Happening.BEGUN)
        self._step.report("begun", after_ms=self._step.now_us // 1000)
        if self.responses.awaited:
            self._floor.happen(Happening.RESPONSE_STARTED)
        if self._parts.ending.asked:
            self._floor.happen(Happening.HANG_UP_ASKED)
        self._flush()

    def _mark_echoed(self, message: stream.MarkEcho) -> None:
        ours = self._admission.ours(message.stream_sid)
        if ours and self.speaking.ledger.echo(message.mark.name, self._step.now_us):
            self._account.look()

    def _key_pressed(self, message: stream.Dtmf) -> None:
        if self._admission.ours(message.stream_sid):
            self.counts["keys"] += 1

    def _stream_stopped(self, message: stream.Stop) -> EndReason | None:
        return "caller_hung_up" if self._admission.ours(message.stream_sid) else None

    def _phone_closed(self, note: PhoneClosed) -> EndReason:
        return "caller_hung_up" if note.clean else "line_lost"

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

    def _session_created(self, _: events.SessionCreated | events.ConversationCreated) -> None:
        """An idle session has been told this already, as the first thing it heard (bot.server.warm)."""
        event_id = OPENING_UPDATE if self._sessions.created() else self._step.event_id("session")
        self._step.send(events.UpdateSession(self._parts.turns.session(), event_id))

    def _session_updated(self, event: events.SessionUpdated) -> EndReason | None:
        if not self._parts.formats.settle(event.session):
            return "model_unavailable"
        if self.listening.ready:
            self._parts.turns.confirmed()
        elif self._succession.take_over():
            self.limits.session_ready()
            self._release()
            self._step.send_all(self.listening.open())
            self._begin()
        else:
            self._session_ready()
        return None

    def _session_ready(self) -> None:
        """First the greeting is asked for, then the model hears what the caller has said so far."""
        self.limits.session_ready()
        self._step.report("session_ready", after_ms=self._step.now_us // 1000)
        kept = self.listening.open()
        self.farewell.mind()  # a call that is to end greets nobody
        guarded = bool(kept) and self._parts.turns.server_owns and self._parts.turns.may_leave
        if guarded:
            self._update_turns(server_owns=False)
        for recorded in filter(None, (self._announcement.recorded, self._parts.greeting.recorded)):
            self._step.send(events.CreateItem(recorded.item(), self._step.event_id("item")))
        if self.settings.greeting and not self._parts.greeting.recorded:
            self.responses.want(greeting_response(self.settings.greeting, self.settings.session.instructions))
            self._release()
        self._step.send_all(kept)
        if guarded:
            self._update_turns(server_owns=True)
        self._begin()

    def _update_turns(self, *, server_owns: bool) -> None:
        self._step.send(self._parts.turns.update(self._step.event_id("session"), server_owns=server_owns))

    def _model_closed(self, note: ModelClosed) -> EndReason | None:
        return self._lose_session(note.failure, note.code, note.reason)

    def _session_alive(self, _: SessionAlive) -> None:
        self.listening.alive()

    def _lose_session(self, failure: FailureKind, code: int = 0, reason: str = "") -> EndReason | None:
        """The session is gone, or is to be given up: another one takes its place if that can help."""
        return None if self._succession.lose(failure, code, reason) else self._no_session()

    def _no_session(self) -> EndReason:
        failure = self._sessions.failure
        self._step.warn("model_closed", failure=failure.kind, code=failure.code, reason=failure.reason)
        return "model_unavailable"

    def _change_session(self) -> None:
        calm = not self.responses.busy and not self._floor.caller_speaking
        pause = calm and self.state is State.LISTENING and not self.responses.awaited
        silent = pause and not self.speaking.audible(self._step.now_us)
        self._parts.walls.look(silent=silent and self.listening.ready)
        self._succession.change(pause=silent, calm=calm)

    def _error(self, event: events.Error) -> EndReason | None:
        if event.error.code == EXPIRED:  # its close follows
            self.errors[EXPIRED] += 1
            return self._lose_session("expired", 0, event.error.message or "")
        return "model_unavailable" if self._parts.faults.error(event.error, ready=self.listening.ready) else None

    # ---- the caller speaks ----

    def _speech_started(self, event: events.SpeechStarted) -> None:
        self._account.caller_started(event)
        self._parts.walls.speech_started()
        self._floor.caller_speaking = True
        in_backlog = event.audio_start_ms * BYTES_PER_MS < self.listening.guarded_bytes
        dropped = not in_backlog and self._parts.functions.drop_hang_up()
        talking = self._parts.interrupt.possible
        if talking and (in_backlog or not self._may_interrupt()):
            self.counts["interruptions_refused"] += 1
            if not dropped:
                return
        else:
            self.responses.forget()
            self._parts.faults.caller_spoke()
            if talking:
                self.farewell.interrupted()
                self._parts.interrupt.cut()
        self._floor.happen(Happening.SPEECH_STARTED)

    def _may_interrupt(self) -> bool:
        if not self._announcement.over(self._step.now_us):
            return False
        if self.settings.barge_in == "after_greeting":
            return self._parts.greeting.over(self._step.now_us)
        return self.settings.barge_in == "on"

    def _speech_stopped(self, event: events.SpeechStopped) -> None:
        self._account.caller_stopped(event)
        self._parts.walls.speech_stopped()
        self._floor.caller_stopped()

    def _turn_committed(self, event: events.Committed) -> None:
        """The server answers by itself when it owns the turns, unless a response stands in its way."""
        self._account.caller_turn(event.item_id)
        self._parts.walls.caller_turn(event.item_id)
        if self.responses.busy or not self._parts.turns.server_acts:
            self.responses.want({})

    def _caller_transcript(self, event: events.CallerTranscript) -> None:
        words = event.transcript.strip()
        self._account.caller_words(event.item_id, words)
        self._parts.walls.caller_words(event.item_id, words)
        self.spending.transcription(event)

    # ---- the model answers ----

    def _response_created(self, event: events.ResponseCreated) -> None:
        response = event.response
        if not self.farewell.allows(response):
            return
        if self._parts.turns.server_may_answer:
            self.responses.forget()
        self.responses.created(response.id)
        suppressed = self.responses.suppressed(response.id)
        if suppressed:  # the caller spoke after we had asked and before it was made
            self._step.send(events.CancelResponse(response.id, self._step.event_id("cancel")))
        else:
            self._account.response_created(response.id)
        self._answer.response_created()
        self._parts.greeting.response_created(response.id)
        self._floor.response_started(suppressed=suppressed)
        self.farewell.created(response)

    def _audio_delta(self, event: events.AudioDelta) -> None:
        if self._answer.audio(event):
            self._floor.happen(Happening.AUDIO)

    def _output_item_done(self, event: events.OutputItemDone) -> None:
        self._answer.item_done(event.item.id)
        if not self._parts.functions.item_done(event):
            return
        if self._floor.caller_speaking:
            self._parts.functions.drop_hang_up()
        else:
            self._floor.happen(Happening.HANG_UP_ASKED)

    def _item_done(self, event: events.ItemDone) -> None:
        self._answer.item_done(event.item.id)

    def _response_done(self, event: events.ResponseDone) -> EndReason | None:
        response = event.response
        self.responses.done(response.id)
        self._parts.patience.response_done()
        self._answer.response_done(response.id)
        self.spending.response(response)
        if self.farewell.response_done(response) or not self._parts.faults.response_done(response):
            return None
        return "model_unavailable"

    # ---- after each step ----

    def _hand_over_turns(self) -> None:
        """Once the announcement has been heard, nothing stands against the server's acting by itself."""
        if self._announcement.over(self._step.now_us) and not self.farewell.closing and self._parts.turns.take_owed():
            self._update_turns(server_owns=True)

    def _release(self) -> None:
        request = None if self._floor.caller_speaking else self.responses.release()
        if request is not None:
            self._step.send(request)

    def _settle(self) -> EndReason | None:
        """What follows from where things now stand: why the call is over, None when it goes on."""
        if self._announcement.look(self._step.now_us):
            self._step.report("announcement_heard", after_ms=self._step.now_us // 1000)
        if self.speaking.fresh:
            self._account.begun()
        if self.listening.ready:
            self.farewell.mind()
            self._parts.walls.mind(closing=self.farewell.closing)
            self._hand_over_turns()
            self._release()
        why = self._line_silent()
        if why is None:
            self._change_session()
            self._look()
        return why

    def _line_silent(self) -> EndReason | None:
        """What follows if the caller has heard all there is: the next response, the end of a turn, a hang-up."""
        if self.state is State.OPENING or self.speaking.audible(self._step.now_us):
            return None
        self._parts.greeting.line_silent()
        self._account.look()
        if self._floor.line_silent(response_awaited=self.responses.awaited):
            self.farewell.played_out()
            return "bot_hung_up"
        return self.farewell.why if self.farewell.go_on(ready=self.listening.ready) else None

    def _look(self) -> None:
        """Who waits for whom now."""
        started, ready = self.started, self.listening.ready
        self._attention.look(started=started, ready=ready)
        self._parts.patience.look(started=started, ready=ready, doubtful=self._attention.doubtful)

    # ---- the clock and the shell ----

    def _tick(self, _: Tick) -> EndReason | None:
        if self.listening.ready:
            self._step.send_all(self.listening.tick(self._step.now_us))
        if not self._sessions.tick(audible=self.speaking.audible(self._step.now_us)):
            return self._no_session()
        reason = self.limits.passed(self._step.now_us)
        if reason is not None:
            self._step.warn("limit_reached", reason=reason, state=self.state.value)
            return reason
        if self._attention.tick():
            return self._lose_session("timeout", 0, "it does not answer, and the caller has spoken")
        lost = self._parts.patience.tick()
        if lost == "session":
            return self._lose_session("timeout", 0, "a response that was cancelled is not over")
        return "model_unavailable" if lost == "model" else None

    def _refused(self, note: Refused) -> None:
        self.counts[f"refused_{note.kind}"] += 1

    def _shutdown(self, note: Shutdown) -> EndReason:
        return note.reason


def _sooner(one_us: int | None, other_us: int | None) -> int | None:
    if one_us is None or other_us is None:
        return other_us if one_us is None else one_us
    return min(one_us, other_us)
