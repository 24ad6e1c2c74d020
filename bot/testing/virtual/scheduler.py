"""A whole call in virtual time: the pure core, the simulated phone and model, and the lines between them.

No event loop, no sockets, no clock: time jumps from one thing that happens to the next. Every message is encoded by
its sender and parsed by its receiver's real parser, as on the wire. Time 0 is the webhook, when the model is dialled.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count
from typing import NamedTuple, Protocol

import msgspec

from bot.call.facts import Fact
from bot.call.inputs import (
    DialFailed,
    ModelClosed,
    Note,
    PhoneClosed,
    PhoneFull,
    PhoneRoom,
    Refused,
    SessionWaiting,
    Tick,
    ToolDone,
    TransferChecked,
)
from bot.call.outputs import (
    FACTS,
    PHONE_MESSAGES,
    Adopt,
    CancelTool,
    CheckTransfer,
    Dial,
    Drop,
    DropKeys,
    End,
    EndReason,
    HideKeys,
    LeaveStream,
    Output,
    Report,
    RunTool,
    Transcode,
    Transfer,
)
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.realtime.failures import Failure, failure_of_close
from bot.recording.fixture import Way
from bot.recording.told_outputs import TOLD, told_as
from bot.server.calls.phone_side.hidden_keys import HiddenKeys
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.network.line import Line
from bot.testing.virtual.virtual_session import ModelPeer, Redial, VirtualSession, unanswered
from bot.twilio import stream

FULL_BYTES = 65_536
BEAT_US = 10_000
"""Time until the shell looks again whether there is room (bot.server.calls.process_timer)."""
KEY_US, REOPEN_US = 500_000, 300_000
"""Time that Twilio takes for a key it plays, and to open the stream behind."""
_STUCK_STEPS = 100_000


class Core(Protocol):
    """bot.call.call.Call, as far as a shell knows it."""

    @property
    def deadline_us(self) -> int | None: ...
    def receive(self, item: stream.Inbound | events.ServerEvent | Note, now_us: int) -> list[Output]: ...


class LogLine(NamedTuple):
    """One line of the call in the order in which the core was fed and answered; `text` is JSON.

    `socket` numbers the sessions, and the streams.
    """

    us: int
    way: Way
    text: str
    socket: int = 0


class VirtualCall:
    """Runs one call. `out_line` is bot to phone, `in_line` phone to bot; the model has two of its own.

    `start_us` is when the stream opens. A stalled out_line lets the bot's transport fill up: at `FULL_BYTES` the core
    is told so, and again when it has drained. `redial` answers when the core wants another session than `model`, which
    is then configured as for a call with these `settings`. `tools` says how long each tool takes, in us, and what it
    answers; one that is not there never answers. `more_phones` are those of the streams that follow one that was left
    for digits to be played; without one more there is none. `checks` says the same of destinations: why one is not
    free, or "".
    """

    def __init__(
        self,
        core: Core,
        phone: SimulatedPhone,
        model: ModelPeer,
        *,
        out_line: Line | None = None,
        in_line: Line | None = None,
        model_out_line: Line | None = None,
        model_in_line: Line | None = None,
        start_us: int = 300_000,
        redial: Redial = unanswered,
        settings: CallSettings | None = None,
        tools: Mapping[str, tuple[int, str]] | None = None,
        more_phones: Iterable[SimulatedPhone] = (),
        checks: Mapping[str, tuple[int, str]] | None = None,
    ) -> None:
        self.core = core
        self.phone = phone
        self.sessions = [VirtualSession(model)]
        """All that were dialled and answered, in order."""
        self.now_us = 0
        self.log: list[LogLine] = []
        self.reports: list[tuple[int, Report]] = []
        self.facts: list[tuple[int, Fact]] = []
        self.ended: tuple[int, EndReason] | None = None
        self._out_line = out_line or Line()
        self._in_line = in_line or Line()
        self._model_out_line = model_out_line or Line()
        self._model_in_line = model_in_line or Line()
        self._order = count()
        self._heap: list[tuple[int, int, Callable[[str], None], str]] = []
        self._deadline_us = core.deadline_us
        self._session = self.sessions[0]
        self._following: VirtualSession | None = None
        self._redial = redial
        self._settings = settings or CallSettings()
        self._tools = tools or {}
        self._checks = checks or {}
        self.transfer: Transfer | None = None
        """The destination that the caller was put through to at the end."""
        self._running: set[str] = set()
        self._more_phones = iter(more_phones)
        self._stream = 0
        self._ear: Callable[[bytes], None] = self._hear
        self._hidden = HiddenKeys(self._hear, self._note, self._listen, lambda: self.now_us / 1e6)
        self._held_bytes = 0
        self._full = False
        self._looking = False
        """True while the shell is about to look for room."""
        self._phone_gone = False
        self._encode = msgspec.json.Encoder().encode
        self._at(start_us, self._open_phone)

    def run(self, limit_us: int = 600_000_000) -> EndReason | None:
        """Run until nothing is left to happen, or until `limit_us`. Gives why the call ended; None if it has not."""
        steps_now, steps = -1, 0
        while (coming := self._next()) is not None and coming[0] <= limit_us:
            at_us, happen = coming
            steps = steps + 1 if at_us == steps_now else 0
            steps_now = at_us
            if steps > _STUCK_STEPS:
                raise RuntimeError(f"time stands still at {at_us} us: the call or a peer has something due forever")
            self.now_us = max(self.now_us, at_us)
            happen()
        return self.ended[1] if self.ended else None

    def tell(self, at_us: int, note: Note) -> None:
        """The shell tells the core something at `at_us`, if the call still goes on."""
        self._at(at_us, lambda _: self._note(note))

    # ---- what happens next -------------------------------------------------------------------------------------------

    def _next(self) -> tuple[int, Callable[[], None]] | None:
        """The earliest of: an arrival, what a peer has to send, the core's deadline; at the same time in this order."""
        soonest: tuple[int, Callable[[], None]] | None = None
        if self._heap:
            soonest = (self._heap[0][0], self._arrive)
        if not self._phone_gone:
            soonest = _sooner(soonest, self.phone.next_us(), self._take_from_phone)
        for session in self.sessions:
            if not session.gone:
                soonest = _sooner(soonest, session.peer.next_us(), partial(self._take_from_model, session))
        if not self.ended:
            soonest = _sooner(soonest, self._deadline_us, self._tick)
        return soonest

    def _arrive(self) -> None:
        _, _, deliver, text = heapq.heappop(self._heap)
        deliver(text)

    def _tick(self) -> None:
        self._note(Tick())

    def _take_from_phone(self) -> None:
        for text in self.phone.due(self.now_us):
            self._at(self._in_line.arrival(self.now_us), partial(self._from_phone, self.phone), text)
        if self.phone.hung_up:
            self._phone_gone = True
            self._at(self._in_line.arrival(self.now_us), self._phone_closed)

    def _take_from_model(self, session: VirtualSession) -> None:
        for text in session.peer.due(self.now_us):
            self._at(self._model_in_line.arrival(self.now_us), partial(self._from_model, session), text)
        if session.peer.closed is not None:
            session.gone = True
            self._at(self._model_in_line.arrival(self.now_us), partial(self._model_closed, session))

    def _at(self, at_us: int, deliver: Callable[[str], None], text: str = "") -> None:
        heapq.heappush(self._heap, (at_us, next(self._order), deliver, text))

    # ---- to the core -------------------------------------------------------------------------------------------------

    def _from_phone(self, phone: SimulatedPhone, text: str) -> None:
        if phone is self.phone:
            self._ear(text.encode())

    def _hear(self, text: bytes) -> None:
        try:
            item = stream.parse(text)
        except stream.BadMessage as error:
            self._note(Refused("phone>bot", error.kind))
            return
        self._feed("phone>bot", text.decode(), item, self._stream)

    def _listen(self, on_text: Callable[[bytes], None]) -> None:
        self._ear = on_text

    def _from_model(self, session: VirtualSession, text: str) -> None:
        if session is self._following:
            self._introduced(session, text)
            return
        if session is not self._session:
            return
        text = session.translated(text)
        try:
            item = events.parse(text)
        except events.BadEvent as error:
            self._note(Refused("model>bot", error.kind))
            return
        self._feed("model>bot", text, item, session.number)

    def _phone_closed(self, _: str) -> None:
        self._note(PhoneClosed(1000 if self.phone.hung_up == "clean" else 1006))

    def _model_closed(self, session: VirtualSession, _: str = "") -> None:
        failure = failure_of_close(*(session.peer.closed or (1006, "")))
        if session is self._session:
            self._note(ModelClosed(*failure))
        elif session is self._following:
            self._dial_failed(failure)

    # ---- another session ---------------------------------------------------------------------------------------------

    def _dial(self, order: Dial) -> None:
        answer = self._redial(self.now_us)
        if isinstance(answer, Failure):
            self._at(self.now_us, lambda _: self._dial_failed(answer))
            return
        session = self._following = VirtualSession(answer, len(self.sessions))
        self.sessions.append(session)
        self._at(self.now_us + round(order.within_s * 1_000_000), partial(self._too_late, session))

    def _introduced(self, session: VirtualSession, text: str) -> None:
        was_configured = session.configured
        for answer in session.introduced(text, self._settings):
            self._at(self._model_out_line.arrival(self.now_us), partial(self._to_model, session), answer)
        if session.configured and not was_configured:
            self._note(SessionWaiting())

    def _too_late(self, session: VirtualSession, _: str) -> None:
        if session is self._following and not session.configured:
            self._close_model(session)
            self._dial_failed(Failure("timeout", 0, "not configured in time"))

    def _dial_failed(self, failure: Failure) -> None:
        self._following = None
        self._note(DialFailed(*failure))

    def _adopt(self) -> None:
        """Take over the following session: what it said so far comes next, and the one before is heard no more."""
        before, session = self._session, self._following
        assert session is not None, "no session waits"
        self._session, self._following = session, None
        self._at(self._model_out_line.arrival(self.now_us), partial(self._close_model, before))
        for text in session.said:
            self._at(self.now_us, partial(self._from_model, session), text)

    def _drop(self) -> None:
        session, self._following = self._following, None
        if session is not None:
            self._close_model(session)

    def _note(self, note: Note) -> None:
        self._feed("note", self._encode(note).decode(), note)

    def _feed(self, way: Way, text: str, item: stream.Inbound | events.ServerEvent | Note, socket: int = 0) -> None:
        if self.ended:
            return
        self.log.append(LogLine(self.now_us, way, text, socket))
        for output in self.core.receive(item, self.now_us):
            self._put(output)
        self._deadline_us = self.core.deadline_us  # nothing else moves it
        if self._wants_room and not self._looking:
            self._looking = True
            self._at(self.now_us + BEAT_US, self._look)

    def _look(self, _: str) -> None:
        """Once the core has handed over what it may in a step, it waits for room, also where the line is free."""
        self._looking = False
        if self._wants_room and not self._full:
            self._note(PhoneRoom())

    def _fill(self, _: str) -> None:
        if not self._wants_room:  # else it will wait anyway
            self._note(PhoneFull())

    @property
    def _wants_room(self) -> bool:
        """A core that can't say so never waits for room."""
        return getattr(self.core, "wants_room", False)

    # ---- from the core -----------------------------------------------------------------------------------------------

    def _put(self, output: Output) -> None:
        if self.ended:
            raise AssertionError(f"the call goes on after its end: {output}")
        if isinstance(output, TOLD):
            self.log.append(LogLine(self.now_us, "told", self._encode(told_as(output)).decode()))
        if isinstance(output, Report):
            self.reports.append((self.now_us, output))
        elif isinstance(output, FACTS):
            self.facts.append((self.now_us, output))
        elif isinstance(output, Transcode | Dial | Adopt | Drop):
            self._obey(output)
        elif isinstance(output, LeaveStream | RunTool | CancelTool | HideKeys | DropKeys):
            self._tool(output)
        elif isinstance(output, CheckTransfer | Transfer):
            self._transfer(output)
        elif isinstance(output, End):
            self._end(output)
        elif isinstance(output, PHONE_MESSAGES):
            self._send_phone(self._encode(output).decode())
        else:
            text = self._encode(output).decode()
            self._send_model(self._session, text)

    def _end(self, order: End) -> None:
        self.ended = (self.now_us, order.reason)
        self._at(self._out_line.arrival(self.now_us), self._close_phone)
        for session in self.sessions:
            self._at(self._model_out_line.arrival(self.now_us), partial(self._close_model, session))

    def _obey(self, order: Transcode | Dial | Adopt | Drop) -> None:
        if isinstance(order, Transcode):
            self._session.transcode(order)
        elif isinstance(order, Dial):
            self._dial(order)
        elif isinstance(order, Adopt):
            self._adopt()
        else:
            self._drop()

    def _leave(self, digits: str) -> None:
        """Close the stream; the next one, if there is one, opens behind the keys."""
        left_us = self._out_line.arrival(self.now_us)
        self._at(left_us, partial(self._left, self.phone))
        phone = next(self._more_phones, None)
        if phone is not None:
            self._at(left_us + KEY_US * len(digits) + REOPEN_US, partial(self._follow, phone))

    def _left(self, phone: SimulatedPhone, _: str) -> None:
        if not phone.ended:
            phone.closed(self.now_us)

    def _follow(self, phone: SimulatedPhone, _: str) -> None:
        self.phone, self._phone_gone = phone, False
        self._stream += 1
        self._open_phone("")

    def _tool(self, order: LeaveStream | RunTool | CancelTool | HideKeys | DropKeys) -> None:
        if isinstance(order, LeaveStream):
            self._leave(order.digits)
            return
        if isinstance(order, HideKeys):
            self._hidden.hide(order.call_id)
            return
        self._hidden.take(order.call_id)
        if not isinstance(order, RunTool):
            self._running.discard(order.call_id)
            return
        self._running.add(order.call_id)
        if order.name in self._tools:
            takes_us, output = self._tools[order.name]
            self._at(self.now_us + takes_us, lambda _: self._tool_done(order.call_id, output))

    def _transfer(self, order: CheckTransfer | Transfer) -> None:
        if isinstance(order, Transfer):
            self.transfer = order
        elif order.destination in self._checks:
            takes_us, refused = self._checks[order.destination]
            self._at(self.now_us + takes_us, lambda _: self._note(TransferChecked(order.call_id, refused)))

    def _tool_done(self, call_id: str, output: str) -> None:
        if call_id in self._running:
            self._running.remove(call_id)
            self._note(ToolDone(call_id, output))

    def _send_model(self, session: VirtualSession, text: str) -> None:
        self.log.append(LogLine(self.now_us, "bot>model", text, session.number))
        written = session.to_send(text)
        if written is not None:
            self._at(self._model_out_line.arrival(self.now_us), partial(self._to_model, session), written)

    def _send_phone(self, text: str) -> None:
        self.log.append(LogLine(self.now_us, "bot>phone", text, self._stream))
        self._at(self._out_line.arrival(self.now_us), partial(self._to_phone, self.phone), text)
        moves_us = self._out_line.moves_from(self.now_us)
        if moves_us > self.now_us:
            self._held_bytes += len(text)
            if self._held_bytes >= FULL_BYTES and not self._full:
                self._full = True
                self._at(self.now_us, self._fill)
                self._at(moves_us, self._drained)
        else:
            self._held_bytes = 0

    def _drained(self, _: str) -> None:
        self._held_bytes = 0
        self._full = False
        self._note(PhoneRoom())

    def _open_phone(self, _: str) -> None:
        if not self.ended:
            self.phone.open(self.now_us)

    def _to_phone(self, phone: SimulatedPhone, text: str) -> None:
        phone.receive(text, self.now_us)

    def _to_model(self, session: VirtualSession, text: str) -> None:
        if not session.gone:
            session.peer.receive(text, self.now_us)
            if session.peer.closed is not None:
                self._take_from_model(session)

    def _close_phone(self, _: str) -> None:
        if not self.phone.ended:
            self.phone.closed(self.now_us)
        self._phone_gone = True

    def _close_model(self, session: VirtualSession, _: str = "") -> None:
        if not session.gone:
            session.gone = True
            session.peer.disconnected(self.now_us)


def _sooner(
    soonest: tuple[int, Callable[[], None]] | None, at_us: int | None, happen: Callable[[], None]
) -> tuple[int, Callable[[], None]] | None:
    if at_us is None or (soonest is not None and soonest[0] <= at_us):
        return soonest
    return (at_us, happen)
