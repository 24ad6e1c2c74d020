"""Barge-in: what the model must be told when the caller has cut the bot short.

The item that was being heard is truncated at the millisecond heard; items never reached are deleted, but only once they
stand finished; items heard to their end are left alone (DESIGN, ledger rule 3; openai-realtime.md, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.call.ledger import BYTES_PER_MS, Entry


@dataclass(frozen=True, slots=True)
class Truncation:
    """`conversation.item.truncate` in our own words."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a cut means for the conversation. `playing` is the entry that was being heard, if any."""

    truncations: tuple[Truncation, ...]
    unheard: tuple[Entry, ...]
    playing: Entry | None


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
    return Verdict(tuple(truncations), tuple(unheard), playing)


class Unheard:
    """Items that the caller never heard, waiting to be finished so that they can be deleted."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}

    def wait(self, item_id: str, response_id: str) -> None:
        self._waiting[item_id] = response_id

    def item_done(self, item_id: str) -> bool:
        """Whether the item that now stands finished is to be deleted."""
        return self._waiting.pop(item_id, None) is not None

    def response_done(self, response_id: str) -> list[str]:
        """The items to delete now that their response is over."""
        gone = [item for item, response in self._waiting.items() if response == response_id]
        for item in gone:
            del self._waiting[item]
        return gone
