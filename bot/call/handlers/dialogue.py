"""The conversation as the session tells it: the caller speaks, the model answers."""

from __future__ import annotations

from bot.call.machines import GoodbyeStage, GreetingStage, TransferStage
from bot.call.outputs import EndReason
from bot.call.states import Happening, State
from bot.call.transcript.transcript import MAX_CHARS
from bot.call.wiring import Parts
from bot.realtime import events

GIVEN = frozenset({"function_call_output", "mcp_approval_response"})
"""Items by which we answer a call."""
REMOTE = frozenset({"mcp_call", "mcp_approval_request"})
"""Items by which the server calls a remote tool, or asks if it may."""


class Dialogue:
    """Each event of the caller's turns and of the model's responses."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # ---- the caller speaks ----

    def speech_started(self, event: events.SpeechStarted) -> None:
        parts = self._parts
        parts.turn_log.caller_started(event)
        parts.floor.caller_started()
        if not parts.floor.sure:
            parts.who_answered.speech_started()
        self.breaks_in()

    def breaks_in(self, *, keyed: bool = False) -> None:
        """The caller begins to speak, or presses a key: the bot falls silent, where they may interrupt it."""
        parts, floor = self._parts, self._parts.floor
        if floor.taken_over:  # they are people: nobody is cut short
            floor.happen(Happening.SPEECH_STARTED)
            return
        dropped = floor.hang_up_asked
        if floor.transfer_stage is not TransferStage.NONE:
            parts.transfer.drop()
        elif dropped:
            parts.end_call.drop()
        may_interrupt = floor.may_interrupt()
        if not may_interrupt and floor.bot_speaks() and not parts.opening.waits:
            parts.step.counts["interruptions_refused"] += 1
            if not dropped:
                return
        elif floor.greeting_stage is GreetingStage.HEARD or parts.opening.heard():
            parts.session.now.responses.forget()
            floor.let_in += 1
            if floor.tools_running:
                parts.functions.caller_spoke()
            if may_interrupt and floor.cuttable():
                if floor.goodbye_stage is not GoodbyeStage.NONE:
                    parts.goodbye.interrupted()
                parts.interrupt.cut(unheard=keyed)
        floor.happen(Happening.SPEECH_STARTED)

    def speech_stopped(self, event: events.SpeechStopped) -> None:
        parts = self._parts
        parts.turn_log.caller_stopped(event)
        if not parts.floor.sure:
            parts.who_answered.speech_stopped()
        parts.floor.caller_stopped()

    def turn_committed(self, event: events.Committed) -> None:
        """The server answers by itself when it owns the turns, unless a response stands in its way."""
        parts = self._parts
        parts.turn_log.caller_turn(event.item_id)
        parts.idle.caller_turn(event.item_id)
        unanswered = not parts.floor.sure and parts.who_answered.turn_committed()
        if unanswered or (parts.floor.taken_over and parts.operator.turn_committed()) or parts.opening.turn_committed():
            return
        session = parts.session.now
        if session.responses.busy or not session.turn_ownership.server_acts:
            session.responses.want({})

    def caller_transcript_grows(self, event: events.CallerTranscriptGrows | events.CallerTranscript) -> None:
        """The turn so far, as it was understood."""
        self._parts.step.follows = "what is due"
        if not self._parts.floor.sure:
            self._parts.step.follows = "anything"
            self._parts.who_answered.words(event.transcript, whole=False)
        self._parts.turn_log.caller_words_so_far(event.item_id, event.transcript.strip())

    def caller_transcript_delta(self, event: events.CallerTranscriptDelta) -> None:
        """More of it, for those who read along: the words that count come completed."""
        self._parts.step.follows = "what is due"
        session = self._parts.session.now
        session.grows(event.item_id, (session.growing.get(event.item_id, "") + event.delta)[:MAX_CHARS])

    def caller_transcript(self, event: events.CallerTranscript) -> None:
        if event.status == "in_progress":
            self.caller_transcript_grows(event)
            return
        parts, words = self._parts, event.transcript.strip()
        parts.turn_log.caller_words(event.item_id, words)
        self._understood(event.item_id, words)
        parts.spending.transcription(event)

    def caller_transcript_failed(self, event: events.CallerTranscriptFailed) -> None:
        """The turn stays without words in the transcript."""
        self._parts.session.now.growing.pop(event.item_id, None)
        if self._parts.retries.not_written_down(event.error):
            self._understood(event.item_id, "")

    def _understood(self, item_id: str, text: str) -> None:
        """Tell the rules what the caller said; empty: no words."""
        self._parts.idle.caller_words(item_id, text)
        self._parts.no_progress.caller_words(text)
        if not self._parts.floor.sure:
            self._parts.who_answered.words(text)

    # ---- the model answers ----

    def response_created(self, event: events.ResponseCreated) -> None:
        parts, floor, response = self._parts, self._parts.floor, event.response
        if not (parts.goodbye.allows(response) and parts.opening.allows() and floor.allows_response()):
            floor.turn_away(response.id)
            return
        responses = parts.session.now.responses
        if parts.session.now.turn_ownership.server_may_answer:
            responses.forget()
        responses.created(response.id)
        suppressed = responses.suppressed(response.id)
        if suppressed:  # the caller spoke after we had asked and before it was made
            parts.step.send(responses.cancel(response.id, parts.step.event_id("cancel")))
        else:
            parts.turn_log.waits.response_created(response.id)
        parts.answer.response_created()
        parts.greeting.response_created(response.id)
        parts.opening.response_created()
        floor.response_started(suppressed=suppressed)
        parts.goodbye.created(response)
        if parts.approval.waiting and not suppressed:
            parts.approval.response_created(response.id)
        if parts.functions.held and not suppressed:
            parts.functions.response_created()
        if floor.transfer_stage is TransferStage.PROMISING and not suppressed:
            parts.transfer.response_created()

    def audio_delta(self, event: events.AudioDelta) -> None:
        """More of what already plays is nothing new."""
        parts = self._parts
        flows = parts.floor.state is State.SPEAKING and parts.playout.flows(event.item_id, event.content_index)
        sent = parts.answer.audio(event)
        if flows:
            parts.step.follows = "nothing"
        elif sent:
            parts.floor.happen(Happening.AUDIO)

    def output_item_added(self, event: events.OutputItemAdded) -> None:
        self._parts.answer.item_added(event)
        if event.item.type == "mcp_call":
            self._parts.step.follows = "anything"
            self._parts.remote.begun(event.item, event.response_id)

    def output_item_done(self, event: events.OutputItemDone) -> None:
        parts = self._parts
        parts.answer.item_done(event.item.id)
        parts.functions.item_done(event)
        if event.item.type in REMOTE:
            parts.remote.done(event.item, event.response_id)

    def item_added(self, event: events.ItemAdded) -> None:
        """An item stands in the conversation: one of ours, or one that is being made."""
        self._parts.step.follows = "what is due"
        if event.item.type in GIVEN:
            self._parts.functions.given(event.item)
        elif event.item.type == "mcp_list_tools":
            self._parts.tool_lists.item_added(event.item)
        elif event.item.type == "mcp_call":
            self._parts.step.follows = "anything"
            self._parts.remote.begun(event.item)

    def item_done(self, event: events.ItemDone) -> None:
        self._parts.step.follows = "what is due"
        if event.item.type in GIVEN:
            self._parts.functions.given(event.item)
        self._parts.answer.item_done(event.item.id)
        if event.item.type in REMOTE:  # also of a call that the server made between two responses
            self._parts.step.follows = "anything"
            self._parts.remote.done(event.item)

    def response_done(self, event: events.ResponseDone) -> EndReason | None:
        parts, response = self._parts, event.response
        responses = parts.session.now.responses
        responses.done(response.id)
        parts.response_timeout.response_done()
        parts.answer.response_done(response.id)
        if parts.session.now.remote_calls:
            parts.remote.response_done(response)
        if parts.functions.owed:
            parts.functions.response_done(response.id)
        if parts.floor.greeting_stage is not GreetingStage.HEARD:
            parts.opening.response_done(response)
        parts.spending.response(event)
        closing = parts.floor.goodbye_stage is not GoodbyeStage.NONE
        if closing and parts.goodbye.response_done(response):
            return None
        cut_short = response.status == "cancelled" and responses.suppressed(response.id)
        return None if cut_short or not parts.retries.response_done(response) else "model_unavailable"
