"""The verdict on a cut, which the model, the transcript and the report are told alike."""

from __future__ import annotations

from dataclasses import dataclass

from bot.audio.payload import BYTES_PER_MS
from bot.call.playout.ledger import Entry


@dataclass(frozen=True, slots=True)
class Truncation:
    """`conversation.item.truncate` in our own words."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the ledger held, in the order of playing, and how much of it the caller has heard."""

    entries: tuple[Entry, ...]
    truncations: tuple[Truncation, ...]
    unheard: tuple[Entry, ...]
    playing: Entry | None
    """The item that was being heard, if any."""

    @property
    def item_ids(self) -> list[str]:
        """Every item of which less was heard than was made."""
        return [one.item_id for one in self.truncations] + [entry.item_id for entry in self.unheard]

    def cut_ms(self, entry: Entry) -> int | None:
        """At how many ms `entry` was cut; None when it was heard to its end."""
        if entry in self.unheard:
            return 0
        name = entry.item_id, entry.content_index
        return next((one.audio_end_ms for one in self.truncations if (one.item_id, one.content_index) == name), None)


def judge(entries: list[Entry]) -> Verdict:
    """Judge `entries`, as the ledger left them at the cut, in the order of playing."""
    reached = [at for at, entry in enumerate(entries) if entry.heard >= BYTES_PER_MS]
    last = reached[-1] if reached else -1
    heard_items = {entry.item_id for entry in entries[: last + 1]}
    truncations = []
    playing = None
    if reached and not entries[last].finished:
        playing = entries[last]
        ms = min(playing.heard, playing.received) // BYTES_PER_MS
        truncations.append(Truncation(playing.item_id, playing.content_index, ms))
    unheard = []
    for entry in entries[last + 1 :]:
        if entry.item_id in heard_items:
            truncations.append(Truncation(entry.item_id, entry.content_index, 0))
        else:
            unheard.append(entry)
    return Verdict(tuple(entries), tuple(truncations), tuple(unheard), playing)
