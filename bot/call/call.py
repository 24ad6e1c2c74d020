"""One call: what comes in from either side, and what goes out because of it.

Pure: messages, notes and the time go in, messages and reports come out. This file wires the parts and decides order;
what each part does stands in its own file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from bot.call.ending import NO_SUCH_FUNCTION, Ending, function_output
from bot.call.interrupt import Unheard, Verdict, judge
from bot.call.ledger import BYTES_PER_MS, Entry
from bot.call.limits import Limits
from bot.call.listening import Listening
from bot.call.notes import ModelClosed, Note, PhoneClosed, PhoneFull, PhoneRoom, Refused, Shutdown, Tick
from bot.call.outputs import End, EndReason, Output, Report
from bot.call.responses import Responses, greeting_response
from bot.call.settings import CallSettings
from bot.call.speaking import Speaking
from bot.call.states import Happening, State, after
from bot.call.transcript import Transcript
from bot.realtime import events
from bot.realtime.errors import severity
from bot.realtime.session import HANG_UP, format_mismatch, session_object, turns_update
from bot.twilio import stream

Input = stream.Inbound | events.ServerEvent | Note


class Call:
    """Feed it `receive(item, now_us)`; when `deadline_us` is reached, feed it a Tick. After an End it stays silent."""

    def __init__(self, settings: CallSettings) -> None:
        self.settings = settings
        self.state = State.OPENING
        self.ended: EndReason | None = None
        self.counts: Counter[str] = Counter()
        self.listening = Listening()
        self.speaking = Speaking()
        self.responses = Responses()
        self.transcript = Transcript()
        self.ending = Ending()
        self.unheard = Unheard()
        self.limits = Limits(settings)
        self._owns_turns = settings.barge_in == "on"
        """Whether the server, by itself, cancels on speech and answers a turn (turn_detection's two flags)."""
        self._turns_updates = 0
        self._greeted = not settings.greeting
        self._greeting_id: str | None = None
        self._caller_speaking = False
        self._answer_due = False
        """The caller's turn is over and the server has yet to start its answer."""
        self._silent_items: set[str] = set()
        """Items of the active response that have had no audio yet."""
        self._retried = False
        self._event_number = 0
        self._now_us = 0
        self._out: list[Output] = []
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
            events.OutputItemAdded: self._output_item_added,
            events.OutputItemDone: self._output_item_done,
            events.ItemDone: self._item_done,
            events.AudioDelta: self._audio_delta,
            events.AudioDone: self._audio_done,
            events.TranscriptDelta: self._transcript_delta,
            events.TranscriptDone: self._transcript_done,
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
        self._now_us = now_us
        self._out = []
        self.speaking.new_step()
        if type(item) is stream.Media:
            self._frame(item)
            return self._out
        handler = self._handlers.get(type(item))
        if handler is not None:
            handler(item)
        if self.ended is None:
            self._settle()
        return self._out

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
        times = (self.listening.deadline_us(), self.speaking.over_us(), self.limits.deadline_us())
        return min((at for at in times if at is not None), default=None)

    def _event_id(self, what: str) -> str:
        self._event_number += 1
        return f"{what}_{self._event_number}"

    def _report(self, event: str, **details: Any) -> None:
        self._out.append(Report(event, details))

    def _warn(self, event: str, **details: Any) -> None:
        self._out.append(Report(event, details, "warning"))

    def _happen(self, happening: Happening) -> None:
        before, self.state = self.state, after(self.state, happening)
        if self.state is not before or happening is Happening.AUDIO:
            self.limits.entered(self.state, self._now_us)

    def _end(self, reason: EndReason) -> None:
        if self.ended is not None:
            return
        self._happen(Happening.OVER)
        self.ended = reason
        self._out.append(End(reason))

    # ---- the phone ----

    def _stream_started(self, message: stream.Start) -> None:
        start, chosen = message.start, self.settings
        if self.speaking.stream_sid:
            self.counts["duplicate_start"] += 1
            return
        form = start.media_format
        if (form.encoding, form.sample_rate, form.channels) != ("audio/x-mulaw", 8000, 1):
            self._warn(
                "stream_refused", why=f"the stream is {form.encoding} at {form.sample_rate} Hz, not mu-law at 8000"
            )
            self._end("refused")
        elif (chosen.call_sid and start.call_sid != chosen.call_sid) or (
            chosen.account_sid and start.account_sid != chosen.account_sid
        ):
            self._warn("stream_refused", why="start names another call or account than the stream's token")
            self._end("refused")
        else:
            self.speaking.stream_sid = message.stream_sid
            self.limits.stream_started(self._now_us)
            self.listening.start(self._now_us)
            self._begin()

    def _begin(self) -> None:
        """Both sides are there: what was held goes to the caller."""
        if self.state is not State.OPENING or not self.speaking.stream_sid or not self.listening.ready:
            return
        self.speaking.begun = True
        self._happen(Happening.BEGUN)
        self._report("begun", after_ms=self._now_us // 1000)
        if self.responses.awaited:
            self._happen(Happening.RESPONSE_STARTED)
        if self.ending.asked:
            self._happen(Happening.HANG_UP_ASKED)
        self._flush()

    def _ours(self, stream_sid: str) -> bool:
        if stream_sid and stream_sid == self.speaking.stream_sid:
            return True
        self.counts["foreign_stream" if self.speaking.stream_sid else "before_start"] += 1
        return False

    def _frame(self, message: stream.Media) -> None:
        if self._ours(message.stream_sid):
            self._out.extend(self.listening.frame(message, self._now_us))

    def _mark_echoed(self, message: stream.MarkEcho) -> None:
        if self._ours(message.stream_sid):
            self.speaking.ledger.echo(message.mark.name, self._now_us)

    def _key_pressed(self, message: stream.Dtmf) -> None:
        if self._ours(message.stream_sid):
            self.counts["keys"] += 1

    def _stream_stopped(self, message: stream.Stop) -> None:
        if self._ours(message.stream_sid):
            self._end("caller_hung_up")

    def _phone_closed(self, note: PhoneClosed) -> None:
        self._end("caller_hung_up" if note.clean else "line_lost")

    def _phone_full(self, _: PhoneFull) -> None:
        self.speaking.full = True
        self.counts["phone_full"] += 1

    def _phone_room(self, _: PhoneRoom) -> None:
        self.speaking.full = False
        self._flush()

    # ---- the session ----

    def _session_created(self, _: events.SessionCreated) -> None:
        session = session_object(self.settings.session, server_owns_turns=self._owns_turns)
        self._out.append(events.UpdateSession(session, self._event_id("session")))

    def _session_updated(self, event: events.SessionUpdated) -> None:
        mismatch = format_mismatch(event.session)
        if mismatch:
            self._warn("format_mismatch", why=mismatch)
            self._end("model_unavailable")
        elif self.listening.ready:
            self._turns_updates = max(0, self._turns_updates - 1)
        else:
            self._session_ready()

    def _session_ready(self) -> None:
        """First the greeting is asked for, then the model hears what the caller has said so far."""
        self.limits.session_ready()
        self._report("session_ready", after_ms=self._now_us // 1000)
        kept = self.listening.open()
        guarded = bool(kept) and self._owns_turns
        if guarded:
            self._update_turns(server_owns_turns=False)
        if self.settings.greeting:
            self.responses.want(greeting_response(self.settings.greeting, self.settings.session.instructions))
            self._release()
        self._out.extend(kept)
        if guarded:
            self._update_turns(server_owns_turns=True)
        self._begin()

    def _update_turns(self, *, server_owns_turns: bool) -> None:
        """Speech inside the backlog must not cancel the greeting, and the server reads our messages in order."""
        session = turns_update(self.settings.session.turn_detection, server_owns_turns=server_owns_turns)
        self._out.append(events.UpdateSession(session, self._event_id("session")))
        self._turns_updates += 1

    def _model_closed(self, note: ModelClosed) -> None:
        self._warn("model_closed", failure=note.failure, code=note.code, reason=note.reason)
        self._end("model_unavailable")

    def _error(self, event: events.Error) -> None:
        problem = event.error
        weight = severity(problem)
        self.counts[f"model_error_{weight}"] += 1
        if problem.code == "conversation_already_has_active_response":
            self.responses.refused(problem.event_id, another_active=True)
            return
        self._warn(
            "model_error", severity=weight, code=problem.code, message=problem.message, event_id=problem.event_id
        )
        if self._ends_the_call(problem, weight):
            self._end("model_unavailable")
        elif self.responses.refused(problem.event_id):
            self._once_more()

    def _ends_the_call(self, problem: events.Problem, weight: str) -> bool:
        """Before it is ready, a refused session.update ends a session; a refused handshake closes by itself."""
        if self.listening.ready:
            return weight == "fatal"
        return problem.event_id is not None or problem.code == "insufficient_quota"

    # ---- the caller speaks ----

    def _speech_started(self, event: events.SpeechStarted) -> None:
        self._caller_speaking = True
        in_backlog = event.audio_start_ms * BYTES_PER_MS < self.listening.backlog_bytes
        dropped = not in_backlog and self._drop_hang_up()
        talking = self.speaking.audible(self._now_us) or self.responses.busy
        if talking and (in_backlog or not self._may_interrupt()):
            self.counts["interruptions_refused"] += 1
            if not dropped:
                return
        else:
            self.responses.forget()
            self._interrupt()
        self._happen(Happening.SPEECH_STARTED)

    def _may_interrupt(self) -> bool:
        if self.settings.barge_in == "after_greeting":
            return self._greeted or self._greeting_heard()
        return self.settings.barge_in == "on"

    def _greeting_heard(self) -> bool:
        """Whether the greeting is over although what came behind it still plays."""
        greeting = self._greeting_id
        if greeting is None or greeting == self.responses.active:
            return False
        entries = self.speaking.ledger.heard(self._now_us)
        return all(entry.finished for entry in entries if entry.response_id == greeting)

    def _drop_hang_up(self) -> bool:
        item = self.ending.drop()
        if item is not None:
            self._report("hang_up_dropped")
            self._out.append(events.CreateItem(item, self._event_id("item")))
        return item is not None

    def _interrupt(self) -> None:
        """Barge-in, in the order of DESIGN's rule 3: snapshot, new epoch, clear, truncate; then the rest."""
        now_us = self._now_us
        if not self.speaking.audible(now_us) and not self.responses.busy:
            return
        clear, entries = self.speaking.cut(now_us)
        self._out.extend(clear)
        verdict = judge(entries)
        for cut in verdict.truncations:
            event_id = self._event_id("truncate")
            self._out.append(events.TruncateItem(cut.item_id, cut.audio_end_ms, cut.content_index, event_id))
        suppressed = self.responses.suppress()
        if suppressed is not None and not (self._owns_turns and not self._turns_updates):
            self._out.append(events.CancelResponse(suppressed, self._event_id("cancel")))
        self._forget_unheard(verdict, suppressed)
        self._cut_transcript(verdict, entries)
        if clear or suppressed:
            self._report_cut(verdict, generating=suppressed is not None)

    def _forget_unheard(self, verdict: Verdict, suppressed: str | None) -> None:
        for entry in {entry.item_id: entry for entry in verdict.unheard}.values():
            if entry.item_done:
                self._delete(entry.item_id)
            else:
                self.unheard.wait(entry.item_id, entry.response_id)
        if suppressed is not None:
            for item_id in sorted(self._silent_items):
                self.unheard.wait(item_id, suppressed)
                self.transcript.cut(item_id, 0, 0, 0, all_came=False)

    def _delete(self, item_id: str) -> None:
        self._out.append(events.DeleteItem(item_id, self._event_id("delete")))

    def _cut_transcript(self, verdict: Verdict, entries: list[Entry]) -> None:
        for entry in entries:
            if entry is verdict.playing or entry in verdict.unheard:
                self.transcript.cut(
                    entry.item_id, entry.content_index, entry.heard, entry.received, all_came=entry.done
                )

    def _report_cut(self, verdict: Verdict, *, generating: bool) -> None:
        self.counts["interruptions"] += 1
        playing = verdict.playing
        self._report(
            "interrupted",
            item_id=playing.item_id if playing else None,
            heard_ms=playing.heard // BYTES_PER_MS if playing else 0,
            received_ms=playing.received // BYTES_PER_MS if playing else 0,
            unheard_items=len(verdict.unheard),
            generating=generating,
        )

    def _speech_stopped(self, _: events.SpeechStopped) -> None:
        self._caller_speaking = False
        self._answer_due = self._answer_due or self.state is State.HEARING
        self._happen(Happening.SPEECH_STOPPED)

    def _turn_committed(self, event: events.Committed) -> None:
        """The server answers by itself when it owns the turns, unless a response stands in its way."""
        self.transcript.caller_turn(event.item_id)
        if not self._owns_turns or self._turns_updates or self.responses.busy:
            self.responses.want({})

    def _caller_transcript(self, event: events.CallerTranscript) -> None:
        self.transcript.caller_words(event.item_id, event.transcript.strip())

    # ---- the model answers ----

    def _response_created(self, event: events.ResponseCreated) -> None:
        response = event.response
        if self._owns_turns:
            self.responses.forget()
        self.responses.created(response.id)
        if self.responses.suppressed(response.id):  # the caller spoke after we had asked and before it was made
            self._out.append(events.CancelResponse(response.id, self._event_id("cancel")))
        else:
            self._answer_due = False
        self._silent_items.clear()
        if self._greeting_id is None and not self._greeted:
            self._greeting_id = response.id
        self._happen(Happening.RESPONSE_STARTED)

    def _output_item_added(self, event: events.OutputItemAdded) -> None:
        item = event.item
        if item.type != "message":
            return
        if self.responses.suppressed(event.response_id):
            self.unheard.wait(item.id, event.response_id)
        elif event.response_id == self.responses.active:
            self._silent_items.add(item.id)

    def _audio_delta(self, event: events.AudioDelta) -> None:
        if not self.responses.audible(event.response_id):
            self.counts["late_deltas"] += 1
            return
        if not event.delta:
            return
        self._silent_items.discard(event.item_id)
        entry = self.speaking.ledger.entry(event.item_id, event.content_index, event.response_id)
        self._play(self.speaking.delta(entry, event.delta, self._now_us))

    def _audio_done(self, event: events.AudioDone) -> None:
        for entry in self.speaking.ledger.find(event.item_id):
            if entry.content_index == event.content_index:
                self._out.extend(self.speaking.done(entry, self._now_us))

    def _play(self, messages: list[stream.Outbound]) -> None:
        if messages:
            self._out.extend(messages)
            self._happen(Happening.AUDIO)

    def _flush(self) -> None:
        if self.state is not State.OPENING:
            self._play(self.speaking.flush(self._now_us))

    def _transcript_delta(self, event: events.TranscriptDelta) -> None:
        if not self.responses.audible(event.response_id):
            return
        received = sum(
            entry.received
            for entry in self.speaking.ledger.find(event.item_id)
            if entry.content_index == event.content_index
        )
        self.transcript.bot_words(event.item_id, event.content_index, event.delta, received)

    def _transcript_done(self, event: events.TranscriptDone) -> None:
        if self.responses.audible(event.response_id):
            self.transcript.bot_words_done(event.item_id, event.content_index, event.transcript)

    def _output_item_done(self, event: events.OutputItemDone) -> None:
        item = event.item
        self._finish_item(item.id)
        if item.type == "function_call" and item.status in {"completed", None}:
            self._function_called(item, event.response_id)

    def _function_called(self, item: events.Item, response_id: str) -> None:
        call_id = item.call_id or ""
        if self.responses.suppressed(response_id):
            self._out.append(events.CreateItem(function_output(call_id, "interrupted"), self._event_id("item")))
        elif item.name == HANG_UP:
            self.ending.ask(call_id)
            self._report("hang_up_asked")
            if self._caller_speaking:
                self._drop_hang_up()
            else:
                self._happen(Happening.HANG_UP_ASKED)
        else:
            self._out.append(events.CreateItem(function_output(call_id, NO_SUCH_FUNCTION), self._event_id("item")))
            self.responses.want({})

    def _item_done(self, event: events.ItemDone) -> None:
        self._finish_item(event.item.id)

    def _finish_item(self, item_id: str) -> None:
        for entry in self.speaking.ledger.find(item_id):
            entry.item_done = True
        if self.unheard.item_done(item_id):
            self._delete(item_id)

    def _response_done(self, event: events.ResponseDone) -> None:
        response = event.response
        self.responses.done(response.id)
        self._silent_items.clear()
        for entry in self.speaking.ledger.of_response(response.id):
            entry.item_done = True
            self._out.extend(self.speaking.done(entry, self._now_us))
        for item_id in self.unheard.response_done(response.id):
            self._delete(item_id)
        if response.status == "failed":
            self._response_failed(response)
        elif response.status == "completed":
            self._retried = False
        if response.status == "incomplete":
            self._warn("response_incomplete", details=_words(response))

    def _response_failed(self, response: events.Response) -> None:
        problem = response.status_details.error if response.status_details else None
        self._warn("response_failed", details=_words(response))
        if problem is not None and severity(problem) == "fatal":
            self._end("model_unavailable")
        elif not self.responses.suppressed(response.id):
            self.responses.want(self.responses.parameters)
            if response.id == self._greeting_id:
                self._greeting_id = None
            self._once_more()

    def _once_more(self) -> None:
        """A model that fails twice in a row is not there."""
        if self._retried:
            self._end("model_unavailable")
        self._retried = True

    # ---- after each step ----

    def _release(self) -> None:
        request = None if self._caller_speaking else self.responses.release()
        if request is not None:
            self._out.append(request)

    def _settle(self) -> None:
        """What follows from where things now stand: a response that may be asked for, an end of playing, a hang-up."""
        if self.listening.ready:
            self._release()
        if self.state is State.OPENING or self.speaking.audible(self._now_us):
            return
        if self.responses.active is None and self._greeting_id is not None:
            self._greeted = True
        if self.state is State.SPEAKING:
            self._happen(Happening.PLAYED_OUT)
            if self._caller_speaking:
                self._happen(Happening.SPEECH_STARTED)
            elif self.responses.awaited:
                self._happen(Happening.RESPONSE_STARTED)
        elif self.state is State.THINKING and not self.responses.awaited and not self._answer_due:
            self._happen(Happening.RESPONSE_OVER)
        if self.state is State.CLOSING and not self.responses.awaited:
            self._end("bot_hung_up")
        elif self.state is State.CLOSING:
            self.limits.goodbye_missing(self._now_us)

    # ---- the clock and the shell ----

    def _tick(self, _: Tick) -> None:
        if self.listening.ready:
            self._out.extend(self.listening.tick(self._now_us))
        reason = self.limits.passed(self._now_us)
        if reason is not None:
            self._warn("limit_reached", reason=reason, state=self.state.value)
            self._end(reason)

    def _refused(self, note: Refused) -> None:
        self.counts[f"refused_{note.kind}"] += 1

    def _shutdown(self, note: Shutdown) -> None:
        self._end(note.reason)


def _words(response: events.Response) -> str:
    """Status details in words, for an operator."""
    details = response.status_details
    if details is None:
        return response.status
    if details.error is not None:
        return f"{details.error.code or details.error.type}: {details.error.message}"
    return details.reason or response.status
