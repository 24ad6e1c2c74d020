"""One response being generated: its events in the order of openai-realtime 3.3, paced, cut, or gone wrong by script."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec

from bot.testing.agent import LINE_FORMAT, Failure, McpCall, Pacing, Pending, Reply, Speech, Spoken, ToolCall
from bot.testing.model.protocol.codec import BYTES_PER_MS, from_mulaw
from bot.testing.model.protocol.default_conversation import Conversation, Entry
from bot.testing.model.protocol.server_events import Wire
from bot.testing.model.state.behaviour import ABNORMAL

Json = dict[str, Any]
T = TypeVar("T")
MS = 1000
LOOK_MS = 10
"""Time between two looks for what an agent is still making."""
ARGUMENT_CHARS = 4
"""Characters of a function's arguments that leave at once, where they leave in parts: about a token."""
SERVER_ERROR = "The server had an error while processing your request."


class Emit(Protocol):
    def __call__(self, kind: str, /, **fields: Any) -> None: ...


class Options(msgspec.Struct, frozen=True):
    """Options of a response: the session's settings with those of response.create over them."""

    id: str
    conversation_id: str | None
    audio_format: Json
    voice: Any
    output_modalities: tuple[str, ...]
    max_output_tokens: int | str
    instructions: str
    metadata: dict[str, str] | None
    pacing: Pacing
    tools: tuple[Json, ...] = ()
    must_call: str = ""

    @property
    def writes(self) -> bool:
        """True when the answer is text alone."""
        return self.output_modalities == ("text",)


@dataclass(slots=True)
class World:
    """The session as its responses may act on it; `ended` is called once response.done has left."""

    emit: Emit
    wire: Wire
    conversation: Conversation
    new_id: Callable[[str], str]
    close: Callable[[int, str], None]
    ended: Callable[[Generation], None]
    usage: Callable[[Generation], Json]
    asks: Callable[[McpCall, str], bool]
    """Asks the client to approve a call by an item of this id, if the session has it so."""
    remote: Callable[[McpCall], Pending[McpCall]]
    """Calls a remote tool."""


@dataclass(slots=True)
class Output:
    """One item of the response; `call` set for a function call. `shown` counts the characters of its text sent.

    `ended`: which of its parts are said to be over.
    """

    entry: Entry
    index: int
    call: ToolCall | McpCall | None = None
    words: str = ""
    shown: int = 0
    ended: set[str] = field(default_factory=set)

    @property
    def item_id(self) -> str:
        return self.entry.id


