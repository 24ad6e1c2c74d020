"""Targets of the fuzzer. Each takes any input, or refuses it in the one documented way."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from bot.call.call import Call, Input
from bot.call.inputs import Note, Refused, Tick
from bot.call.outputs import End
from bot.call.settings import CallSettings
from bot.realtime import events
from bot.recording.fixture import BadFixture, FixtureLine, parse_fixture
from bot.server.calls.phone_side.phone_socket import MAX_MESSAGE_BYTES, PhoneSocket
from bot.server.http.webhook import MAX_FIELDS
from bot.twilio import stream
from bot.twilio.signature import webhook_ok
from bot.twilio.token import BadToken, open_token
from bot.views.timeline import timeline
from tests.fuzz import seeds
from tests.fuzz.fuzz_loop import Target

UPGRADE = (
    b"GET /media/x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TICKS = 50
"""Most ticks between two inputs; a deadline that stays where it was would be seen long before."""
REFUSALS = {
    "stream": {"not_json", "unknown_event", "bad_shape", "bad_base64"},
    "events": {"not_json", "bad_shape", "bad_base64"},
}


def a_stream(data: bytes) -> None:
    try:
        message = stream.parse(data)
    except stream.BadMessage as error:
        assert error.kind in REFUSALS["stream"]  # noqa: PT017  a target is no test: it may raise or not
        return
    if isinstance(message, stream.Media):
        base64.b64decode(message.media.payload, validate=True)


def an_event(data: bytes) -> None:
    try:
        event = events.parse(data)
    except events.BadEvent as error:
        assert error.kind in REFUSALS["events"]  # noqa: PT017  as above
        return
    if isinstance(event, events.AudioDelta):
        base64.b64decode(event.delta, validate=True)


# ---- frames ----


class Pipe(asyncio.Transport):
    """A connection whose other end reads all."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def get_protocol(self) -> asyncio.BaseProtocol:
        return asyncio.Protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Take the protocol, of which there is only one."""

    def write(self, data: Any) -> None:
        assert len(data) < 1_000, "nothing is answered at length"

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def is_reading(self) -> bool:
        return True

    def pause_reading(self) -> None:
        """The other end has written all it had."""

    resume_reading = pause_reading


async def _read(data: bytes, cut: int) -> tuple[list[bytes], int | None]:
    """The texts that our socket takes from `data`, in reads of so many bytes, and the code with which it closed."""
    socket, pipe, texts, codes = PhoneSocket(UPGRADE), Pipe(), list[bytes](), list[int]()
    socket.listen(texts.append)
    socket.on_lost = codes.append
    socket.take(pipe)
    loop = asyncio.get_running_loop()
    for at in range(0, len(data), cut):
        if not pipe.closed:
            socket.data_received(data[at : at + cut])
            turn = loop.create_future()
            loop.call_soon(turn.set_result, None)
            await turn
    while socket._intake.kept:  # noqa: ASYNC110  its turns set no event
        await asyncio.sleep(0)
    socket.connection_lost(None)
    return texts, codes[0] if pipe.closed else None


def _expected(data: bytes) -> tuple[list[bytes], int | None]:
    """The same by the library alone."""
    protocol, texts, parts = ServerProtocol(max_size=MAX_MESSAGE_BYTES), list[bytes](), list[bytes]()
    protocol.receive_data(UPGRADE)
    protocol.send_response(protocol.accept(cast("Any", protocol.events_received()[0])))
    protocol.data_to_send()
    protocol.receive_data(data)
    text = False
    for event in protocol.events_received():
        frame = cast("Frame", event)
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            parts, text = [], frame.opcode is Opcode.TEXT
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            parts.append(bytes(frame.data))
            if frame.fin and text:
                texts.append(b"".join(parts))
    closed = b"" in protocol.data_to_send()
    close = protocol.close_rcvd or protocol.close_sent
    return texts, (int(close.code) if close else 1006) if closed else None


def frames(data: bytes) -> None:
    """Frames, however they are cut: what the library takes, and not one text more. Zeros complete what is not whole."""
    cut, data = 1 + data[0] * 16 if data else 1, data[1:20_000] + bytes(MAX_MESSAGE_BYTES + 20)
    with asyncio.Runner() as runner:
        texts, code = runner.run(_read(data, max(cut, len(data) // 50)))
    expected, expected_code = _expected(data)
    assert texts == expected
    assert code == expected_code
    assert code is not None


# ---- calls ----

_line = msgspec.json.Decoder(FixtureLine)
_note: msgspec.json.Decoder[Note] = msgspec.json.Decoder(Note)
_PARSERS: dict[str, Callable[[bytes], Input]] = {
    "phone>bot": stream.parse,
    "model>bot": events.parse,
    "note": _note.decode,
}


def a_call(data: bytes) -> None:
    """Any sequence of messages, however strange: nothing raises, nothing follows the end, the books are right."""
    call, now_us = Call(CallSettings(greeting="Hello.")), 0
    for row in data.split(b"\n")[:2_000]:
        try:
            line = _line.decode(row)
        except (ValueError, RecursionError):
            continue
        now_us = max(now_us, min(line.us, now_us + 30_000_000))
        _tick(call, now_us)
        _feed(call, _input(line), now_us)
        for entry in call.playout.ledger.heard(now_us):
            assert 0 <= entry.heard <= entry.sent <= entry.received
    _tick(call, now_us + 7_200_000_000)


def _input(line: FixtureLine) -> Input:
    """The message as the shell hands it on: itself, or a refusal that is counted."""
    try:
        found = _PARSERS[line.way](bytes(line.message)) if line.way in _PARSERS else Tick()
    except (stream.BadMessage, events.BadEvent) as error:
        return Refused("phone>bot", error.kind)
    except (ValueError, RecursionError):  # notes are our own
        return Tick()
    return Refused("phone>bot", "not_json") if isinstance(found, Refused) else found


def _tick(call: Call, until_us: int) -> None:
    for _ in range(TICKS):
        deadline_us = call.deadline_us
        if deadline_us is None or deadline_us > until_us:
            return
        _feed(call, Tick(), deadline_us)


def _feed(call: Call, one: Input, now_us: int) -> None:
    over = call.ended
    outputs = call.receive(one, now_us)
    assert not (over and outputs), "nothing comes after End"
    ends = [at for at, output in enumerate(outputs) if type(output) is End]
    assert ends in ([], [len(outputs) - 1]), "the end is the last word, and there is one"
    assert (call.ended is not None) == bool(over or ends)


# ---- the rest ----


def a_token(data: bytes) -> None:
    try:
        opened = open_token(data.decode("utf-8", "surrogateescape"), seeds.NOW_S, [seeds.KEY])
    except BadToken as error:
        assert error.kind in {"malformed", "forged", "expired"}  # noqa: PT017  as above
        return
    assert data == seeds.tokens()[0]
    assert opened.call_sid == "CA" + "1" * 32


def a_form(data: bytes) -> None:
    url, _, rest = data.partition(b"\n")
    signature, _, body = rest.partition(b"\n")
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return
    address = "https://" + url.decode("utf-8", "surrogateescape")
    assert not webhook_ok(["0" * 32], address, fields, signature.decode("utf-8", "surrogateescape"))


def a_file(data: bytes) -> None:
    """A fixture is read, or refused in one sentence; one that is read can be shown."""
    with suppress(BadFixture):
        timeline(parse_fixture(data, "fuzz"))


TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
    "stream": (a_stream, lambda: seeds.messages("phone>bot")),
    "events": (an_event, lambda: seeds.messages("model>bot")),
    "frames": (frames, seeds.frames),
    "call": (a_call, seeds.calls),
    "token": (a_token, seeds.tokens),
    "form": (a_form, seeds.forms),
    "fixture": (a_file, seeds.files),
}
"""Targets by name, each with its seeds."""
