"""What a response says, on its way to the caller and into the transcript: deltas, items and their ends."""

from __future__ import annotations

from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.turn_log.turn_facts import TurnLog
from bot.realtime import events


@part
class Answer:
    """Of a response that was interrupted nothing is heard or read; its items are deleted as they are finished."""

    _step: Step
    _playout: PlayoutQueue
    _session: CurrentSession
    _turn_log: TurnLog

    def response_created(self) -> None:
        self._session.now.deletes.next_response()

    def item_added(self, event: events.OutputItemAdded) -> None:
        self._step.follows = "what is due"
        item = event.item
        if item.type != "message":
            return
        session = self._session.now
        if session.responses.suppressed(event.response_id):
            session.deletes.wait(item.id, event.response_id)
        elif event.response_id == session.responses.active:
            session.deletes.announced(item.id)
        if item.phase == "commentary":
            session.preamble = event.response_id

    def audio(self, event: events.AudioDelta) -> bool:
        """More audio: whether any went to the caller."""
        session = self._session.now
        if not session.responses.audible(event.response_id):
            self._step.counts["late_deltas"] += 1
            return False
        if not event.delta:
            return False
        ledger = self._playout.ledger
        content_index = ledger.content(event.item_id, event.content_index)
        if not ledger.has_room(event.item_id, content_index):
            self._step.counts["deltas_without_room"] += 1
            return False
        session.responses.answered(event.response_id)
        session.deletes.sounded(event.item_id)
        entry = ledger.entry(event.item_id, content_index, event.response_id)
        messages = self._playout.delta(entry, event.delta, self._step.now_us)
        self._step.send_all(messages)
        return bool(messages)

    def audio_done(self, event: events.AudioDone) -> None:
        for entry in self._playout.ledger.find(event.item_id):
            if entry.content_index == event.content_index:
                self._step.send_all(self._playout.done(entry, self._step.now_us))
                self._turn_log.audio_done(entry)

    def words(self, event: events.TranscriptDelta) -> None:
        self._step.follows = "what is due"
        if self._session.now.responses.audible(event.response_id):
            self._turn_log.words(event)

    def words_done(self, event: events.TranscriptDone) -> None:
        self._step.follows = "what is due"
        if self._session.now.responses.audible(event.response_id):
            self._turn_log.words_done(event)

    def item_done(self, item_id: str) -> None:
        """The item stands finished in the conversation."""
        for entry in self._playout.ledger.find(item_id):
            entry.item_done = True
        self._turn_log.item_done(item_id)
        if self._session.now.deletes.item_done(item_id):
            self._step.delete_item(item_id)

    def response_done(self, response_id: str) -> None:
        """So do all items of the response, and no more audio of it comes. What it only wrote was not said."""
        responses, deletes = self._session.now.responses, self._session.now.deletes
        if responses.empty(response_id) and responses.active is None:
            deletes.silenced(response_id)
        deletes.next_response()
        for entry in self._playout.ledger.of_response(response_id):
            entry.item_done = True
            self._step.send_all(self._playout.done(entry, self._step.now_us))
        self._turn_log.response_done(response_id)
        for item_id in deletes.response_done(response_id):
            self._step.delete_item(item_id)
