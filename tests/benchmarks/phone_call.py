"""One simulated caller on a raw transport: frames out, playout with marks and clear in (twilio-voice 4 and 5)."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import cast

from websockets.frames import Opcode

from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from tests.benchmarks.frames import FrameReader, client_frame
from tests.benchmarks.stamps import filler, now_ns, read_stamp, stamp
from tests.benchmarks.summaries import Samples, Spread

FRAME_BYTES = 160
FRAME_MS = 20
_NS_PER_BYTE = 125_000
_FILLER = filler(FRAME_BYTES)
_MEDIA = (
    b'{"event":"media","sequenceNumber":"%%d","streamSid":"%b","media":'
    b'{"track":"inbound","chunk":"%%d","timestamp":"%%d","payload":"%%b%b"}}'
)
_AUDIO_KEYS = (b'"payload":"', b'"delta":"')
"""Audio as a bridge sends it, and as the model does, which a bare relay passes on."""


_OF_MODEL = b'{"type":"'
_AUDIO_OF_MODEL = b'{"type":"response.output_audio.delta"'


@dataclass
class PhoneCounts:
    """Counts of all calls of the process since the window began; `sent` and `received` since ever."""

    sent: int = 0
    received: int = 0
    down: Samples = field(default_factory=Samples)
    arrivals: Spread = field(default_factory=Spread)
    sendings: Spread = field(default_factory=Spread)
    added: Spread = field(default_factory=Spread)
    clears: list[tuple[int, int]] = field(default_factory=list)
    """The call and the time in ns."""

    def window(self) -> None:
        self.down.clear()
        self.clears.clear()
        for spread in (self.arrivals, self.sendings, self.added):
            spread.clear()


class PhoneCall(asyncio.Protocol):
    """`opened` is set when the upgrade is answered, `greeted` with the first audio, `gone` when the socket is closed."""

    def __init__(self, number: int, ids: StreamIds, request: bytes, counts: PhoneCounts) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.greeted: asyncio.Future[tuple[int, int]] = loop.create_future()
        """Times in ns at which the first audio arrived and the model sent it."""
        self.gone: asyncio.Future[None] = loop.create_future()
        self._number = number
        self._texts = TwilioTexts(ids)
        self._template = _MEDIA % (ids.stream_sid.encode(), _FILLER)
        self._request = request
        self._counts = counts
        self._reader = FrameReader()
        self._handshake: bytes | None = b""
        self._sequence = self._chunk = 0
        self._play_end_ns = 0
        self._marks: deque[tuple[str, asyncio.TimerHandle]] = deque()
        self._before: tuple[int, int] | None = None

    # ---- asyncio's side ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._handshake is not None:
            self._handshake += data
            head, blank, data = self._handshake.partition(b"\r\n\r\n")
            if not blank:
                return
            self._handshake = None
            if self.opened.done():  # whoever waited has given up
                self._transport.abort()
                return
            if b" 101 " not in head[:20]:
                self.opened.set_exception(ConnectionError(f"refused: {head[:80]!r}"))
                return
            self.opened.set_result(None)
        for opcode, payload in self._reader.feed(data):
            if opcode == Opcode.TEXT:
                self._text(payload)
            elif opcode == Opcode.PING:
                self._transport.write(client_frame(payload, Opcode.PONG))
            elif opcode == Opcode.CLOSE:
                self._transport.write(client_frame(payload, Opcode.CLOSE))
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_marks()
        for waiting in (self.opened, self.greeted):
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"closed by the bot: {exc}"))
                waiting.exception()  # whoever waits gets it; if nobody does, that is no news
        self.gone.set_result(None)

    # ---- what the caller does ----

    def start(self) -> int:
        """Send `connected` and `start`. Gives the time in ns."""
        at = now_ns()
        self._write(CONNECTED.encode())
        self._write(self._texts.start({}).encode())
        self._sequence = 1
        return at

    def frame(self) -> None:
        """Send the next 20 ms."""
        self._sequence += 1
        self._chunk += 1
        at = stamp(now_ns(), self._number)
        self._write(self._template % (self._sequence, self._chunk, (self._chunk - 1) * FRAME_MS, at))
        self._counts.sent += 1

    def hang_up(self) -> None:
        if not self._transport.is_closing():
            ids = self._texts.ids
            self._numbered("stop", {"accountSid": ids.account_sid, "callSid": ids.call_sid})
            self._transport.write(client_frame(b"\x03\xe8", Opcode.CLOSE))

    def _write(self, text: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(client_frame(text))

    # ---- what the caller hears ----

    def _text(self, text: bytes) -> None:
        if text.startswith(_OF_MODEL) and not text.startswith(_AUDIO_OF_MODEL):
            self._passed_on(text)
            return
        for key in _AUDIO_KEYS:
            at = text.find(key)
            if at >= 0:
                self._audio(text, at + len(key))
                return
        message = json.loads(text)
        if message.get("event") == "mark":
            self._mark(message["mark"]["name"])
        elif message.get("event") == "clear":
            self._clear()

    def _passed_on(self, text: bytes) -> None:
        """Take a text of a bare relay that is no audio: `speech_started` stands for the clear."""
        if b"speech_started" in text[:80]:
            self._counts.clears.append((self._number, now_ns()))

    def _audio(self, text: bytes, at: int) -> None:
        now = now_ns()
        sent, _ = read_stamp(text, at)
        counts = self._counts
        counts.received += 1
        counts.down.add(now - sent)
        if self._before is not None:
            arrived, left = now - self._before[0], sent - self._before[1]
            counts.arrivals.add(arrived / 1000)
            counts.sendings.add(left / 1000)
            counts.added.add((arrived - left) / 1000)
        self._before = now, sent
        n_bytes = (text.index(b'"', at) - at) // 4 * 3
        self._play_end_ns = max(now, self._play_end_ns) + n_bytes * _NS_PER_BYTE
        if not self.greeted.done():
            self.greeted.set_result((now, sent))

    def _mark(self, name: str) -> None:
        """Echoed when what came before it has been played."""
        wait_s = max(0, self._play_end_ns - now_ns()) / 1e9
        self._marks.append((name, asyncio.get_running_loop().call_later(wait_s, self._echo)))

    def _echo(self) -> None:
        """The marks come back in their order: the first timer to fire is the first mark's."""
        if self._marks:
            self._write_mark(self._marks.popleft()[0])

    def _clear(self) -> None:
        now = now_ns()
        self._counts.clears.append((self._number, now))
        self._play_end_ns = now
        self._before = None
        for name in self._drop_marks():
            self._write_mark(name)

    def _drop_marks(self) -> list[str]:
        names = []
        while self._marks:
            name, timer = self._marks.popleft()
            timer.cancel()
            names.append(name)
        return names

    def _write_mark(self, name: str) -> None:
        self._numbered("mark", {"name": name})

    def _numbered(self, event: str, part: dict[str, str]) -> None:
        self._sequence += 1
        text = {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self._texts.ids.stream_sid}
        self._write(json.dumps({**text, event: part}, separators=(",", ":")).encode())
