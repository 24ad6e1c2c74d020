"""One Realtime session as its server sees it: client events in, server events out, on anybody's clock.

Pure: no socket, no clock, no chance. `receive` takes a client event, `due` gives the texts that leave now, `next_us`
says when to ask again. When `closed` is set the server has closed: what `due` still gives goes out first, then the
close.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bot.realtime.session import Dialect
from bot.testing.agent import Agent, Ears
from bot.testing.model.answering import mcp
from bot.testing.model.answering.active_response import ActiveResponse
from bot.testing.model.answering.generation import Generation
from bot.testing.model.hearing.caller_turns import CallerTurns
from bot.testing.model.protocol import client_events, session_object, xai
from bot.testing.model.protocol.client_items import created
from bot.testing.model.protocol.default_conversation import Conversation, Entry, Memory
from bot.testing.model.protocol.refusal import Refused
from bot.testing.model.protocol.server_events import wire_of
from bot.testing.model.state.behaviour import REFUSALS, Behaviour, CloseAt, SendAt, SpeechAt
from bot.testing.model.state.simulated_state import MS, SessionState

Json = dict[str, Any]

PING_US = 10_000_000
"""Time between pings of a server that pings in JSON, from its opening on: our guess, the recordings are too short."""
EPOCH_S = 1_800_000_000
"""Time when a session opens, in epoch seconds, unless its shell says otherwise."""


class Truncation(NamedTuple):
    us: int
    item_id: str
    content_index: int
    audio_end_ms: int
    accepted: bool


class Deletion(NamedTuple):
    us: int
    item_id: str
    accepted: bool


class SimulatedModel:
    """`agent` says what is spoken, `behaviour` how; `opens_us` is when the WebSocket is open by the caller's clock.

    `speech`: the caller's speech by script; None: it is detected in the audio, by `ears` where there are any, and they
    make out its words too. `check` is called with every client
    event, ValueError from it is a violation. `name` goes into the ids, so that those of two sessions differ. `dialect`:
    whose server this is (bot.testing.model.protocol.server_events).
    """

    def __init__(
        self,
        agent: Agent,
        behaviour: Behaviour | None = None,
        *,
        model: str = "gpt-realtime-2.1",
        opens_us: int = 0,
        epoch_s: int = EPOCH_S,
        speech: Sequence[SpeechAt] | None = None,
        check: Callable[[str], None] | None = None,
        keep_heard: bool = True,
        name: str = "",
        dialect: Dialect = "openai",
        ears: Ears | None = None,
    ) -> None:
        behaviour = Behaviour() if behaviour is None else behaviour
        self.outputs_refused = 0
        opened = session_object.opening(f"sess_{name}0001", model, epoch_s + behaviour.session_s)
        opened = xai.opening(opened) if dialect == "xai" else opened
        self._state = SessionState(
            behaviour, name, opened, wire_of(dialect, reasons=session_object.reasons(model)), dialect
        )
        self._check = check
        self._floor = ActiveResponse(self._state, agent)
        self._listening = CallerTurns(
            self._state, self._floor, opens_us, keep=keep_heard, detect=speech is None, ears=ears
        )
        self.agent = agent
        self.truncations: list[Truncation] = []
        self.deletions: list[Deletion] = []
        self._commands: dict[str, Callable[[Json, int], None]] = {
            "session.update": self._update_session,
            "session.close": lambda _message, _us: self._state.close(1000, ""),
            "input_audio_buffer.append": self._append,
            "session.input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": lambda _message, _us: self._listening.commit(),
            "input_audio_buffer.clear": lambda _message, _us: self._listening.clear(),
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "response.create": lambda message, us: self._floor.create(message.get("response", {}), us),
            "response.cancel": lambda message, us: self._floor.cancel(message.get("response_id"), us),
        }
        self._plan(opens_us, speech or ())

    # ---- the peer ----------------------------------------------------------------------------------------------------

    def receive(self, text: str, now_us: int) -> None:
        """Take one text frame from the client."""
        self._state.agenda.run(now_us)
        if self.closed is not None or self._state.hung:
            return
        if self._check is not None:
            try:
                self._check(text)
            except ValueError as error:
                self.violations.append(f"schema: {error}")
        kind, event_id = "message", None
        try:
            message = client_events.parsed(text)
            kind, event_id = message["type"], message.get("event_id")
            client_events.check(message, self._state.dialect)
            self._commands[kind](message, now_us)
        except Refused as refused:
            self._state.refuse(refused, kind, event_id)
        self._state.agenda.run(now_us)

    def receive_binary(self, now_us: int) -> None:
        """Take one binary frame: not fatal, never right (openai-realtime 1.1)."""
        self._state.agenda.run(now_us)
        refused = Refused("invalid_event", "Binary frames are not accepted: send JSON text.")
        self._state.refuse(refused, "binary frame", None)

    def due(self, now_us: int) -> list[str]:
        """The JSON texts that leave now, in order."""
        self._state.agenda.run(now_us)
        return self._state.agenda.take()

    def next_us(self) -> int | None:
        """Time when `due` will next have something to do."""
        return self._state.agenda.next_us()

    def disconnected(self, now_us: int) -> None:
        """The client's side is closed or gone."""
        self._state.agenda.run(now_us)
        self._state.drop()

    # ---- what a test may ask and do ----------------------------------------------------------------------------------

    @property
    def violations(self) -> list[str]:
        return self._state.violations

    @property
    def errors(self) -> list[Json]:
        """Every error object sent."""
        return self._state.errors

    @property
    def closed(self) -> tuple[int, str] | None:
        """Close code and reason once either side has closed; 1006 for a drop without a closing handshake."""
        return self._state.closed

    @property
    def session(self) -> Json:
        """The effective session object, in OpenAI's shape whatever the dialect."""
        return self._state.session

    @property
    def conversation(self) -> Conversation:
        return self._state.conversation

    @property
    def responses(self) -> list[Generation]:
        """Every response begun, in order."""
        return self._floor.responses

    @property
    def heard(self) -> bytearray:
        """Every byte of input audio, in order; empty with `keep_heard` off."""
        return self._listening.buffer.heard

    @property
    def heard_ms(self) -> int:
        """Milliseconds of input audio that were written."""
        return self._listening.buffer.written_ms

    def memory(self) -> list[Memory]:
        """The items that the model remembers: (role, item_id, audio_ms, truncated) of each."""
        return self._state.conversation.memory()

    def spoken(self, item_id: str) -> bytes:
        """The audio sent of an assistant item, truncated or not."""
        for response in self.responses:
            for output in response.outputs:
                if output.item_id == item_id:
                    return output.entry.audio[: output.entry.audio_bytes]
        raise KeyError(item_id)

    def say(self, speech: SpeechAt) -> None:
        """Script more of the caller's speech."""
        self._listening.script(speech)

    def send(self, what: SendAt) -> None:
        """Script a raw text."""
        self._state.agenda.at(what.us, lambda _us: self._state.agenda.emit_text(what.text))

    def close(self, what: CloseAt) -> None:
        """Script the server's close."""
        self._state.agenda.at(what.us, lambda _us: self._state.close(what.code, what.reason))

    def hang(self) -> None:
        """Do nothing and say nothing from now on, while the socket lives on."""
        self._state.hung = True
        self._state.agenda.stop()

    def expires(self, epoch_s: int) -> None:
        """The session opens at `epoch_s`: for a shell that knows the date. Before session.created has left."""
        self._state.session["expires_at"] = epoch_s + self._state.behaviour.session_s

    def begin_with(self, session: Json) -> None:
        """The session is configured from its first word on, as a client secret's is. Raises Refused."""
        state = self._state
        state.session = session_object.updated(state.session, session, voice_locked=False)
        session_object.merge_asked(state.asked, session)
        self._listening.reconfigure()
        state.configured = True

    # ---- how it opens and ends ---------------------------------------------------------------------------------------

    def _plan(self, opens_us: int, speech: Sequence[SpeechAt]) -> None:
        behaviour, agenda = self._state.behaviour, self._state.agenda
        agenda.now_us = opens_us
        if behaviour.refusal is not None:
            agenda.at(opens_us, self._refuse_handshake)
            return
        if behaviour.created_after_ms is not None:
            agenda.at(opens_us + behaviour.created_after_ms * MS, self._created)
        agenda.at(opens_us + behaviour.session_s * 1_000_000, self._expire)
        for one in speech:
            self.say(one)
        for raw in behaviour.sends:
            self.send(raw)
        if behaviour.closes is not None:
            self.close(behaviour.closes)
        if behaviour.hangs_us is not None:
            agenda.at(behaviour.hangs_us, lambda _us: self.hang())

    def _created(self, _us: int) -> None:
        state = self._state
        state.emit("session.created", session=xai.opened(state.session) if state.dialect == "xai" else state.shown)
        conversation = {"id": f"conv_{state.name}0001", "object": "realtime.conversation"}
        state.emit("conversation.created", conversation=conversation)
        if state.wire.says("ping"):
            self._ping(state.agenda.now_us)

    def _ping(self, us: int) -> None:
        self._state.emit("ping", timestamp=us // MS)
        self._state.agenda.at(us + PING_US, self._ping)

    def _refuse_handshake(self, _us: int) -> None:
        """Send one error and close in the same instant, without session.created (openai-realtime 1.3)."""
        assert self._state.behaviour.refusal is not None
        close_code, code, message = REFUSALS[self._state.behaviour.refusal]
        self._state.error(code, message)
        self._state.close(close_code, "invalid_request_error" + (f".{code}" if code else ""))

    def _expire(self, _us: int) -> None:
        minutes = self._state.behaviour.session_s // 60
        self._state.close(1001, f"Your session hit the maximum duration of {minutes} minutes.")

    # ---- the client's events -----------------------------------------------------------------------------------------

    def _update_session(self, message: Json, now_us: int) -> None:
        state = self._state
        before = state.session["instructions"]
        merged = self._merged(message["session"])
        if state.behaviour.forced_format is not None:
            for side in state.behaviour.forced_sides:
                merged["audio"][side]["format"] = dict(state.behaviour.forced_format)
        state.session = merged
        session_object.merge_asked(state.asked, message["session"])
        if merged["instructions"] != before:
            self._floor.history_changed()
        self._listening.reconfigure()
        if state.behaviour.updated_after_ms is not None:
            shown = state.shown
            state.agenda.at(now_us + state.behaviour.updated_after_ms * MS, lambda _us: self._updated(shown))

    def _merged(self, update: Json) -> Json:
        state, locked = self._state, self._floor.voice_locked
        if state.dialect == "xai":
            return session_object.merged(state.session, xai.inward(update), voice_locked=locked)
        return session_object.updated(state.session, update, voice_locked=locked)

    def _updated(self, shown: Json) -> None:
        self._state.configured = True
        self._state.emit("session.updated", session=shown)
        mcp.list_tools(self._state)

    def _append(self, message: Json, now_us: int) -> None:
        self._listening.append(message["audio"], now_us)

    def _create_item(self, message: Json, _now_us: int) -> None:
        state = self._state
        kind = state.listening["format"]["type"]
        entry = created(message["item"], state.new_id("item"), state.conversation, kind)
        after = message.get("previous_item_id")
        if entry.type == "mcp_approval_response":
            call = mcp.answered(state, message["item"])
            self._place(entry, after)
            if call is not None:
                mcp.approved(state, call)
            return
        if entry.type == "function_call_output":
            if self.outputs_refused < state.behaviour.refuse_outputs:
                self.outputs_refused += 1
                raise Refused("server_error", "The server had an error while processing your request.", benign=True)
            self._floor.tool_answered(entry.body["output"])
            self._floor.after_response(lambda: self._place(entry, after))
        else:
            self._place(entry, after)
            for part in entry.body.get("content", ()):
                self._floor.told(entry.role, part.get("text") or part.get("transcript") or "")

    def _place(self, entry: Entry, after: str | None) -> None:
        """Put an item of the client's where it belongs. Raises Refused."""
        state = self._state
        before = state.wire.follows(entry.type, state.conversation.add(entry, after))
        for step in ("added", "done"):
            state.emit(f"conversation.item.{step}", previous_item_id=before, item=entry.shown(state.wire))

    def _truncate(self, message: Json, now_us: int) -> None:
        item_id, part, end_ms = message["item_id"], message["content_index"], message["audio_end_ms"]
        self.truncations.append(Truncation(now_us, item_id, part, end_ms, accepted=False))
        if self._state.behaviour.refuse_truncate:
            raise Refused("invalid_value", self._state.behaviour.refuse_truncate, benign=True)
        self._state.conversation.truncate(item_id, part, end_ms)
        self.truncations[-1] = self.truncations[-1]._replace(accepted=True)
        self._floor.history_changed(cut=item_id)
        self._state.emit("conversation.item.truncated", item_id=item_id, content_index=part, audio_end_ms=end_ms)

    def _delete(self, message: Json, now_us: int) -> None:
        item_id = message["item_id"]
        self.deletions.append(Deletion(now_us, item_id, accepted=False))
        gone = self._state.conversation.delete(item_id)
        self.deletions[-1] = self.deletions[-1]._replace(accepted=True)
        self._floor.history_changed(cut=gone.id)
        self._state.emit("conversation.item.deleted", item_id=item_id)

    def _retrieve(self, message: Json, _now_us: int) -> None:
        entry = self._state.conversation.find(message["item_id"], "retrieve")
        self._state.emit("conversation.item.retrieved", item=entry.shown(self._state.wire, audio=True))
