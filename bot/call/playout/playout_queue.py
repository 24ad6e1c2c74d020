"""Audio on its way to the caller: held until it may go, handed on whole, cleared at once.

Deltas go out as they come. They wait here while the stream has not started or the transport is full, so that nothing
ever stands before a `clear` that could have been dropped.
"""

from __future__ import annotations

from bot.audio.payload import MAX_MEDIA_CHARS, payload_bytes, split
from bot.call.playout.ledger import ASKED_AT_FIRST_US, Entry, Ledger
from bot.call.rule import NEVER_US
from bot.twilio.stream import Clear, MarkPart, Outbound, OutPart, PlayMedia, SetMark

HELD_BYTES = 10 * 60 * 8_000
"""Ten minutes: what Twilio itself buffers at most (31931). What is held and what it has yet to play count together."""
HELD_PIECES = 32_768
"""Ten minutes in deltas of 20 ms; real ones are longer."""
STEP_CHARS = MAX_MEDIA_CHARS
"""Characters of base64 that may be handed over before the shell has looked at the transport again."""
FIRST_BYTES = 240
"""Behind a prebuffer a stretch begins with 30 ms and a mark: how late it begins is seen 170 ms sooner."""
FIRST_CHARS = FIRST_BYTES // 3 * 4


class PlayoutQueue:
    """The queue to the phone and the ledger of what went down it."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.stream_sid = ""
        self.begun = False
        """True once the caller may hear us: both sides are ready."""
        self.full = False
        """The transport holds enough; PhoneRoom ends it."""
        self.paused = False
        """The caller speaks and is to hear this from its beginning afterwards (bot.call.conversation.opening)."""
        self.keeps = False
        """True while all that is handed over is kept, so that it can be rewound."""
        self.dropped_bytes = 0
        self.fresh: list[Entry] = []
        """Entries whose first byte was handed over and nobody has looked at yet."""
        self._held: list[tuple[Entry, str, int]] = []
        self._held_bytes = 0
        self._kept: list[tuple[Entry, str, int]] = []
        self._step_chars = 0

    def start(self, stream_sid: str, now_us: int) -> None:
        """The stream has begun."""
        self.stream_sid = stream_sid
        self.ledger.ask_until_us = now_us + ASKED_AT_FIRST_US

    def new_step(self) -> None:
        """The shell has written what it was given."""
        self._step_chars = 0

    @property
    def waiting(self) -> bool:
        """True while audio is held back here."""
        return bool(self._held)

    def flows(self, item_id: str, content_index: int) -> bool:
        """True if this content is what was sent last, and more of it may go at once."""
        last = self.ledger.last
        if last is None or last.item_id != item_id or last.content_index != content_index:
            return False
        return self._open and not self._held

    @property
    def _open(self) -> bool:
        return self.begun and not self.full and not self.paused

    def delta(self, entry: Entry, payload: str, now_us: int) -> list[Outbound]:
        """More audio of `entry`, as the model sent it. What goes beyond ten minutes yet to be heard is dropped."""
        ahead_bytes = self.ledger.ahead_bytes(now_us)
        for piece in split(payload) if payload else ():
            n_bytes = payload_bytes(piece)
            if ahead_bytes + self._held_bytes + n_bytes > HELD_BYTES or len(self._held) >= HELD_PIECES:
                self.dropped_bytes += n_bytes
                continue
            entry.received += n_bytes
            self._held.append((entry, piece, n_bytes))
            self._held_bytes += n_bytes
        return self.flush(now_us)

    def done(self, entry: Entry, now_us: int) -> list[Outbound]:
        """No more audio of `entry` will come."""
        already, entry.done = entry.done, True
        return [] if already or not entry.sent else self._end_mark(entry, now_us)

    def flush(self, now_us: int) -> list[Outbound]:
        """Hand over what may go now."""
        out: list[Outbound] = []
        held, gone = self._held, 0
        while gone < len(held) and self._open:
            entry, payload, n_bytes = held[gone]
            early = len(payload) > FIRST_CHARS and self.ledger.begins_late(now_us)
            if early:
                held[gone] = (entry, payload[FIRST_CHARS:], n_bytes - FIRST_BYTES)
                payload, n_bytes = payload[:FIRST_CHARS], FIRST_BYTES
            else:
                gone += 1
            self._held_bytes -= n_bytes
            if not entry.sent:
                self.fresh.append(entry)
                out.append(self._mark(self.ledger.set_mark(now_us)))
            out.append(PlayMedia(self.stream_sid, OutPart(payload)))
            self.ledger.sent(entry, n_bytes, now_us)
            if self.keeps:
                self._kept.append((entry, payload, n_bytes))
            self._step_chars += len(payload)
            self.full = self._step_chars > STEP_CHARS
            if early:
                out.append(self._mark(self.ledger.set_mark(now_us, early=True)))
            else:
                out.extend(self._end_mark(entry, now_us) if entry.done else self._due_mark(now_us))
        del held[:gone]
        return out

    def _end_mark(self, entry: Entry, now_us: int) -> list[Outbound]:
        if entry.sent < entry.received:
            return self._due_mark(now_us)
        name = self.ledger.mark_after(now_us, at_end=True)
        return [] if name is None else [self._mark(name)]

    def _due_mark(self, now_us: int) -> list[Outbound]:
        name = self.ledger.mark_after(now_us)
        return [] if name is None else [self._mark(name)]

    def _mark(self, name: str) -> SetMark:
        return SetMark(self.stream_sid, MarkPart(name))

    def due_us(self, now_us: int) -> tuple[int, int]:
        """Moments at which the floor is given up and a mark is due, should nothing come."""
        if self._held:
            return NEVER_US, NEVER_US
        over_us = self.ledger.over_us()
        if over_us:
            return over_us, NEVER_US
        probe_us = self.ledger.probe_us(now_us) if self.stream_sid and not self.full else None
        return NEVER_US, NEVER_US if probe_us is None else probe_us

    def probe(self, now_us: int) -> list[Outbound]:
        """A mark on the empty buffer, if it is time for one."""
        due_us = self.ledger.probe_us(now_us)
        if due_us is None or now_us < due_us or self.waiting or self.full or not self.stream_sid:
            return []
        return [self._mark(self.ledger.set_mark(now_us))]

    def has_floor(self, now_us: int) -> bool:
        """True while the bot speaks: something is playing, or waits to be played."""
        return self.waiting or self.ledger.playing(now_us)

    def interruptible(self, now_us: int) -> bool:
        """True while something may still be heard, though the bot may have lost the floor long ago."""
        return self.waiting or self.ledger.interruptible(now_us)

    def ahead_bytes(self, now_us: int) -> int:
        """Bytes that are still to be played, those that wait here included."""
        return self.ledger.ahead_bytes(now_us) + self._held_bytes

    def cut(self, now_us: int) -> tuple[list[Outbound], list[Entry]]:
        """Silence: the `clear`, if there is anything to clear, and every entry as heard."""
        out = self.ledger.interruptible(now_us) or (self.waiting and self.begun)
        clear: list[Outbound] = [Clear(self.stream_sid)] if out else []
        self._held.clear()
        self._held_bytes = 0
        self._kept.clear()
        return clear, self.ledger.cut(now_us)

    def leave(self, now_us: int) -> None:
        """The stream is left: whatever comes waits for the next one."""
        self.cut(now_us)
        self.stream_sid, self.begun, self.full = "", False, False

    def forget_kept(self) -> None:
        """Nothing will be rewound any more."""
        self.keeps = False
        self._kept.clear()

    def rewind(self, now_us: int) -> list[Outbound]:
        """Silence: what was on its way waits here from its first byte, less fillers and what was heard to its end."""
        pieces = [*self._kept, *self._held]
        clear, _ = self.cut(now_us)
        self.fresh.clear()
        for before, payload, n_bytes in pieces:
            if before.aside or before.finished or (before.done and before.sent == before.received and before.proven):
                continue
            entry = self.ledger.entry(before.item_id, before.content_index, before.response_id)
            entry.received += n_bytes
            entry.done, entry.item_done = before.done, before.item_done
            self._held.append((entry, payload, n_bytes))
            self._held_bytes += n_bytes
        return clear
