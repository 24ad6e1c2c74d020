"""The conversation as the session tells it: the caller speaks, the model answers."""

from __future__ import annotations

from bot.audio.payload import BYTES_PER_MS
from bot.call.outputs import EndReason
from bot.call.parts import Parts
from bot.call.states import Happening
from bot.realtime import events


class Dialogue:
    """Each event of the caller's turns and of the model's responses."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # ---- the caller speaks ----

    def speech_started(self, event: events.SpeechStarted) -> None:
        parts = self._parts
        parts.account.caller_started(event)
        parts.walls.speech_started()
        parts.floor.caller_speaking = True
        in_backlog = event.audio_start_ms * BYTES_PER_MS < parts.listening.guarded_bytes
        dropped = not in_backlog and parts.functions.drop_hang_up()
        may_interrupt = not in_backlog and self._may_interrupt()
        if not may_interrupt and parts.interrupt.bot_speaks:
            parts.step.counts["interruptions_refused"] += 1
            if not dropped:
                return
        else:
            parts.responses.forget()
            parts.faults.caller_spoke()
            if may_interrupt and parts.interrupt.possible:
                parts.farewell.interrupted()
                parts.interrupt.cut()
        parts.floor.happen(Happening.SPEECH_STARTED)

    def _may_interrupt(self) -> bool:
        parts, now_us = self._parts, self._parts.step.now_us
        if not parts.announcement.over(now_us):
            return False
        if parts.settings.barge_in == "after_greeting":
            return parts.greeting.over(now_us)
        return parts.settings.barge_in == "on"

    def speech_stopped(self, event: events.SpeechStopped) -> None:
        parts = self._parts
        parts.account.caller_stopped(event)
        parts.walls.speech_stopped()
        parts.floor.caller_stopped()

    def turn_committed(self, event: events.Committed) -> None:
        """The server answers by itself when it owns the turns, unless a response stands in its way."""
        parts = self._parts
        parts.account.caller_turn(event.item_id)
        parts.walls.caller_turn(event.item_id)
        if parts.responses.busy or not parts.turns.server_acts:
            parts.responses.want({})

    def caller_transcript(self, event: events.CallerTranscript) -> None:
        parts, words = self._parts, event.transcript.strip()
        parts.account.caller_words(event.item_id, words)
        parts.walls.caller_words(event.item_id, words)
        parts.spending.transcription(event)

    # ---- the model answers ----

    def response_created(self, event: events.ResponseCreated) -> None:
        parts, response = self._parts, event.response
        if not parts.farewell.allows(response):
            return
        if parts.turns.server_may_answer:
            parts.responses.forget()
        parts.responses.created(response.id)
        suppressed = parts.responses.suppressed(response.id)
        if suppressed:  # the caller spoke after we had asked and before it was made
            parts.step.send(events.CancelResponse(response.id, parts.step.event_id("cancel")))
        else:
            parts.account.response_created(response.id)
        parts.answer.response_created()
        parts.greeting.response_created(response.id)
        parts.floor.response_started(suppressed=suppressed)
        parts.farewell.created(response)

    def audio_delta(self, event: events.AudioDelta) -> None:
        if self._parts.answer.audio(event):
            self._parts.floor.happen(Happening.AUDIO)

    def output_item_done(self, event: events.OutputItemDone) -> None:
        parts = self._parts
        parts.answer.item_done(event.item.id)
        if not parts.functions.item_done(event):
            return
        if parts.floor.caller_speaking:
            parts.functions.drop_hang_up()
        else:
            parts.floor.happen(Happening.HANG_UP_ASKED)

    def item_done(self, event: events.ItemDone) -> None:
        self._parts.answer.item_done(event.item.id)

    def response_done(self, event: events.ResponseDone) -> EndReason | None:
        parts, response = self._parts, event.response
        parts.responses.done(response.id)
        parts.patience.response_done()
        parts.answer.response_done(response.id)
        parts.spending.response(response)
        if parts.farewell.response_done(response) or not parts.faults.response_done(response):
            return None
        return "model_unavailable"