@dataclass
class Generation:
    """A response from response.created to response.done, which sets `over`; `made_ms` of its audio exist."""

    options: Options
    reply: Pending[Reply]
    world: World
    started_us: int
    status: str = "in_progress"
    status_details: Json | None = None
    outputs: list[Output] = field(default_factory=list)
    made_ms: int = 0
    usage: Json | None = None
    over: bool = False
    _shift_us: int = 0
    _open: list[Output] = field(default_factory=list)
    _stuck: bool = False
    """Generation goes no further."""
    _failure: Failure | None = None
    _null_usage: bool = False

    def __post_init__(self) -> None:
        self._ids = {"response_id": self.options.id}

    @property
    def default(self) -> bool:
        """True when it writes to the default conversation."""
        return self.options.conversation_id is not None

    @property
    def id(self) -> str:
        return self.options.id

    def steps(self) -> Iterator[int]:
        """Generate; yields the time in us at which to go on. The first event leaves before the first yield."""
        pacing = self.options.pacing
        self.world.emit("response.created", response=self.shown())
        reply = yield from self._awaited(self.reply)
        if reply is None:
            return
        self._failure = _first_failure(reply, self.options.max_output_tokens)
        self._null_usage = reply.null_usage
        self._shift_us += pacing.first_audio_ms * MS
        yield self._now_us()
        for left, spoken in zip(range(len(reply.items))[::-1], reply.items, strict=True):
            calls = bool(reply.tool_calls) and not left
            yield from self._speak(spoken, pacing, "commentary" if calls else "final_answer")
            if self._stuck:
                return
            if not (calls and self.world.wire.calls_early):
                self._close_all("completed")
        yield from self._call_functions(reply.tool_calls, pacing)
        if not self._stuck:
            self._close_all("completed")
        for remote in reply.mcp_calls:
            yield from self._call_remotely(remote, pacing)
        if not self._stuck:
            self.finish("completed", None)

    def finish(self, status: str, details: Json | None, *, calls_outlive: bool = False) -> None:
        """The tail: whatever item is open is closed as incomplete, then response.done, always (openai-realtime 3.2).

        `calls_outlive`: a function call that is open is finished.
        """
        if self.over:
            return
        for output in [one for one in self._open if calls_outlive and isinstance(one.call, ToolCall)]:
            self._open.remove(output)
            self._close_item(output, "completed")
        self._close_all("incomplete")
        self.over = self._stuck = True
        self.status, self.status_details = status, details
        self.usage = None if self._null_usage else self.world.usage(self)
        self.world.emit("response.done", response=self.shown(), response_id=self.id, usage=self.usage)
        self.world.ended(self)

    def shown(self) -> Json:
        """The response object as events carry it."""
        options, wire = self.options, self.world.wire
        return wire.response.filled(
            {
                "id": options.id,
                "status": self.status,
                "status_details": self.status_details,
                "output": [output.entry.shown(wire, "made") for output in self.outputs] if self.over else [],
                "conversation_id": options.conversation_id,
                "output_modalities": list(options.output_modalities),
                "max_output_tokens": options.max_output_tokens,
                "audio": {"output": {"format": options.audio_format, "voice": options.voice}},
                "usage": self.usage,
                "metadata": options.metadata,
            }
        )

    def late_delta(self) -> None:
        """Audio of the last spoken item after all was over: what clients defend against (openai-realtime 11)."""
        spoken = [output for output in self.outputs if output.call is None]
        if spoken:
            entry = spoken[-1].entry
            size = 100 * entry.bytes_per_ms
            self._send_audio(spoken[-1], entry.audio[entry.audio_bytes :][:size] or entry.audio[:size])

    def _now_us(self) -> int:
        """Time when the audio made so far is out: `speed` times real time after the first of it."""
        speed = self.options.pacing.speed
        return self.started_us + self._shift_us + (int(self.made_ms * MS / speed) if speed > 0 else 0)

    def _awaited(self, made: Pending[T]) -> Generator[int, None, T | None]:
        """An agent's answer, once it is there; None if the response was over before."""
        while (thing := made.poll()) is None and not self.over:
            self._shift_us += LOOK_MS * MS
            yield self._now_us()
        return None if self.over else thing

    def _speak(self, spoken: Spoken | Speech, pacing: Pacing, phase: str) -> Generator[int, None, None]:
        """Say one item, all but its end. The item is there with its first piece."""
        if (yield from self._halted()):
            return
        pieces = spoken.pieces if isinstance(spoken, Speech) else (spoken,)
        output: Output | None = None
        for number, piece in enumerate(pieces):
            made = yield from self._awaited(piece)
            if made is None:
                return
            for ahead in pieces[number + 1 : number + 2]:
                ahead.poll()  # which is asked for only then, and is there when this one has been said
            if output is None:
                output = self._open_message(phase)
            yield from self._say(output, made, pacing, opens=not number)
            if self._stuck:
                return
        if output is not None and not self.over and not (yield from self._halted()):
            self._send_text(output, len(output.words))
            self._end_parts(output, until="part")

    def _say(self, output: Output, piece: Spoken, pacing: Pacing, *, opens: bool) -> Generator[int, None, None]:
        """Say one piece of an item. The text left over of it goes with what follows."""
        words_before, entry = len(output.words), output.entry
        before = len(entry.audio)
        output.words += piece.transcript
        if entry.part == "output_audio":
            entry.audio += _in_format(piece, self.options.audio_format["type"])
        if opens and pacing.item_gap_ms:
            self._shift_us += pacing.item_gap_ms * MS
            yield self._now_us()
        total_ms, at_ms = piece.audio_ms, 0
        while at_ms < total_ms and not self.over:
            if (yield from self._halted()):
                return
            size_ms = min(self._delta_ms(pacing), total_ms - at_ms)
            at_ms += size_ms
            self._send_text(output, words_before + _text_out(piece, at_ms, pacing))
            start = entry.audio_bytes
            entry.audio_bytes = min(len(entry.audio), before + at_ms * entry.bytes_per_ms)
            self.made_ms += size_ms
            self._send_audio(output, entry.audio[start : entry.audio_bytes])
            yield self._now_us()

    def _call_functions(self, calls: Sequence[ToolCall], pacing: Pacing) -> Generator[int, None, None]:
        for call in calls:
            if (yield from self._halted()):
                return
            self._call(call)
            if pacing.call_gap_ms:
                self._shift_us += pacing.call_gap_ms * MS
                yield self._now_us()
            if not self.world.wire.calls_early and not self.over:
                self._close_all("completed")
        yield from self._halted()

    def _delta_ms(self, pacing: Pacing) -> int:
        """Length of the next delta: it never runs past the point where something is to go wrong."""
        size = pacing.delta_ms if self.made_ms else pacing.first_delta_ms
        failure = self._failure
        return max(1, size if failure is None else min(size, failure.after_ms - self.made_ms))

    def _halted(self) -> Generator[int, None, bool]:
        """True when generation goes no further: cut from outside, or the scripted failure is due now."""
        failure = self._failure
        if self.over or failure is None or self.made_ms < failure.after_ms:
            return self._stuck
        self._failure = None
        if failure.kind == "pauses":
            self._shift_us += failure.pause_ms * MS
            yield self._now_us()
        elif self._fail(failure):
            self._stuck = True
        return self._stuck

    def _fail(self, failure: Failure) -> bool:
        """Go wrong; whether that is the end of generating."""
        if failure.kind == "failed":
            self.finish("failed", {"type": "failed", "error": _error(failure.code)})
        elif failure.kind == "incomplete":
            self.finish("incomplete", {"type": "incomplete", "reason": failure.code or "max_output_tokens"})
        elif failure.kind == "closes":
            self.world.close(1011, "")
        elif failure.kind == "aborts":
            self.world.close(ABNORMAL, "")
        elif failure.kind == "error":
            self.world.emit("error", error={**_error(failure.code), "param": None, "event_id": None})
            return False
        return True

    # ---- items -------------------------------------------------------------------------------------------------------

    def _open_message(self, phase: str) -> Output:
        kind = self.options.audio_format["type"]
        entry = Entry(
            self.world.new_id("item"),
            "message",
            "assistant",
            part="output_text" if self.options.writes else "output_audio",
            text="",
            bytes_per_ms=BYTES_PER_MS[kind],
            phase=phase if self.world.wire.reasons else None,
        )
        output = self._add(Output(entry, self._next_index()))
        part = {"type": "text", "text": ""} if self.options.writes else {"type": "audio", "transcript": ""}
        self.world.emit("response.content_part.added", **self._part_ids(output), part=part)
        return output

    def _next_index(self) -> int:
        return 0 if self.world.wire.one_index else len(self.outputs)

    def _add(self, output: Output) -> Output:
        self.outputs.append(output)
        self._open.append(output)
        emit, entry, wire = self.world.emit, output.entry, self.world.wire
        shown = entry.shown(wire, "output")
        emit("response.output_item.added", **self._ids, output_index=output.index, item=shown)
        if self.default:
            before = self.world.conversation.add(entry)
            before = wire.follows(entry.type, before)
            emit("conversation.item.added", previous_item_id=before, item=entry.shown(wire))
        return output

    def _close_all(self, status: str) -> None:
        for output in self._open:
            self._close_item(output, status)
        self._open.clear()

    def _close_item(self, output: Output, status: str) -> None:
        entry, emit, wire = output.entry, self.world.emit, self.world.wire
        if output.call is None:
            self._end_parts(output)
        entry.status = status
        if self.default and entry.id in self.world.conversation:
            before = self.world.conversation.before(entry.id)
            emit("conversation.item.done", previous_item_id=before, item=entry.shown(wire))
        shown = entry.shown(wire, "output")
        emit("response.output_item.done", **self._ids, output_index=output.index, item=shown)
        entry.done = True

    def _end_parts(self, output: Output, until: str = "") -> None:
        """Say that the parts of a message are over, in the dialect's order, as far as `until`."""
        for part in self.world.wire.tail:
            if part == until:
                return
            if part not in output.ended:
                output.ended.add(part)
                self._end_part(output, part)

    def _end_part(self, output: Output, part: str) -> None:
        emit, ids, text = self.world.emit, self._part_ids(output), output.words[: output.shown]
        writes = output.entry.part == "output_text"
        if part == "part":
            said = {"type": "text", "text": text} if writes else {"type": "audio", "transcript": text}
            emit("response.content_part.done", **ids, part=said)
        elif part == "text" and writes:
            emit("response.output_text.done", **ids, text=text)
        elif part == "audio" and not writes:
            emit("response.output_audio.done", **ids)
        elif part == "transcript" and not writes:
            emit("response.output_audio_transcript.done", **ids, transcript=text)

    def _send_text(self, output: Output, upto: int) -> None:
        """The first `upto` characters of the text, as far as they have not left."""
        words, shown = output.words, output.shown
        if upto <= shown:
            return
        output.shown = upto
        if output.entry.kept_ms is None:
            output.entry.text = words[:upto]
        kind = "output_text" if output.entry.part == "output_text" else "output_audio_transcript"
        self.world.emit(
            f"response.{kind}.delta", **self._part_ids(output), delta=words[shown:upto], **self._xai_marks(output)
        )

    def _send_audio(self, output: Output, audio: bytes) -> None:
        if audio:
            delta = base64.b64encode(audio).decode()
            marks = self._xai_marks(output, len(audio) // output.entry.bytes_per_ms)
            self.world.emit("response.output_audio.delta", **self._part_ids(output), delta=delta, **marks)

    def _xai_marks(self, output: Output, audio_ms: int = 0) -> Json:
        """Fields that xAI alone adds to a delta."""
        if not self.world.wire.one_index:
            return {}
        at_ms = output.entry.audio_bytes // output.entry.bytes_per_ms - audio_ms
        marks = {"rid": f"rid_{output.item_id}", "start_time": at_ms / 1000, "audio_duration_ms": audio_ms}
        return {**marks, "ts": self._now_us() // MS, "latency": None if at_ms else "0.50"}

    def _part_ids(self, output: Output) -> Json:
        return {**self._ids, "item_id": output.item_id, "output_index": output.index, "content_index": 0}

    def _call(self, call: ToolCall) -> None:
        call_id = call.call_id or self.world.new_id("call")
        entry = Entry(
            self.world.new_id("item"),
            "function_call",
            body={"name": call.name, "call_id": call_id, "arguments": ""},
        )
        output = self._add(Output(entry, self._next_index(), call))
        ids = {**self._ids, "item_id": entry.id, "output_index": output.index, "call_id": call_id}
        self._arguments("response.function_call_arguments", ids, call.arguments)
        entry.body = {**entry.body, "arguments": call.arguments}
        self.world.emit("response.function_call_arguments.done", **ids, name=call.name, arguments=call.arguments)

    def _arguments(self, kind: str, ids: Json, arguments: str) -> None:
        size = max(len(arguments), 1) if self.world.wire.one_index else ARGUMENT_CHARS
        for at in range(0, len(arguments), size):
            self.world.emit(f"{kind}.delta", **ids, delta=arguments[at : at + size])

    def _call_remotely(self, call: McpCall, pacing: Pacing) -> Generator[int, None, None]:
        """A remote tool is called and answers within the response, which says nothing of it (openai-realtime W10)."""
        if (yield from self._halted()):
            return
        if self._asked_for_approval(call):
            return
        body = {"server_label": call.server_label, "name": call.name, "arguments": ""}
        if call.approval_request_id:
            body["approval_request_id"] = call.approval_request_id
        output = self._add(Output(Entry(self.world.new_id("item"), "mcp_call", body=body), self._next_index(), call))
        place = {"item_id": output.item_id, "output_index": output.index}
        self._arguments("response.mcp_call_arguments", {**self._ids, **place}, call.arguments)
        output.entry.body = {**body, "arguments": call.arguments}
        self.world.emit("response.mcp_call_arguments.done", **self._ids, **place, arguments=call.arguments)
        self.world.emit("response.mcp_call.in_progress", **place)
        self._shift_us += pacing.call_gap_ms * MS
        making = self.world.remote(call)
        yield self._now_us()
        made = yield from self._awaited(making)
        if made is not None:
            answer = {"output": made.output} if made.error is None else {"error": made.error}
            output.entry.body = {**output.entry.body, **answer}
            self.world.emit(f"response.mcp_call.{'completed' if made.error is None else 'failed'}", **place)
            self._close_all("completed")

    def _asked_for_approval(self, call: McpCall) -> bool:
        """True if the client has to approve the call: the item that asks for it is all that comes of it here."""
        request_id = self.world.new_id("mcpr")
        if not self.world.asks(call, request_id):
            return False
        body = {"server_label": call.server_label, "name": call.name, "arguments": call.arguments}
        self._add(Output(Entry(request_id, "mcp_approval_request", body=body), self._next_index(), call))
        self._close_all("completed")
        return True


def _in_format(piece: Spoken, kind: str) -> bytes:
    """The audio of `piece` as the response has it."""
    if piece.audio_format == LINE_FORMAT:
        return from_mulaw(piece.audio, kind)
    if piece.audio_format != kind:
        raise ValueError(f"{piece.audio_format} was made for a response in {kind}")
    return piece.audio


def _text_out(spoken: Spoken, at_ms: int, pacing: Pacing) -> int:
    """Characters that leave before the audio up to `at_ms` does, to the end of a word."""
    words = spoken.transcript
    if spoken.announced_ms:
        n_words = bisect_right(spoken.announced_ms, at_ms)
        ends = [word.end() for word in re.finditer(r"\S+", words)]
        return ends[n_words - 1] if n_words else 0
    share = (at_ms + pacing.transcript_lead_ms) / spoken.audio_ms
    return len(words) if share >= 1 else max(words.rfind(" ", 0, int(len(words) * share) + 1), 0)


def _first_failure(reply: Reply, max_output_tokens: int | str) -> Failure | None:
    """The reply's own failure, or the token limit where that comes first (50 ms of audio are one token)."""
    whole_ms = sum(spoken.audio_ms for spoken in reply.items if isinstance(spoken, Spoken))
    unknown = any(isinstance(spoken, Speech) for spoken in reply.items)
    if isinstance(max_output_tokens, int) and (unknown or max_output_tokens * 50 < whole_ms):
        limit = Failure("incomplete", max_output_tokens * 50, "max_output_tokens")
        if reply.failure is None or limit.after_ms < reply.failure.after_ms:
            return limit
    return reply.failure


def _error(code: str | None) -> Json:
    if code in {None, "server_error"}:
        return {"type": "server_error", "code": None, "message": SERVER_ERROR}
    kind = code if code == "insufficient_quota" else "invalid_request_error"
    return {"type": kind, "code": code, "message": f"The response failed: {code}."}
