"""Messages of the phone's side, and the moment from which on the caller hears us."""

from __future__ import annotations

from bot.call.inputs import PhoneClosed, PhoneFull, PhoneRoom
from bot.call.machines import StreamStage
from bot.call.outputs import EndReason
from bot.call.states import Happening, State
from bot.call.wiring import Parts
from bot.twilio import stream


class PhoneSide:
    """Each message of the stream and each note about it. `begin` is for whichever side comes last."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def started(self, message: stream.Start) -> EndReason | None:
        parts, step = self._parts, self._parts.step
        if parts.playout.stream_sid:
            step.counts["duplicate_start"] += 1
            return None
        why = parts.stream_admission.objection(message.start)
        if why:
            step.warn("stream_refused", why=why)
            return "refused"
        parts.playout.start(message.stream_sid, step.now_us)
        if parts.floor.stream_stage is StreamStage.AWAY:
            self._back()
            return None
        parts.state_deadlines.stream_started(step.now_us)
        parts.spending.answered()
        parts.max_duration.stream_started()
        parts.no_progress.stream_started()
        if parts.settings.outgoing:
            parts.who_answered.stream_started()
            parts.turn_log.waits.answered()
        parts.uplink.start(step.now_us)
        self.begin()
        return None

    def _back(self) -> None:
        """The stream that follows one that was left: the call goes on as if it were the same."""
        parts = self._parts
        parts.uplink.start(parts.step.now_us)
        parts.playout.begun = True
        parts.send_digits.back()
        self._flush()

    def begin(self) -> None:
        """Both sides are there, or something to hear that needs no model any more: what was held goes to the caller."""
        parts, floor = self._parts, self._parts.floor
        ready = parts.uplink.ready or parts.playout.waiting
        if floor.state is not State.OPENING or not parts.playout.stream_sid or not ready or floor.hushed:
            return
        parts.playout.begun = True
        floor.happen(Happening.BEGUN)
        if floor.caller_speaking:
            floor.happen(Happening.SPEECH_STARTED)
        parts.step.report("begun", after_ms=parts.step.now_us // 1000)
        if parts.session.now.responses.awaited:
            floor.happen(Happening.RESPONSE_STARTED)
        if floor.hang_up_asked:
            floor.happen(Happening.HANG_UP_ASKED)
        self._flush()
        if parts.playout.ledger.sounds:  # it began behind a filler, before both sides were there
            floor.happen(Happening.AUDIO)

    def mark_echoed(self, message: stream.MarkEcho) -> None:
        """Mostly it tells of nothing but how playing goes on: nothing has begun, and nothing is over."""
        parts = self._parts
        ledger = parts.playout.ledger
        ours = parts.stream_admission.ours(message.stream_sid) and ledger.echo(message.mark.name, parts.step.now_us)
        if ours and ledger.news:
            parts.turn_log.look()
        else:
            parts.step.follows = "nothing"

    def stopped(self, message: stream.Stop) -> EndReason | None:
        return "caller_hung_up" if self._parts.stream_admission.ours(message.stream_sid) else None

    def closed(self, _: PhoneClosed) -> EndReason:
        """Twilio says `stop` when the caller hangs up: a stream that is closed without it was cut, however politely."""
        return "line_lost"

    def full(self, _: PhoneFull) -> None:
        self._parts.playout.full = True
        self._parts.step.counts["phone_full"] += 1

    def room(self, _: PhoneRoom) -> None:
        self._parts.playout.full = False
        self._flush()

    def _flush(self) -> None:
        parts = self._parts
        messages = parts.playout.flush(parts.step.now_us)
        if messages:
            parts.step.send_all(messages)
            parts.floor.happen(Happening.AUDIO)
