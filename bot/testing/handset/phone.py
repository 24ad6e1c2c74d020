"""A simulated phone: Twilio's side of a media stream, with the caller at its other end (twilio-voice 4 and 5).

It sends what Twilio sends, plays what it is sent as Twilio plays it, refuses what Twilio refuses, and knows to the
byte what was said and heard. Pure: it runs on sockets (bot.testing.dialling.dial) and in virtual time
(bot.testing.virtual.scheduler).
"""

from __future__ import annotations

import binascii
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from bot.audio.tones import tone
from bot.testing.handset.microphone import Frame, Microphone
from bot.testing.handset.script import Action, HangUp, Press, Say, Script
from bot.testing.handset.twilio_texts import CONNECTED, StreamIds, TwilioTexts
from bot.twilio.playout import Playout
from bot.twilio.stream import BadMessage, Clear, PlayMedia, SetMark, parse_outbound

TOLD_AFTER_MS = 60
"""So much of a tone a receiver hears before it takes it for a key: 40 ms by Q.24, and a frame."""
Echoes = Literal["faithful", "never", "at_once"]
EndedBy = Literal["phone", "bot", "twilio", ""]
"""The side that ended a stream: the caller, the bot, or Twilio, which had other orders for the call."""


class Received(NamedTuple):
    """One media message of the bot, as it arrived."""

    at_us: int
    audio: bytes


class Cleared(NamedTuple):
    """A clear that took effect. `n_received`: how many media messages had arrived before it."""

    at_us: int
    n_received: int


class MarkRecord(NamedTuple):
    at_us: int
    name: str


