"""The session at hand: how it opens, what it is asked for as it goes on, how it is lost."""

from __future__ import annotations

from bot.call.handlers.phone_side import PhoneSide
from bot.call.handlers.session_replacement import SessionReplacement
from bot.call.inputs import ModelClosed, SessionAlive
from bot.call.outputs import EndReason
from bot.call.session.turn_ownership import OPENING_UPDATE, first_update
from bot.call.wiring import Parts
from bot.realtime import events
from bot.realtime.errors import EXPIRED
from bot.realtime.failures import FailureKind


class SessionSide:
    """Messages of a session about itself; those about the conversation are for bot.call.handlers.dialogue."""

    def __init__(self, parts: Parts, phone: PhoneSide) -> None:
        self._parts = parts
        self._phone = phone
        self.replacement = SessionReplacement(parts)

    # ---- it opens ----

    def created(self, _: events.SessionCreated | events.ConversationCreated) -> None:
        """The first word of a session that has two (openai-realtime W8): it is told what to be.

        An idle session has been told this already, as the first thing it heard (bot.server.calls.sessions.warm_pool).
        """
        parts, step = self._parts, self._parts.step
        ownership = parts.session.now.turn_ownership
        if not ownership.told:
            ownership.told = True
            event_id = OPENING_UPDATE if parts.failover.created() else step.event_id("session")
            step.send(first_update(parts.settings, event_id))

    def updated(self, event: events.SessionUpdated) -> EndReason | None:
        parts = self._parts
        if not parts.session.now.formats.settle(event.session):
            return "model_unavailable"
        if parts.uplink.ready:
            parts.session.now.turn_ownership.confirmed()
        elif self.replacement.take_over():
            parts.state_deadlines.session_ready()
            parts.wrap_up.mind(ready=True)
            self._ask()
            parts.step.send_all(parts.uplink.open())
            self._phone.begin()
        else:
            self._ready()
        return None

    def _ready(self) -> None:
        """First the greeting is asked for, then the model hears what the caller has said so far."""
        parts, step = self._parts, self._parts.step
        parts.state_deadlines.session_ready()
        step.report("session_ready", after_ms=step.now_us // 1000)
        kept = parts.uplink.open()
        parts.wrap_up.mind(ready=True)
        self._greet()
        parts.keypad.session_ready()
        if parts.functions.calls:
            self._tell_calls()
        step.send_all(kept)
        parts.hints.session_ready()
        parts.operator.session_ready()
        self._phone.begin()

    def _tell_calls(self) -> None:
        """Tell the first session of the calls that a key stood for before it was there."""
        for item in self._parts.functions.told():
            self._parts.step.create_item(item)
        self._parts.functions.session_ready()
        self._parts.approval.session_ready()

    def _greet(self) -> None:
        """Tell the model what is played to the caller, and have it say what is not recorded."""
        parts, step = self._parts, self._parts.step
        for recorded in filter(None, (parts.announcement.recorded, parts.greeting.recorded)):
            heard = parts.turn_log.words_of(recorded.entry.item_id)
            if heard:
                step.create_item(recorded.item(heard))
        parts.opening.greet()
        self._ask()

    def _ask(self) -> None:
        """Ask for what is wanted, unless the call is to end: it greets nobody then, and asks for no answer first."""
        if not self._parts.wrap_up.reached:
            self._parts.floor.ask()

    def begin(self) -> None:
        """From here on the callee may hear what was held."""
        self._phone.begin()

    # ---- it goes on ----

    def hand_over_turns(self) -> None:
        """Once announcement and greeting have been heard, nothing stands against the server's acting by itself."""
        parts, step = self._parts, self._parts.step
        if parts.floor.may_hand_over_turns():
            ownership = parts.session.now.turn_ownership
            step.send(ownership.update(step.event_id("session"), server_owns=True))

    def alive(self, _: SessionAlive) -> None:
        self._parts.step.follows = "what is due"
        self._parts.uplink.alive()

    # ---- it is lost, or changed ----

    def closed(self, note: ModelClosed) -> EndReason | None:
        return self.lose(note.failure, note.code, note.reason)

    def error(self, event: events.Error) -> EndReason | None:
        retries = self._parts.retries
        self._parts.functions.refused(event.error.event_id)
        if event.error.code == EXPIRED:  # its close follows
            retries.errors[EXPIRED] += 1
            return self.lose("expired", 0, event.error.message or "")
        return "model_unavailable" if retries.error(event.error, ready=self._parts.uplink.ready) else None

    def lose(self, failure: FailureKind, code: int, reason: str) -> EndReason | None:
        """The session is gone, or is to be given up: another one takes its place if that can help."""
        return None if self.replacement.lose(failure, code, reason) else self._parts.failover.none_left()

    def reason(self, reason: EndReason) -> EndReason | None:
        """The reason of the end; None where an operator has the call, which loses its session and goes on."""
        parts = self._parts
        if reason != "model_unavailable" or not parts.floor.taken_over:
            return reason
        parts.step.follows = "anything"
        return self.lose("closed", 0, "an operator has the call")
