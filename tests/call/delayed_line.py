"""Audio sent down a line of fixed delay to a phone that plays it, and its echoes coming back: truth beside estimate."""

from __future__ import annotations

import base64
from collections import deque
from typing import Literal

from bot.audio.payload import BYTES_PER_MS
from bot.call.playout.ledger import Entry
from bot.call.playout.playout_queue import PlayoutQueue
from bot.twilio.playout import Playout
from bot.twilio.stream import Clear, Outbound, PlayMedia

MS = 1_000
Echoes = Literal["faithful", "never", "at_once"]


class Wire:
    """`delay_ms` is one way. Times are integer microseconds."""

    def __init__(self, delay_ms: int = 0, playout: Playout | None = None, echoes: Echoes = "faithful") -> None:
        self.playout = PlayoutQueue()
        self.playout.stream_sid = "MZ1"
        self.playout.begun = True
        self.ledger = self.playout.ledger
        self.phone = playout or Playout(keep_audio=False)
        self.now_us = 0
        self.entries: list[Entry] = []
        """Every entry ever made, in order."""
        self.truth: list[list[int]] = []
        """Bytes truly heard when each `clear` took effect, entry by entry."""
        self.marks: list[tuple[int, str]] = []
        """(us, name) of every mark as it was sent."""
        self.late_echoes: list[str] = []
        self._delay_us = delay_ms * MS
        self._echoes = echoes
        self._outward: deque[tuple[int, Outbound, int]] = deque()
        self._homeward: deque[tuple[int, str]] = deque()
        self._arrived: list[int] = []
        """The number of the entry that each media message at the phone belongs to."""

    # ---- our side ----

    def speak(self, item: str, ms: float, *, pieces_ms: float | None = None, response: str = "R1") -> Entry:
        """Send `ms` of audio of `item` now, in deltas of `pieces_ms`."""
        entry = self.ledger.entry(item, 0, response)
        if entry not in self.entries:
            self.entries.append(entry)
        left, piece = round(ms * BYTES_PER_MS), round((pieces_ms or ms) * BYTES_PER_MS)
        while left:
            n_bytes = min(left, piece)
            payload = base64.b64encode(bytes(n_bytes)).decode()
            self.playout.new_step()
            self._send(self.playout.delta(entry, payload, self.now_us), entry)
            left -= n_bytes
        return entry

    def finish(self, item: str) -> None:
        """Tell the ledger that no more audio of `item` comes."""
        for entry in self.ledger.find(item):
            self._send(self.playout.done(entry, self.now_us), entry)

    def cut(self) -> list[Entry]:
        clear, entries = self.playout.cut(self.now_us)
        for message in clear:
            self._outward.append((self.now_us + self._delay_us, message, -1))
        self._run(self.now_us)
        return entries

    def heard_ms(self, item: str) -> float:
        """Milliseconds of `item` that the ledger takes for heard now."""
        self.ledger.heard(self.now_us)
        return next(entry.heard for entry in reversed(self.entries) if entry.item_id == item) / BYTES_PER_MS

    # ---- the world ----

    def wait(self, ms: float) -> Wire:
        """Time passes and everything due on the way happens, at its own moment."""
        self.until_us(self.now_us + round(ms * MS))
        return self

    def until_us(self, at_us: int) -> None:
        self._run(at_us)
        self.now_us = at_us

    def true_bytes(self) -> list[int]:
        """Bytes that the phone has truly played by now, entry by entry."""
        heard = [0] * len(self.entries)
        for message, number in enumerate(self._arrived):
            heard[number] += self.phone.heard_bytes(message, self.now_us)
        return heard

    def _send(self, messages: list[Outbound], entry: Entry) -> None:
        number = self.entries.index(entry)
        for message in messages:
            self._outward.append((self.now_us + self._delay_us, message, number))
            if not isinstance(message, PlayMedia | Clear):
                self.marks.append((self.now_us, message.mark.name))
        self._run(self.now_us)

    def _run(self, until_us: int) -> None:
        while True:
            due = [
                (at, rank)
                for rank, at in enumerate(
                    (
                        self._outward[0][0] if self._outward else None,
                        self.phone.next_us,
                        self._homeward[0][0] if self._homeward else None,
                    )
                )
                if at is not None and at <= until_us
            ]
            if not due:
                return
            at_us, rank = min(due)
            self.now_us = max(self.now_us, at_us)
            (self._arrive, self._played, self._come_home)[rank]()

    def _arrive(self) -> None:
        at_us, message, number = self._outward.popleft()
        if isinstance(message, PlayMedia):
            self.phone.media(base64.b64decode(message.media.payload), at_us)
            self._arrived.append(number)
        elif isinstance(message, Clear):
            names = self.phone.clear(at_us)
            before, self.now_us = self.now_us, at_us
            self.truth.append(self.true_bytes())
            self.now_us = before
            self._go_home(names, at_us)
        elif self._echoes == "at_once":
            self._go_home([message.mark.name], at_us)
        else:
            self.phone.mark(message.mark.name, at_us)

    def _played(self) -> None:
        at_us = self.phone.next_us
        assert at_us is not None
        self._go_home([name for name, _ in self.phone.due(at_us)], at_us)

    def _go_home(self, names: list[str], at_us: int) -> None:
        if self._echoes != "never":
            self._homeward.extend((at_us + self._delay_us, name) for name in names)

    def _come_home(self) -> None:
        at_us, name = self._homeward.popleft()
        if not self.ledger.echo(name, at_us):
            self.late_echoes.append(name)
