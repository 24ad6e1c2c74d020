"""The transcript kept for people: in spoken order, the bot's words cut where the caller stopped hearing.

The wire gives no alignment of text and audio, and text runs ahead of audio. The cut is an estimate from how much text
had come at how much audio, at a word boundary, and is marked as one (DESIGN, ledger rule 6).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Literal

CHARS_PER_BYTE = 15 / 8_000
"""About 15 characters a second, until the call's own voice has shown its rate."""


@dataclass(slots=True)
class Turn:
    """What one side said. `text` None: not known (yet). `unheard` holds what an estimated cut took away."""

    who: Literal["caller", "bot"]
    item_id: str
    text: str | None = None
    unheard: str = ""
    cut: bool = False


@dataclass(slots=True)
class _Words:
    text: str = ""
    complete: bool = False
    chars: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)


class Transcript:
    """Turns of both sides. Bytes are mu-law."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._words: dict[str, dict[int, _Words]] = {}
        self._rate = CHARS_PER_BYTE

    def caller_turn(self, item_id: str) -> None:
        """The caller's turn was committed; its words may come much later."""
        if self._turn(item_id) is None:
            self.turns.append(Turn("caller", item_id))

    def caller_words(self, item_id: str, text: str) -> None:
        self.caller_turn(item_id)
        turn = self._turn(item_id)
        assert turn is not None
        turn.text = text

    def bot_words(self, item_id: str, content_index: int, delta: str, received_bytes: int) -> None:
        """More of what the bot says, `received_bytes` of its audio having come so far."""
        words = self._of(item_id, content_index)
        words.text += delta
        words.chars.append(len(words.text))
        words.bytes.append(received_bytes)
        self._show(item_id)

    def bot_words_done(self, item_id: str, content_index: int, text: str) -> None:
        words = self._of(item_id, content_index)
        words.text, words.complete = text, True
        self._show(item_id)

    def words_of(self, item_id: str) -> str:
        """What was heard of an item, as far as it is known."""
        turn = self._turn(item_id)
        return turn.text or "" if turn is not None else ""

    def cut(self, item_id: str, content_index: int, heard_bytes: int, received_bytes: int, *, all_came: bool) -> None:
        """The caller heard `heard_bytes` of this and no more. Nothing heard leaves no word."""
        words = self._of(item_id, content_index)
        at = word_boundary(words.text, self._chars(words, heard_bytes, received_bytes, all_came=all_came))
        turn = self._turn(item_id)
        if turn is None:
            return
        turn.text, turn.unheard, turn.cut = words.text[:at].rstrip(), words.text[at:].lstrip(), True

    def _chars(self, words: _Words, heard: int, received: int, *, all_came: bool) -> int:
        if not heard or not received:
            return 0
        if words.complete and all_came:
            self._rate = len(words.text) / received
            return round(len(words.text) * heard / received)
        at = bisect_left(words.bytes, heard)
        most = words.chars[at] if at < len(words.chars) else len(words.text)
        return min(most, round(heard * self._rate))

    def _of(self, item_id: str, content_index: int) -> _Words:
        return self._words.setdefault(item_id, {}).setdefault(content_index, _Words())

    def _turn(self, item_id: str) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.item_id == item_id), None)

    def _show(self, item_id: str) -> None:
        turn = self._turn(item_id)
        if turn is None:
            turn = Turn("bot", item_id)
            self.turns.append(turn)
        if not turn.cut:
            turn.text = "".join(words.text for words in self._words[item_id].values())


def word_boundary(text: str, at: int) -> int:
    """The end of the last whole word of `text` that ends at or before `at`."""
    if at >= len(text):
        return len(text)
    if at <= 0 or text[at].isspace():
        return max(at, 0)
    while at > 0 and not text[at - 1].isspace():
        at -= 1
    return at
