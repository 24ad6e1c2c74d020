"""Barge-in: the bot falls silent, and the model is told what the caller has heard.

The item that was being heard is truncated at the millisecond heard; items never reached are deleted, but only once they
stand finished; items heard to their end are left alone (how-it-works ledger 3; openai-realtime 4).
"""

from __future__ import annotations

from bot.audio.payload import BYTES_PER_MS
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.playout.truncation import Truncation, Verdict, judge
from bot.call.prompts.greeting import HEARD_ITEM, RECORDED_ITEM
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.call.turn_log.turn_facts import TurnLog
from bot.realtime.events import TruncateItem
from bot.realtime.items import message


@part
class BargeIn:
    """Cuts the bot short."""

    _step: Step
    _playout: PlayoutQueue
    _session: CurrentSession
    _turn_log: TurnLog

    def cut(self, *, unheard: bool = False) -> None:
        """In the order of how-it-works ledger 3: snapshot, new epoch, clear, truncate; then the rest.

        `unheard`: the server hears nothing of what interrupts, so it cancels nothing by itself.
        """
        step, session = self._step, self._session.now
        clear, everything = self._playout.cut(step.now_us)
        step.send_all(clear)
        entries = [entry for entry in everything if not entry.aside]
        verdict = judge(entries)
        inherited = session.inherited.items
        for one in verdict.truncations:
            if one.item_id != RECORDED_ITEM and one.item_id not in inherited:
                self._truncate(one)
        suppressed = session.responses.suppress()
        if suppressed is not None and (unheard or not session.turn_ownership.server_acts):
            step.send(session.responses.cancel(suppressed, step.event_id("cancel")))
        self._forget_unheard(verdict)
        if suppressed is not None:
            session.deletes.silenced(suppressed)
        self._turn_log.cut(verdict)
        if inherited:
            session.inherited.cut(verdict.item_ids)
        recorded = verdict.playing is not None and verdict.playing.item_id == RECORDED_ITEM
        if recorded and RECORDED_ITEM not in inherited:
            self._retell()
        if suppressed or (clear and (entries or not everything)):  # a filler cut short is no interruption
            self._report(verdict, generating=suppressed is not None)

    def abandon(self) -> str | None:
        """Wait no longer for the answer, of which the caller has heard all that came. The id of what is cancelled.

        A response that is being made is told to stop, and the model that no more of it was heard.
        """
        step, session = self._step, self._session.now
        response_id = session.responses.give_up()
        if response_id is None:
            return None
        for entry in self._playout.ledger.of_response(response_id):
            if not entry.done:
                self._truncate(Truncation(entry.item_id, entry.content_index, entry.received // BYTES_PER_MS))
                self._turn_log.cut_off(entry)
        step.send(session.responses.cancel(response_id, step.event_id("cancel")))
        session.deletes.silenced(response_id)
        return response_id

    def _truncate(self, one: Truncation) -> None:
        """A server that knows no truncation goes on from all that it made, which nobody can tell it otherwise."""
        if self._session.now.turn_ownership.can_truncate:
            event_id = self._step.event_id("truncate")
            self._step.send(TruncateItem(one.item_id, one.audio_end_ms, one.content_index, event_id))

    def _retell(self) -> None:
        """A recorded greeting is a text item, which can't be truncated: what was heard of it takes its place.

        A session that is not there yet is told no more than that to begin with.
        """
        if not self._session.now.appended.ready:
            return
        step = self._step
        step.delete_item(RECORDED_ITEM)
        heard = self._turn_log.words_of(RECORDED_ITEM)
        if heard:
            step.create_item(message(HEARD_ITEM, "assistant", text=heard), "root")

    def _forget_unheard(self, verdict: Verdict) -> None:
        session = self._session.now
        for entry in {entry.item_id: entry for entry in verdict.unheard}.values():
            if entry.item_id in session.inherited.items:
                continue
            if entry.item_done:
                self._step.delete_item(entry.item_id)
            else:
                session.deletes.wait(entry.item_id, entry.response_id)

    def _report(self, verdict: Verdict, *, generating: bool) -> None:
        self._step.counts["interruptions"] += 1
        playing = verdict.playing
        self._step.report(
            "interrupted",
            item_id=playing.item_id if playing else None,
            heard_ms=playing.heard // BYTES_PER_MS if playing else 0,
            received_ms=playing.received // BYTES_PER_MS if playing else 0,
            unheard_items=len(verdict.unheard),
            generating=generating,
        )
