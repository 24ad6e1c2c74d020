"""A whole call in virtual time: the pure core, the simulated phone and model, and the lines between them.

No event loop, no sockets, no clock: time jumps from one thing that happens to the next. Every message is encoded by
its sender and parsed by its receiver's real parser, as on the wire. Time 0 is the webhook, when the model is dialled.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Literal, NamedTuple, Protocol

import msgspec

from bot.call.notes import ModelClosed, Note, PhoneClosed, PhoneFull, PhoneRoom, Refused, Tick
from bot.call.outputs import PHONE_MESSAGES, End, EndReason, Output, Report
from bot.realtime import events
from bot.realtime.failures import failure_of_close
from bot.testing.line import Line
from bot.testing.peer import Peer
from bot.testing.phone import SimulatedPhone
from bot.twilio import stream

Way = Literal["phone>bot", "bot>phone", "model>bot", "bot>model", "note"]
FULL_BYTES = 65_536
_STUCK_STEPS = 100_000


class Core(Protocol):
    """bot.call.call.Call, as far as a shell knows it."""

    @property
    def deadline_us(self) -> int | None: ...

    def receive(self, item: stream.Inbound | events.ServerEvent | Note, now_us: int) -> list[Output]: ...


class ModelPeer(Peer, Protocol):
    """The simulated model."""

    @property
    def closed(self) -> tuple[int, str] | None:
        """Close code and reason once its side has closed; what due() still gives goes out before."""

    def disconnected(self, now_us: int) -> None:
        """The bot closed the session."""


class LogLine(NamedTuple):
    """One line of the call in the order in which the core was fed and answered; `text` is JSON."""

    us: int
    way: Way
    text: str


class VirtualCall:
    """Runs one call. `out_line` is bot to phone, `in_line` phone to bot; the model has two of its own.

    `start_us` is when the stream opens. A stalled out_line lets the bot's transport fill up: at `FULL_BYTES` the core
    is told so, and again when it has drained.
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
    ) -> None:
        self.core = core
        self.phone = phone
        self.model = model
        self.now_us = 0
        self.log: list[LogLine] = []
        self.reports: list[tuple[int, Report]] = []
        self.ended: tuple[int, EndReason] | None = None
        self._out_line = out_line or Line()
        self._in_line = in_line or Line()
        self._model_out_line = model_out_line or Line()
        self._model_in_line = model_in_line or Line()
        self._order = count()
        self._heap: list[tuple[int, int, Callable[[str], None], str]] = []
        self._deadline_us = core.deadline_us
        self._held_bytes = 0
        self._full = False
        self._phone_gone = False
        self._model_gone = False
        self._encode = msgspec.json.Encoder().encode
        self._at(start_us, self._open_phone)

    def run(self, limit_us: int = 600_000_000) -> EndReason | None:
        """Until nothing is left to happen, or until `limit_us`. Gives why the call ended; None if it has not."""
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

    # ---- what happens next -------------------------------------------------------------------------------------------

    def _next(self) -> tuple[int, Callable[[], None]] | None:
        """The earliest of: an arrival, what a peer has to send, the core's deadline; at the same time in this order."""
        soonest: tuple[int, Callable[[], None]] | None = None
        if self._heap:
            soonest = (self._heap[0][0], self._arrive)
        if not self._phone_gone:
            soonest = _sooner(soonest, self.phone.next_us(), self._take_from_phone)
        if not self._model_gone:
            soonest = _sooner(soonest, self.model.next_us(), self._take_from_model)
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
            self._at(self._in_line.arrival(self.now_us), self._from_phone, text)
        if self.phone.hung_up:
            self._phone_gone = True
            self._at(self._in_line.arrival(self.now_us), self._phone_closed)

    def _take_from_model(self) -> None:
        for text in self.model.due(self.now_us):
            self._at(self._model_in_line.arrival(self.now_us), self._from_model, text)
        if self.model.closed is not None:
            self._model_gone = True
            self._at(self._model_in_line.arrival(self.now_us), self._model_closed)

    def _at(self, at_us: int, deliver: Callable[[str], None], text: str = "") -> None:
        heapq.heappush(self._heap, (at_us, next(self._order), deliver, text))

    # ---- to the core -------------------------------------------------------------------------------------------------

    def _from_phone(self, text: str) -> None:
        try:
            item = stream.parse(text)
        except stream.BadMessage as error:
            self._note(Refused("phone>bot", error.kind))
            return
        self._feed("phone>bot", text, item)

    def _from_model(self, text: str) -> None:
        try:
            item = events.parse(text)
        except events.BadEvent as error:
            self._note(Refused("model>bot", error.kind))
            return
        self._feed("model>bot", text, item)

    def _phone_closed(self, _: str) -> None:
        clean = self.phone.hung_up == "clean"
        self._note(PhoneClosed(clean=clean, code=1000 if clean else 1006))

    def _model_closed(self, _: str) -> None:
        code, reason = self.model.closed or (1006, "")
        self._note(ModelClosed(failure_of_close(code, reason).kind, code, reason))

    def _note(self, note: Note) -> None:
        self._feed("note", self._encode(note).decode(), note)

    def _feed(self, way: Way, text: str, item: stream.Inbound | events.ServerEvent | Note) -> None:
        if self.ended:
            return
        self.log.append(LogLine(self.now_us, way, text))
        for output in self.core.receive(item, self.now_us):
            self._put(output)
        self._deadline_us = self.core.deadline_us  # nothing else moves it

    # ---- from the core -----------------------------------------------------------------------------------------------

    def _put(self, output: Output) -> None:
        if self.ended:
            raise AssertionError(f"the call goes on after its end: {output}")
        if isinstance(output, Report):
            self.reports.append((self.now_us, output))
        elif isinstance(output, End):
            self.ended = (self.now_us, output.reason)
            self._at(self._out_line.arrival(self.now_us), self._close_phone)
            self._at(self._model_out_line.arrival(self.now_us), self._close_model)
        elif isinstance(output, PHONE_MESSAGES):
            self._send_phone(self._encode(output).decode())
        else:
            text = self._encode(output).decode()
            self.log.append(LogLine(self.now_us, "bot>model", text))
            self._at(self._model_out_line.arrival(self.now_us), self._to_model, text)

    def _send_phone(self, text: str) -> None:
        self.log.append(LogLine(self.now_us, "bot>phone", text))
        self._at(self._out_line.arrival(self.now_us), self._to_phone, text)
        moves_us = self._out_line.moves_from(self.now_us)
        if moves_us > self.now_us:
            self._held_bytes += len(text)
            if self._held_bytes >= FULL_BYTES and not self._full:
                self._full = True
                self._at(self.now_us, lambda _: self._note(PhoneFull()))
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

    def _to_phone(self, text: str) -> None:
        self.phone.receive(text, self.now_us)

    def _to_model(self, text: str) -> None:
        if not self._model_gone:
            self.model.receive(text, self.now_us)
            if self.model.closed is not None:
                self._take_from_model()

    def _close_phone(self, _: str) -> None:
        if not self.phone.ended:
            self.phone.closed(self.now_us)
        self._phone_gone = True

    def _close_model(self, _: str) -> None:
        if not self._model_gone:
            self._model_gone = True
            self.model.disconnected(self.now_us)


def _sooner(
    soonest: tuple[int, Callable[[], None]] | None, at_us: int | None, happen: Callable[[], None]
) -> tuple[int, Callable[[], None]] | None:
    if at_us is None or (soonest is not None and soonest[0] <= at_us):
        return soonest
    return (at_us, happen)
