"""One call of the simulated Twilio: a leg with a party at its other end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.dialling.stream_socket import StreamFailed
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.twilio.calls.ears import Ears
from bot.testing.twilio.calls.person import Person

if TYPE_CHECKING:
    from collections.abc import Sequence

Direction = Literal["inbound", "outbound-api", "outbound-dial"]
Status = Literal["queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"]
Ending = Literal["hangup", "reject", "end_of_document", "caller_hung_up", "failed", ""]
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
END_EVENTS = ("completed",)


@dataclass
class StreamLeg:
    """One stream. `failure` is empty unless it never started; `close_code` is as the phone saw it, 1006 for none."""

    phone: SimulatedPhone
    closed_us: int | None = None
    close_code: int | None = None
    failure: str = ""
    status: int = 0
    error: StreamFailed | None = None
    url: str = ""

    @property
    def opened_us(self) -> int | None:
        """Time when the stream opened; None before."""
        return self.phone.opened_us

    @property
    def first_audio_us(self) -> int | None:
        """Time when the first media message of the bot arrived; None before."""
        return self.phone.received[0].at_us if self.phone.received else None


@dataclass(frozen=True)
class Source:
    """Where a document comes from: a URL, asked with a verb's `fields`, or a text. `base`: what its links are to."""

    url: str = ""
    twiml: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    base: str = ""


@dataclass(frozen=True)
class Callback:
    """A status callback: where to, and at which events."""

    url: str = ""
    events: Sequence[str] = END_EVENTS


@dataclass(eq=False)
class SimulatedCall:
    """A leg. `from_` and `to` as Twilio tells them. `own_fields` go into every webhook of the call."""

    sid: str
    direction: Direction
    from_: str
    to: str
    person: Person
    now_us: Callable[[], int]
    parent: SimulatedCall | None = None
    status: Status = "queued"
    callback: Callback = field(default_factory=Callback)
    fallback_url: str = ""
    token: str = ""
    """The CallToken by which a forwarded call may keep the caller's number."""
    last_url: str = ""
    """Where its last document came from."""
    own_fields: list[tuple[str, str]] = field(default_factory=list)
    made_us: int = 0
    first_document_us: int | None = None
    answered_us: int | None = None
    ended_us: int | None = None
    answered_by: str = ""
    n_events: int = 0
    documents: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    legs: list[StreamLeg] = field(default_factory=list)
    ending: Ending = ""
    failure: DialFailed | None = None
    bridged: bool = False
    hung_up_by: str = ""
    """The party, `twilio` for the REST API, a limit or another leg; empty while nobody did."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    order: Source | None = None
    keys: deque[str] = field(default_factory=deque)
    spoken: list[tuple[int, str, float]] = field(default_factory=list)
    """The party's utterances: when, what, seconds."""
    speaking: int = 0
    phone: SimulatedPhone | None = None
    wake: Callable[[], None] | None = None
    peers: Callable[[], Iterable[SimulatedCall]] = tuple
    """Other legs that hear this party now."""

    def __post_init__(self) -> None:
        self.ears = Ears(self.now_us)
        self.made_us = self.now_us()

    @property
    def over(self) -> bool:
        return self.status in OVER

    @property
    def party(self) -> str:
        """The number, or whatever it is, at the other end."""
        return self.from_ if self.direction == "inbound" else self.to

    @property
    def name(self) -> str:
        return self.person.name or self.party

    def hang_up(self, by: str) -> None:
        """The party leaves, or the call is taken from them. Only the first hang-up counts."""
        if self.gone.is_set() or self.over:
            return
        self.hung_up_by = by
        if self.phone is not None and by == "party":
            # The stream ends itself, with `stop` and a closing handshake, and the call with it.
            self.phone.hang_up(self.now_us())
            self.stir()
            return
        self.gone.set()
        self.stir()

    def give(self, order: Source) -> None:
        """Another document, now: whatever verb runs is left."""
        self.order = order
        self.moved.set()

    def press(self, digits: str) -> None:
        """The party presses keys. Who listens: the stream, the verb that waits for keys, the other legs."""
        for digit in digits:
            if self.phone is not None:
                self.phone.press(digit, self.now_us())
            else:
                self.keys.append(digit)
        for peer in self.peers():
            peer.ears.hear("keys", digits)
        self.stir()

    def stir(self) -> None:
        """Wake whoever watches this call."""
        self.ears.bell.ring()
        if self.wake is not None:
            self.wake()

    async def until_over(self) -> None:
        """Wait until the call is over and its last callback was sent."""
        while self.ended_us is None:
            await self.ears.bell.wait()


@dataclass(frozen=True)
class Recording:
    """A message left to <Record>: its SID, how long it is, and the words that were said."""

    sid: str
    seconds: int
    words: tuple[str, ...]
