"""Sockets, clock and tasks of one call, around its pure core. Nothing about the conversation is decided here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec

import msgspec
import structlog

from bot.call import inputs
from bot.call.call import Call, Input
from bot.call.facts import Fact, WaitFact
from bot.call.outputs import (
    PHONE_MESSAGES,
    CheckTransfer,
    DropKeys,
    End,
    EndReason,
    HideKeys,
    KeyOrder,
    Order,
    Output,
    Report,
    SessionOrder,
    ToolOrder,
    Transfer,
)
from bot.call.rules.spend_cap import level
from bot.call.settings import CallSettings
from bot.call.turn_log.captions import Caption
from bot.realtime import events
from bot.realtime.connection import Endpoint
from bot.recording.files.recorder import Recorder
from bot.recording.fixture import InputWay
from bot.server.calls.call_tally import CallTally, CallTraffic
from bot.server.calls.phone_side.beep_listener import listen_for_beep
from bot.server.calls.phone_side.hidden_keys import HiddenKeys
from bot.server.calls.phone_side.phone_socket import PhoneSocket
from bot.server.calls.phone_side.phone_streams import PhoneStreams
from bot.server.calls.process_timer import ProcessTimer
from bot.server.calls.rest_hang_up import HangUp
from bot.server.calls.sessions.dialled_ahead import DialledAhead
from bot.server.calls.sessions.model_sessions import ModelSessions, TakeIdle
from bot.server.calls.told_later import Told, ToldLater
from bot.server.calls.tool_runner import RunsTools, ToolRunner
from bot.server.calls.transfer_checks import Refusal, TransferChecks
from bot.tools import Toolbox, ToolContext
from bot.twilio import stream

NEVER_NS = 2**63

FromOperator = inputs.Hint | inputs.TransferWanted | inputs.TakeOver | inputs.OperatorAudio | inputs.HandBack
Aside = Report | Fact | End | Order

P = ParamSpec("P")

_NOTHING: list[Output] = []
_encode = msgspec.json.Encoder().encode

_log = structlog.get_logger()


def _entrance(method: Callable[Concatenate[Bridge, P], None]) -> Callable[Concatenate[Bridge, P], None]:
    """A way into the call: a defect behind it ends the call, and nobody else hears of it."""

    @wraps(method)
    def entered(bridge: Bridge, /, *arguments: P.args, **named: P.kwargs) -> None:
        try:
            method(bridge, *arguments, **named)
        except Exception:  # noqa: BLE001
            bridge.fault()

    return entered


class Bridge:
    """From the webhook, or the stream when it lands here unannounced, until both sockets are closed."""

    def __init__(
        self,
        settings: CallSettings,
        endpoint: Endpoint,
        timer: ProcessTimer,
        *,
        recorder: Recorder | None = None,
        toolbox: RunsTools | None = None,
        context: ToolContext | None = None,
        take_idle: TakeIdle = lambda: None,
        ahead: DialledAhead | None = None,
        origin_ns: int | None = None,
        refusal: Refusal | None = None,
        hang_up: HangUp | None = None,
    ) -> None:
        """`toolbox` runs the tools, for the call of the `context`.

        `take_idle` gives an idle session, if there is one: to begin with, and should that be lost. `ahead` is a session
        that was dialled for this call already; `origin_ns`: when its webhook came, unless now.
        `refusal` tells why a destination can't be promised to the caller. `hang_up` ends the call where the bot does.
        """
        self.call = Call(settings)
        self.model = ModelSessions(endpoint, settings, take_idle, self._model_text, self._note, ahead)
        self.tools = ToolRunner(toolbox or Toolbox(), context or ToolContext(settings.call_sid), self._note)
        self.recorder = recorder
        self.checks = TransferChecks(refusal, self._note)
        self.transfer: Transfer | None = None
        """The destination that the caller is put through to, once the call is over."""
        self.finished = asyncio.Event()
        """Set once both sockets are closed."""
        self.seconds = 0.0
        """Length of the call, once it is over."""
        self.wake_ns = NEVER_NS
        """Time at which the call's clock, or room at the phone, is to be looked at (bot.server.calls.process_timer)."""
        self.traffic = CallTraffic()
        self.tally = CallTally()
        self.on_output: list[Callable[[Output, int], None]] = []
        """Called with each output of the call, and its time. None may fail; it is empty unless somebody watches."""
        self.on_frame: list[Callable[[stream.Media], None]] = []
        """Called with each frame of the caller, likewise."""
        self.on_told: list[Told] = []
        """Called with each fact and report of the call, and its time: a few times a turn. None may fail."""
        self.on_written: list[Told] = []
        """Called likewise, behind the audio of the step, together with the line of the log."""
        self._later = ToldLater(self._write)
        # uvloop's own time stands still within a turn and counts milliseconds
        self._origin_ns = origin_ns or time.monotonic_ns()
        self.on_leave: Callable[[str], None] = lambda _: None
        """Called with the digits that are to be played, before the stream is closed for it."""
        self.streams = PhoneStreams(partial(self.refuse, "phone>bot", "binary"), self.phone_closed, self._shut)
        self.hidden_keys = HiddenKeys(self.phone_text, self._note, self.streams.listen)
        self._timer = timer
        self._hang_up = hang_up
        self._to_phone: list[bytes] = []
        self._to_model: list[bytes] = []
        self._over = asyncio.Event()
        self._released = False
        self._day_level = 0
        """Level of the day's spending that the call was last told."""
        self._faulty = False
        """True once a defect has shown: one is logged, and not what follows from it."""
        self._log = _log.bind(call_sid=settings.call_sid)
        self.model.begin_idle()
        if self.call.listens_for_beep:
            listen_for_beep(self.call, self.on_frame, self._note)

    # ---- the task of the call ----

    async def run(self) -> EndReason | None:
        """Open the session, live until the call is over, close everything. Leaves no task, timer or socket behind.

        Gives how the call ended; None when it goes on in another process.
        """
        try:
            self._arm()
            self._timer.join(self)
            async with asyncio.TaskGroup() as group:
                dialling = group.create_task(self.model.open(), name="dial")
                await self._over.wait()
                dialling.cancel()
        except Exception:  # noqa: BLE001
            self.fault()
        finally:
            await self._close()
        return self.call.ended

    def release(self) -> None:
        """The stream has come in another process: this session is not needed, and the call is not over."""
        self._released = True
        self._over.set()

    async def _close(self) -> None:
        """Close each side, and log the end, whatever becomes of the others."""
        try:
            self._last(self._timer.leave, self)
            if self._hang_up is not None and self.attached and self.call.ended == "bot_hung_up":
                await self._hang_up(self.call.settings.call_sid)
            await asyncio.gather(self._shut(self.streams), self._shut(self.model), self._shut(self.checks))
            if self.recorder is not None:
                self._last(self.recorder.close)
            self._later.flush()
            self._last(self._log_end)
        finally:
            self.finished.set()

    async def _shut(self, side: PhoneSocket | PhoneStreams | ModelSessions | TransferChecks) -> None:
        try:
            await side.close()
        except Exception:  # noqa: BLE001
            self.fault()

    @_entrance
    def _last(self, do: Callable[..., None], *arguments: object) -> None:
        do(*arguments)

    def _log_end(self) -> None:
        call = self.call
        self.seconds = round(self.age_s, 3)
        if self._released and call.ended is None:
            self._log.info("session_missed", seconds=self.seconds)
            return
        self._log.info(
            "call_ended",
            reason=call.ended,
            seconds=self.seconds,
            turns=len(call.transcript.turns),
            usd=call.spent_nano_usd / 1_000_000_000,
            counts=dict(call.counts),
            model_failure=self.model.failure.kind if self.model.failure else None,
        )

    @_entrance
    def no_start(self, phone: PhoneSocket) -> None:
        """The stream's socket has been open for a while: without `start` it is no stream."""
        if phone is self.streams.current and not self.call.streaming:
            self.warn("no_start")
            self.shutdown("line_lost")

    async def over(self, within_s: float) -> None:
        """Wait until the call is over, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._over.wait()

    # ---- in ----

    @property
    def attached(self) -> bool:
        """A stream has come to this call."""
        return self.streams.number > 0

    @property
    def awaits_stream(self) -> bool:
        """True while the call goes on, and its first or its next stream has yet to come."""
        return self.streams.current is None and self.call.ended is None

    def attach(self, phone: PhoneSocket) -> None:
        if self.recorder is not None:
            self.recorder.stream = self.streams.number
        self.streams.attach(phone, self.hidden_keys.heard if self.hidden_keys.on else self.phone_text)

    def phone_text(self, text: bytes) -> None:
        now_us = (time.monotonic_ns() - self._origin_ns) // 1000
        traffic = self.traffic
        traffic.from_phone += 1
        traffic.from_phone_bytes += len(text)
        try:
            message = stream.parse(text)
            if type(message) is stream.Media:
                self._frame(message, now_us, text)
            else:
                self._feed(message, "phone>bot", text)
        except stream.BadMessage as error:
            self.refuse("phone>bot", error.kind)
        except Exception:  # noqa: BLE001
            self.fault()

    def _frame(self, message: stream.Media, now_us: int, text: bytes) -> None:
        """Fifty times a second; a frame only ever moves deadlines further away."""
        model, traffic, passed = self.model, self.traffic, _NOTHING
        try:
            passed = self.call.frame(message, now_us)
            for output in passed:
                written = _encode(output)
                traffic.to_model += 1
                traffic.to_model_bytes += len(written)
                if model.connection is not None:
                    model.connection.send(written)
            if self.on_frame:
                for hear in tuple(self.on_frame):
                    hear(message)
        finally:
            if self.recorder is not None and self.call.ended is None:
                self.recorder.frame(now_us, text, message, passed, model.number)

    def verdict(self, note: inputs.AnswerVerdict) -> None:
        """Twilio has judged who has answered."""
        self._note(note)

    @_entrance
    def phone_closed(self, code: int) -> None:
        """The stream's socket is gone. A caller's hang-up is told by a `stop` before."""
        if self.call.ended is None:
            self.warn("stream_lost", code=code)
        self._note(inputs.PhoneClosed(code))

    def refuse(self, way: Any, kind: str, about: str = "") -> None:
        """Count something that came and is no message."""
        self.tally.refusals[way, kind] += 1
        self._note(inputs.Refused(way, kind, about))

    def shutdown(self, reason: Any) -> None:
        """End the call from the server's side."""
        self._note(inputs.Shutdown(reason))

    def from_operator(self, note: FromOperator) -> None:
        """Hand on what the operator has to say to the model or the caller, or wants of the call."""
        self._note(note)

    @_entrance
    def daily_spend(self, nano_usd: int) -> None:
        """All calls have spent so much today: the call is told when that comes nearer to the cap by a step."""
        now = level(nano_usd, self.call.settings.money.daily_cap)
        if now > self._day_level:
            self._day_level = now
            self._note(inputs.DailySpend(nano_usd))

    @_entrance
    def _model_text(self, text: bytes) -> None:
        traffic = self.traffic
        traffic.from_model += 1
        traffic.from_model_bytes += len(text)
        try:
            event = events.parse(text)
        except events.BadEvent as error:
            self.refuse("model>bot", error.kind, error.about)
            return
        self._feed(event, "model>bot", text)
        if type(event) is events.SessionCreated:
            self.model.created(event)

    @_entrance
    def _note(self, note: Any) -> None:
        if self.call.ended is None:
            self._feed(note, "note", note)

    # ---- the core ----

    @property
    def age_s(self) -> float:
        """Seconds since the webhook."""
        return self._now_us() / 1_000_000

    def captions(self) -> list[Caption]:
        """Words that are being said, as far as they have been heard now."""
        return self.call.captions(self._now_us())

    def _now_us(self) -> int:
        return (time.monotonic_ns() - self._origin_ns) // 1000

    def _feed(self, item: Input, way: InputWay, raw: str | bytes | inputs.Note) -> None:
        """One reading of the clock for the core and the record: the same integer replays."""
        now_us = self._now_us()
        if self.recorder is not None and self.call.ended is None:
            self.recorder.input(now_us, way, raw, self.model.number if way == "model>bot" else 0)
        outputs = self.call.receive(item, now_us)
        for output in outputs:
            self._do(output, now_us)
        if outputs:
            self._write_due()
            if type(item) is events.SpeechStarted and any(type(one) is stream.Clear for one in outputs):
                self._learn(WaitFact("clear", self._now_us() - now_us), now_us)  # the core's clock stands still
        if self.recorder is not None and self.recorder.follow(self.call, now_us):
            self._report(Report("recording_started"), now_us)
        self._arm()

    def fault(self) -> None:
        """A defect of ours must end this call with a sentence, not the server, not in silence: even one in its end."""
        if not self._faulty:
            self._faulty = True
            self._later.flush()  # what led to it
            self._log.exception("internal_error")
            self.shutdown("internal_error")
        self.call.ended = self.call.ended or "internal_error"
        self._over.set()

    def _do(self, output: Output, now_us: int) -> None:
        if self.recorder is not None:
            self.recorder.output(now_us, output, self.model.number)
        if isinstance(output, PHONE_MESSAGES):
            if self.streams.current is not None:
                self._to_phone.append(_encode(output))
        elif isinstance(output, Aside):
            self._take(output, now_us)
        else:
            self._to_model.append(_encode(output))
        for watch in self.on_output:
            watch(output, now_us)

    def _take(self, output: Aside, now_us: int) -> None:
        if isinstance(output, Report):
            self._report(output, now_us)
        elif isinstance(output, End):
            self._over.set()
        elif isinstance(output, KeyOrder):
            self._about_keys(output)
        elif isinstance(output, CheckTransfer):
            self.checks.begin(output)
        elif isinstance(output, Transfer):
            self.transfer = output
        elif isinstance(output, SessionOrder):
            self._write_due()  # it may be for a session that is left now
            self.model.execute(output)
        elif isinstance(output, ToolOrder):
            self.tools.execute(output, self.hidden_keys.take(output.call_id))
        else:
            self._learn(output, now_us)

    def _about_keys(self, order: KeyOrder) -> None:
        if isinstance(order, HideKeys):
            self.hidden_keys.hide(order.call_id)
        elif isinstance(order, DropKeys):
            self.hidden_keys.take(order.call_id)
        else:
            self._write_due()
            self.on_leave(order.digits)
            self.streams.leave()

    def warn(self, event: str, **details: Any) -> None:
        """Report what the core does not see."""
        self._report(Report(event, details, "warning"), self._now_us())

    def _report(self, report: Report, now_us: int) -> None:
        self.tally.reported_us.setdefault(report.event, now_us)
        self._tell(report, now_us)

    def _learn(self, fact: Fact, now_us: int) -> None:
        self.tally.note(fact)
        self._tell(fact, now_us)

    def _tell(self, told: Fact | Report, now_us: int) -> None:
        self._later.put(told, now_us)
        for tell in self.on_told:
            tell(told, now_us)

    @_entrance
    def _write(self, told: Fact | Report, now_us: int) -> None:
        if isinstance(told, Report):
            getattr(self._log, told.level)(told.event, **told.details)
        for write in self.on_written:
            write(told, now_us)

    def _write_due(self) -> None:
        """Send the messages of a step, in one write to each side."""
        traffic, phone = self.traffic, self.streams.current
        if self._to_phone and phone is not None:
            due, self._to_phone = self._to_phone, []
            traffic.to_phone += len(due)
            traffic.to_phone_bytes += sum(map(len, due))
            phone.send_all(due)
        if self._to_model:
            due, self._to_model = self._to_model, []
            traffic.to_model += len(due)
            traffic.to_model_bytes += sum(map(len, due))
            self.model.send_all(due)

    # ---- time and room ----

    def _arm(self) -> None:
        """Set the time of the next look, after a step."""
        call, phone = self.call, self.streams.current
        if phone is not None and phone.full and not call.wants_room and call.ended is None:
            self._note(inputs.PhoneFull())
            return
        deadline_us = call.deadline_us
        if call.wants_room:
            self.wake_ns = 0  # at each tick
        else:
            self.wake_ns = NEVER_NS if deadline_us is None else self._origin_ns + deadline_us * 1000

    @_entrance
    def wake(self) -> None:
        """Something may be due; mostly frames have put it off since it was looked at last."""
        call, phone = self.call, self.streams.current
        deadline_us = call.deadline_us
        if deadline_us is not None and self._now_us() >= deadline_us:
            self._note(inputs.Tick())
        elif not call.wants_room:
            if deadline_us is not None:
                self.wake_ns = self._origin_ns + deadline_us * 1000
        elif phone is not None and not phone.full:
            self._note(inputs.PhoneRoom())
