"""One simulated Realtime session on a raw transport: it talks all the time, or in turns (openai-realtime 3 and 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from websockets.frames import Opcode

from tests.benchmarks.frames import FrameReader, accept_key, server_frame
from tests.benchmarks.stamps import NOBODY, filler, now_ns, read_stamp, stamp
from tests.benchmarks.summaries import Samples
from tests.benchmarks.turn_taking import TurnTaking

DELTA_MS = 200
LEAD_DELTAS = 2
"""Sent at once when a response begins: the phone always has something left to play, as behind a real model."""
TAIL_S = 0.005
ANSWER_S = 0.06
"""Seconds from speech_started to the end of the response that was cut, and to the answer to the caller's word."""
_AUDIO_KEYS = {"relay": b'"payload":"', "minimal": b'"audio":"', "realtime": b'"audio":"'}
_FILLER = filler(DELTA_MS * 8)
_DELTA = (
    b'{"type":"response.output_audio.delta","event_id":"%%b","response_id":"%b","item_id":"%b",'
    b'"output_index":0,"content_index":0,"delta":"%%b%b"}'
)


@dataclass
class ModelCounts:
    """Counts of all sessions of the process; `up` since the window began, the others since `reset`."""

    sent: int = 0
    received: int = 0
    filled: int = 0
    up: Samples = field(default_factory=Samples)
    errors: list[str] = field(default_factory=list)
    called: int = 0
    answered: int = 0


