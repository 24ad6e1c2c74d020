"""Outcome of one call with one fault: what the caller heard, how long they waited, how it ended, and what was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from bot.audio.payload import BYTES_PER_MS
from bot.testing.handset.phone import SimulatedPhone

MS = 1_000
MOST_MS = 2_000
"""Longest time from a fault to the next sound at the caller."""


class Sound(NamedTuple):
    """Something the caller heard without a gap, in ms from the webhook; `until_ms` is `from_ms` for a TwiML sentence."""

    what: str
    from_ms: float
    until_ms: float

    def __str__(self) -> str:
        if self.until_ms == self.from_ms:
            return f"{self.what} {self.from_ms:.0f}"
        return f"{self.what} {self.from_ms:.0f}-{self.until_ms:.0f}"


@dataclass
class Outcome:
    """`waits_from_ms`: from when on the caller had to wait; None: they heard what they would have heard anyway.

    `apart` says why the bound does not hold for this fault; something is heard all the same. `wrong` are things that must not be, in words.
    """

    heard: list[Sound]
    waits_from_ms: float | None
    ended: str
    apart: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def after_ms(self) -> float | None:
        """Milliseconds from the fault, or the end of the sound heard then, to the next one. None: there was none."""
        if self.waits_from_ms is None:
            return 0
        from_ms = max((one.until_ms for one in self.heard if one.from_ms < self.waits_from_ms), default=0)
        from_ms = max(from_ms, self.waits_from_ms)
        next_ms = min((one.from_ms for one in self.heard if one.from_ms >= from_ms), default=None)
        return None if next_ms is None else next_ms - from_ms

    @property
    def good(self) -> bool:
        return not self.wrong and self.after_ms is not None and (bool(self.apart) or self.after_ms <= MOST_MS)

    @property
    def something(self) -> bool:
        """True when the caller heard the next thing, however late by this machine's clock."""
        return not self.wrong and self.after_ms is not None

    @property
    def verdict(self) -> str:
        if self.wrong:
            return "NOT OK: " + "; ".join(self.wrong)
        if self.good:
            return f"ok, apart: {self.apart}" if self.apart else "ok"
        return "NOT OK: too late" if self.after_ms is not None else "NOT OK: nothing is heard"


def sounds(phone: SimulatedPhone, known: Mapping[str, bytes]) -> list[Sound]:
    """Sounds that were heard at `phone`, each named after the `known` audio that it is a part of."""
    heard: list[Sound] = []
    playout = phone.playout
    ended_us = phone.ended_us
    for number, message, received in zip(count(), playout.messages, phone.received, strict=False):
        until_us = ended_us if ended_us is not None else message.run.end_us
        n_bytes = playout.heard_bytes(number, until_us)
        if not n_bytes:
            continue
        what = next((name for name, audio in known.items() if received.audio in audio), "a voice")
        from_ms = playout.clock.after(message.run.start_us, message.offset) / MS
        until_ms = playout.clock.after(message.run.start_us, message.offset + n_bytes) / MS
        if heard and heard[-1].what == what and from_ms - heard[-1].until_ms < 1:
            heard[-1] = heard[-1]._replace(until_ms=until_ms)
        else:
            heard.append(Sound(what, from_ms, until_ms))
    return heard


def in_words(heard: Iterable[Sound]) -> str:
    return ", ".join(map(str, heard)) or "nothing"


def tone(ms: int, number: int) -> bytes:
    """A sound by number. No part of it is in one of another number."""
    return bytes((0x81 + number, 0x20, 0xA0, 0x30, 0x02 + number, 0xB0, 0x25, 0x95)) * (ms * BYTES_PER_MS // 8)