class SimulatedPhone:
    """One stream of one call. A Peer; besides, the shell calls open() and closed() and looks at `hung_up`.

    `frames` off: no inbound media at all. `echoes`: marks come back as Twilio sends them, never, or as soon as the
    mark was received, as some other carriers do. Give a `playout` or a `microphone` of your own to turn their knobs.
    """

    def __init__(
        self,
        ids: StreamIds | None = None,
        *,
        playout: Playout | None = None,
        microphone: Microphone | None = None,
        frames: bool = True,
        echoes: Echoes = "faithful",
        script: Script | None = None,
    ) -> None:
        self.ids = ids or StreamIds()
        self.playout = playout or Playout()
        self.microphone = microphone or Microphone()
        self.violations: list[str] = []
        self.received: list[Received] = []
        self.clears: list[Cleared] = []
        self.marks: list[MarkRecord] = []
        self.echoed: list[MarkRecord] = []
        self.opened_us: int | None = None
        self.ended_us: int | None = None
        self.ended_by: EndedBy = ""
        self.hung_up: Literal["clean", "abrupt", ""] = ""
        self._frames = frames
        self._echoes = echoes
        self._script = script or Script()
        self._texts = TwilioTexts(self.ids)
        self._outbox: list[str] = []
        self._outbox_us = 0
        self._keys: deque[tuple[int, str]] = deque()
        self._hang_up: tuple[int, bool] | None = None
        self._next_us: int | None = None  # as it was when something last changed
        self._changed = True

    # ---- what the caller does ----------------------------------------------------------------------------------------

    @property
    def sent_frames(self) -> list[Frame]:
        """The caller's audio exactly as sent, in order."""
        return self.microphone.sent

    def say(self, audio: bytes, at_us: int) -> None:
        """Say mu-law `audio` from `at_us` on, or after what is being said then. Needs frames."""
        if not self._frames:
            raise ValueError("this phone sends no frames, so its caller can't say anything")
        self.microphone.say(audio, at_us)
        self._changed = True

    def press(self, digits: str, at_us: int) -> None:
        """Press keys: one dtmf message each, all at `at_us`, and no sound."""
        self._keys = deque(sorted([*self._keys, *((at_us, digit) for digit in digits)], key=lambda key: key[0]))
        self._changed = True

    def press_loudly(self, digits: str, at_us: int, *, held_ms: int = 100, pause_ms: int = 100) -> None:
        """Press keys one after the other, each with its tone, of which Twilio tells once it has heard TOLD_AFTER_MS."""
        for digit in digits:
            self.say(tone(digit, held_ms), at_us)
            self.press(digit, at_us + TOLD_AFTER_MS * 1_000)
            at_us += (held_ms + pause_ms) * 1_000

    def hang_up(self, at_us: int, *, abrupt: bool = False) -> None:
        """Hang up at `at_us`: `stop` and then a closing handshake, or, abrupt, a connection that just breaks."""
        self._hang_up = (at_us, abrupt)
        self._changed = True

    # ---- the stream --------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        return self.ended_us is not None

    def open(self, now_us: int, parameters: dict[str, str] | None = None) -> None:
        """The WebSocket is up: connected and start are due. `parameters` are the <Parameter>s of the TwiML."""
        self.opened_us = now_us
        self._changed = True
        self.microphone.open(now_us)
        self._script.open(now_us)
        self._post((CONNECTED, self._texts.start(parameters or {})), now_us)

    def closed(self, now_us: int) -> None:
        """Take the bot's close of the WebSocket: what wasn't played by now is never heard."""
        self._run_to(now_us)
        if not self.ended:
            self._outbox.clear()
            self._end(now_us, "bot")

    def stop(self, now_us: int) -> None:
        """End the stream as Twilio does when the call gets other orders: `stop`, then a closing handshake."""
        self._run_to(now_us)
        if self.opened_us is not None and not self.ended:
            self._post((self._texts.stop(),), now_us)
            self.hung_up = "clean"
            self._end(now_us, "twilio")

    def receive(self, text: str, now_us: int) -> None:
        """Take one text from the bot; what comes after the end is a race the bot can't help, and is ignored."""
        self._run_to(now_us)
        if self.ended:
            return
        try:
            message = parse_outbound(text)
        except BadMessage as error:
            self.violations.append(f"31951 {error}: {text[:200]}")
            return
        if self.opened_us is None or message.stream_sid != self.ids.stream_sid:
            self.violations.append(f"31951 unknown stream {message.stream_sid!r}")
        elif isinstance(message, PlayMedia):
            self._play(binascii.a2b_base64(message.media.payload), now_us)
        elif isinstance(message, SetMark):
            self._mark(message.mark.name, now_us)
        elif isinstance(message, Clear):
            self._clear(now_us)

    def receive_binary(self, data: bytes, now_us: int) -> None:
        """A binary frame from the bot, which Twilio can't decode."""
        self._run_to(now_us)
        if not self.ended:
            self.violations.append(f"31950 a binary frame of {len(data)} bytes")

    def next_us(self) -> int | None:
        if self._outbox:
            return self._outbox_us
        if self._changed:
            self._changed = False
            self._next_us = min((at_us for at_us, _ in self._moments()), default=None)
        return self._next_us

    def due(self, now_us: int) -> list[str]:
        self._run_to(now_us)
        texts, self._outbox = self._outbox, []
        return texts

    def heard_when_cleared(self, clear: int) -> list[int]:
        """Bytes of each media message received before clear number `clear` (from 0) that had been played by then."""
        cleared = self.clears[clear]
        return [self.playout.heard_bytes(k, cleared.at_us) for k in range(cleared.n_received)]

    def _play(self, audio: bytes, now_us: int) -> None:
        self.received.append(Received(now_us, audio))
        discarded = self.playout.media(audio, now_us)
        if discarded:
            self.violations.append(f"31931 more than ten minutes buffered: {discarded} bytes discarded")

    def _mark(self, name: str, now_us: int) -> None:
        self.marks.append(MarkRecord(now_us, name))
        if self._echoes == "faithful":
            self.playout.mark(name, now_us)
            self._run_to(now_us)
        elif self._echoes == "at_once":
            self._echo((name,), now_us)

    def _clear(self, now_us: int) -> None:
        self.clears.append(Cleared(now_us, len(self.received)))
        self._echo(self.playout.clear(now_us), now_us)

    def _echo(self, names: Iterable[str], at_us: int) -> None:
        for name in names:
            self.echoed.append(MarkRecord(at_us, name))
            self._post((self._texts.mark(name),), at_us)

    def _post(self, texts: Iterable[str], at_us: int) -> None:
        if not self._outbox:
            self._outbox_us = at_us
        self._outbox += texts

    # ---- time --------------------------------------------------------------------------------------------------------

    def _moments(self) -> list[tuple[int, Callable[[int], None]]]:
        """The next event of each kind as (when, what); at the same time in the order of this list."""
        if self.opened_us is None or self.ended:
            return []
        spoken_us = self.microphone.ends_us if self._frames else None
        kinds: tuple[tuple[int | None, Callable[[int], None]], ...] = (
            (self.playout.next_us, self._echo_due),
            (self._keys[0][0] if self._keys else None, self._press_due),
            (self._script.next_us(self.playout, spoken_us), self._act),
            (self.microphone.next_us() if self._frames else None, self._send_frame),
            (self._hang_up[0] if self._hang_up else None, self._hang_up_due),
        )
        # What was scheduled for a time before the stream opened happens as it opens.
        return [(max(at_us, self.opened_us), what) for at_us, what in kinds if at_us is not None]

    def _run_to(self, now_us: int) -> None:
        self._changed = True
        while moments := self._moments():
            at_us, happen = min(moments, key=lambda moment: moment[0])
            if at_us > now_us:
                return
            happen(at_us)

    def _echo_due(self, at_us: int) -> None:
        self._echo([name for name, _ in self.playout.due(at_us)], at_us)

    def _press_due(self, at_us: int) -> None:
        self._post((self._texts.dtmf(self._keys.popleft()[1]),), at_us)

    def _act(self, at_us: int) -> None:
        action: Action = self._script.take(at_us)
        if isinstance(action, Say):
            self.say(action.audio, at_us)
        elif isinstance(action, Press):
            self.press(action.digit, at_us)
        elif isinstance(action, HangUp):
            self.hang_up(at_us, abrupt=action.abrupt)

    def _send_frame(self, at_us: int) -> None:
        frame = self.microphone.take()
        if frame is not None:
            payload = binascii.b2a_base64(frame.audio, newline=False).decode()
            self._post((self._texts.media(payload, frame.timestamp_ms),), at_us)

    def _hang_up_due(self, at_us: int) -> None:
        abrupt = self._hang_up is not None and self._hang_up[1]
        if not abrupt:
            self._post((self._texts.stop(),), at_us)
        self.hung_up = "abrupt" if abrupt else "clean"
        self._end(at_us, "phone")

    def _end(self, now_us: int, by: EndedBy) -> None:
        self.ended_us = now_us
        self.ended_by = by
        self.playout.clear(now_us)