class ModelSession(asyncio.Protocol):
    """One session. Its path names the subject at the other end: /relay and /minimal; anything else speaks Realtime."""

    def __init__(
        self, number: int, counts: ModelCounts, first_audio_s: float, over: Callable[[ModelSession], None]
    ) -> None:
        self.number = number
        self.call = NOBODY
        self.talking = False
        self._counts = counts
        self._first_audio_s = first_audio_s
        self._over = over
        self._reader = FrameReader()
        self._request: bytes | None = b""
        self._kind = "realtime"
        self._session: dict[str, Any] = {"type": "realtime", "object": "realtime.session", "id": f"sess_{number}"}
        self._events = self._turns = 0
        self._loop = asyncio.get_running_loop()
        self._timers: list[tuple[float, asyncio.Handle]] = []
        self._in_turns: TurnTaking | None = None
        self.tool_s = 0.0
        """Time that the tool takes which is called in each turn, before the answer; 0: none is."""

    def take_turns(self, seed: int) -> None:
        """Talk only a third of the time."""
        self._in_turns = TurnTaking(self, seed)

    # ---- asyncio's side ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._request is not None:
            self._request += data
            head, blank, data = self._request.partition(b"\r\n\r\n")
            if not blank:
                return
            self._request = None
            self._accept(head)
        for opcode, payload in self._reader.feed(data):
            if opcode == Opcode.TEXT:
                self._text(payload)
            elif opcode == Opcode.PING:
                self._transport.write(server_frame(payload, Opcode.PONG))
            elif opcode == Opcode.CLOSE:
                self._transport.write(server_frame(payload, Opcode.CLOSE))
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.talking = False
        for _due_s, timer in self._timers:
            timer.cancel()
        self._over(self)

    def _accept(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1)[:1] + line.split(b": ", 1)[1:] for line in lines[1:])
        path = lines[0].split(b" ")[1].decode()
        self._kind = path.strip("/") if path.strip("/") in _AUDIO_KEYS else "realtime"
        self._key = _AUDIO_KEYS[self._kind]
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(headers[b"sec-websocket-key"]) + b"\r\n\r\n"
        )
        if self._kind == "realtime":
            self.emit("session.created", session=self._session)

    # ---- what comes in ----

    def _text(self, text: bytes) -> None:
        at = text.find(self._key)
        if at < 0:
            self._command(json.loads(text))
            return
        sent, call = read_stamp(text, at + len(self._key))
        if call == NOBODY:
            self._counts.filled += 1
            return
        self._counts.received += 1
        self._counts.up.add(now_ns() - sent)
        if self.call == NOBODY:
            self.call = call
            if self._kind != "realtime":
                self._talk()

    def _command(self, message: dict[str, Any]) -> None:
        kind = message.get("type", "")
        if kind == "session.update":
            _merge(self._session, message["session"])
            self.emit("session.updated", session=self._session)
        elif kind == "response.create":
            self.respond()
        elif kind == "conversation.item.create":
            self._counts.answered += message["item"]["type"] == "function_call_output"
            item = {"id": "item_made", **message["item"]}
            self.emit("conversation.item.added", previous_item_id=None, item=item)
            self.emit("conversation.item.done", previous_item_id=None, item=item)
        elif kind == "conversation.item.truncate":
            cut = {key: message[key] for key in ("item_id", "content_index", "audio_end_ms")}
            self.emit("conversation.item.truncated", **cut)
        elif kind == "conversation.item.delete":
            self.emit("conversation.item.deleted", item_id=message["item_id"])
        elif self._kind == "realtime":
            self._counts.errors.append(f"unexpected {kind}")

    # ---- what goes out ----

    def emit(self, kind: str, **fields: object) -> None:
        self._events += 1
        message = {"type": kind, "event_id": f"event_{self._events}", **fields}
        self._write(json.dumps(message, separators=(",", ":")).encode())

    def _write(self, text: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(server_frame(text))

    def later(self, wait_s: float, step: Callable[[], None]) -> None:
        due_s = self._loop.time() + wait_s  # kept beside its timer: one of uvloop's that is due at once can't be asked
        self._timers = [timed for timed in self._timers if timed[0] > self._loop.time()]
        self._timers.append((due_s, self._loop.call_later(wait_s, step)))

    def _ids(self) -> tuple[str, str]:
        return f"resp_{self.number}_{self._turns}", f"item_{self.number}_{self._turns}"

    def place(self) -> dict[str, object]:
        """Ids and indices of the audio of the present response."""
        response_id, item_id = self._ids()
        return {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}

    def _response(self, status: str, details: object = None) -> dict[str, object]:
        return {
            "object": "realtime.response",
            "id": self._ids()[0],
            "status": status,
            "status_details": details,
            "output": [],
            "conversation_id": f"conv_{self.number}",
            "usage": None,
            "metadata": None,
        }

    def _item(self, status: str) -> dict[str, object]:
        return {
            "id": self._ids()[1],
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [],
        }

    def respond(self) -> None:
        self._turns += 1
        response_id = self._ids()[0]
        self.emit("response.created", response=self._response("in_progress"))
        self.emit("response.output_item.added", response_id=response_id, output_index=0, item=self._item("in_progress"))
        self.emit("conversation.item.added", previous_item_id=None, item=self._item("in_progress"))
        self.emit("response.content_part.added", **self.place(), part={"type": "audio", "transcript": ""})
        if self._first_audio_s:
            self.later(self._first_audio_s, self._talk)
        else:
            self._talk()

    def _talk(self) -> None:
        if self._in_turns is not None:
            self._in_turns.talk()
            return
        self.begin_audio()
        self.talking = True
        for _ in range(LEAD_DELTAS):
            self.delta()

    def begin_audio(self) -> None:
        """Make the deltas to come those of the present response."""
        response_id, item_id = self._ids()
        self._template = _DELTA % (response_id.encode(), item_id.encode(), _FILLER)

    def delta(self) -> None:
        """Send the next 200 ms."""
        self._events += 1
        self._counts.sent += 1
        self._write(self._template % (b"event_%d" % self._events, stamp(now_ns(), self.call)))

    def respond_done(self, words: str) -> None:
        """The response is over."""
        response_id, place, item = self._ids()[0], self.place(), self._item("completed")
        self.emit("response.output_audio.done", **place)
        self.emit("response.output_audio_transcript.done", **place, transcript=words)
        self.emit("response.content_part.done", **place, part={"type": "audio", "transcript": words})
        self.emit("conversation.item.done", previous_item_id=None, item=item)
        self.emit("response.output_item.done", response_id=response_id, output_index=0, item=item)
        self.emit("response.done", response=self._response("completed"))
        self.emit("rate_limits.updated", rate_limits=[])

    def answer(self) -> None:
        """The caller's turn is over: a response speaks, or calls a tool, whose output asks for one that speaks."""
        if not self.tool_s:
            self.respond()
            return
        self._turns += 1
        response_id, item = self._ids()[0], self._function_call(self.tool_s)
        begun, place = (
            item | {"status": "in_progress", "arguments": ""},
            {"response_id": response_id, "output_index": 0},
        )
        told = {**place, "item_id": item["id"], "call_id": item["call_id"]}
        self.emit("response.created", response=self._response("in_progress"))
        self.emit("response.output_item.added", **place, item=begun)
        self.emit("conversation.item.added", previous_item_id=None, item=begun)
        self.emit("response.function_call_arguments.delta", **told, delta=item["arguments"])
        self.emit("response.function_call_arguments.done", **told, name=item["name"], arguments=item["arguments"])
        self.emit("conversation.item.done", previous_item_id=None, item=item)
        self.emit("response.output_item.done", **place, item=item)
        self.emit("response.done", response=self._response("completed") | {"output": [item]})
        self.emit("rate_limits.updated", rate_limits=[])

    def call_tool(self, seconds: float) -> None:
        """Call a tool that takes `seconds` within the present response, which goes on talking."""
        item = self._function_call(seconds)
        self.emit("response.output_item.done", response_id=self._ids()[0], output_index=1, item=item)

    def _function_call(self, seconds: float) -> dict[str, object]:
        self._counts.called += 1
        number = self._counts.called
        return {
            "id": f"item_tool_{number}",
            "object": "realtime.item",
            "type": "function_call",
            "status": "completed",
            "name": ("waits", "blocks")[number % 2],
            "call_id": f"call_{number}",
            "arguments": f'{{"seconds": {seconds}}}',
        }

    # ---- the caller interrupts ----

    def interrupt(self) -> int:
        """The caller starts to speak. Gives the time in ns at which the model said so."""
        at = now_ns()
        self.emit("input_audio_buffer.speech_started", audio_start_ms=2**31, item_id=f"said_{self._turns}")
        if self._kind == "realtime":
            self.talking = False
            self.later(TAIL_S, self._cut_short)
            self.later(ANSWER_S, self._answer)
        return at

    def _cut_short(self) -> None:
        response_id = self._ids()[0]
        self.emit("response.output_audio.done", **self.place())
        self.emit("conversation.item.done", previous_item_id=None, item=self._item("incomplete"))
        self.emit("response.output_item.done", response_id=response_id, output_index=0, item=self._item("incomplete"))
        details = {"type": "cancelled", "reason": "turn_detected"}
        self.emit("response.done", response=self._response("cancelled", details))

    def _answer(self) -> None:
        said = f"said_{self._turns}"
        self.emit("input_audio_buffer.speech_stopped", audio_end_ms=2**31 + int(ANSWER_S * 1000), item_id=said)
        self.emit("input_audio_buffer.committed", previous_item_id=None, item_id=said)
        self.respond()


def _merge(into: dict[str, Any], given: dict[str, Any]) -> None:
    """A session.update moves what it names and leaves the rest (openai-realtime 2)."""
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
