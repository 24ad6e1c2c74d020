"""The transcript kept for people: the bot's words cut where the caller stopped hearing.

Text runs ahead of audio, and the wire gives no alignment of the two. The cut is an estimate
(`bot.call.transcript.alignment`), at a word boundary, and is marked as one; an item of which nothing was heard keeps no
word (how-it-works ledger 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.audio.payload import BYTES_PER_MS
from bot.call.transcript.alignment import Placed, Sent, Voice
from bot.call.transcript.past_turns import PastTurn

MAX_CHARS = 20_000
"""Most of one content: twenty minutes of speech. What comes beyond is not kept."""
MAX_CONTENTS = 16
"""Most of one item; real ones have one."""
MAX_TURNS = 2_000
"""Most of one call; beyond, the oldest are forgotten here. Their facts have been put out."""
MAX_CALL_CHARS = 4_000_000
"""Most of all that both sides are said to have said in one call, with PIECE_CHARS for each piece: days of speech."""
PIECE_CHARS = 16


@dataclass(slots=True)
class Turn:
    """Words of one side. `text` None: not known (yet). `unheard` holds what an estimated cut took away.

    `number` names the turn within its call. Times are the call's microseconds, None: not known (yet).
    """

    who: Literal["caller", "bot"]
    item_id: str
    text: str | None = None
    unheard: str = ""
    cut: bool = False
    number: int = field(default=0, compare=False)
    began_us: int | None = field(default=None, compare=False)
    ended_us: int | None = field(default=None, compare=False)


@dataclass(slots=True)
class _Words:
    """One content's words. `heard_chars` None: not cut; `whole_bytes` None: more audio may come."""

    text: str = ""
    complete: bool = False
    sent: list[Sent] = field(default_factory=list)
    whole_bytes: int | None = None
    heard_chars: int | None = None
    placed: tuple[tuple[object, ...], Placed] | None = None
    """Its place in the audio, and what that was made of: whoever reads along asks again and again."""


class Transcript:
    """Turns of both sides, in the order in which they were first heard of. Bytes are mu-law."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._by_item: dict[str, Turn] = {}
        self.of_caller: dict[str, Turn] = {}
        """Turns of the caller by the ids of the session at hand: another one may use an id again."""
        self._words: dict[str, dict[int, _Words]] = {}
        self.voice = Voice()
        self._number = 0
        self._chars_left = MAX_CALL_CHARS

    def caller_turn(self, item_id: str) -> Turn:
        """The caller's turn was committed; its words may come much later."""
        return self._turn("caller", item_id)

    def caller_words(self, item_id: str, text: str) -> Turn:
        turn = self._turn("caller", item_id)
        if self._affords(text[:MAX_CHARS]):
            turn.text = text[:MAX_CHARS]
        return turn

    def bot_turn(self, item_id: str) -> Turn:
        """The turn of an item, made on first use."""
        return self._turn("bot", item_id)

    def find(self, item_id: str) -> Turn | None:
        """The bot's turn that an item is."""
        return self._by_item.get(item_id)

    def remember(self, past: PastTurn) -> None:
        """A turn from before this core, which is over; the next new one is numbered after it."""
        turn = Turn(past.who, f"past_{past.number}", past.text or None, number=past.number, began_us=0, ended_us=0)
        self.turns.append(turn)
        self._number = max(self._number, past.number)

    # ---- the bot's words ----

    def bot_words(self, item_id: str, content_index: int, delta: str, received_bytes: int) -> None:
        """More of what the bot says, `received_bytes` of its audio having come so far."""
        words = self._of(item_id, content_index)
        turn = self._turn("bot", item_id)
        if words is None or turn.cut or not delta or len(words.text) + len(delta) > MAX_CHARS:
            return
        if not self._affords(delta):
            return
        words.text += delta
        words.sent.append(Sent(len(words.text), received_bytes / BYTES_PER_MS))
        self._show(turn)

    def bot_words_done(self, item_id: str, content_index: int, text: str) -> None:
        """All of what the bot says, as it stands in the end."""
        contents = self._words.get(item_id, {})
        if content_index not in contents:  # told oddly, unless all before it are complete
            content_index = next((at for at, one in contents.items() if not one.complete), content_index)
        words = self._of(item_id, content_index)
        turn = self._turn("bot", item_id)
        if turn.cut or not self._affords(text[:MAX_CHARS]):
            return
        if words is None:  # the turn is over: a correction
            turn.text = text[:MAX_CHARS]
            return
        words.text, words.complete = text[:MAX_CHARS], True
        self._learn(words)
        self._show(turn)

    def sounds(self, item_id: str, contents: Sequence[int]) -> None:
        """An item has sound in these contents, the first of which words that came ahead in no such belong to."""
        gathered = self._words.get(item_id, {})
        for stray in [at for at in gathered if at not in contents]:
            words, own = gathered.pop(stray), gathered.get(contents[0])
            if own is None:
                gathered[contents[0]] = words
            elif not own.complete:
                own.text, own.complete = words.text + own.text, words.complete
                own.sent = [*words.sent, *(Sent(one.chars + len(words.text), one.audio_ms) for one in own.sent)]

    def audio_done(self, item_id: str, content_index: int, received_bytes: int) -> None:
        """No more audio of this content comes."""
        words = self._of(item_id, content_index)
        if words is not None and words.whole_bytes is None:
            words.whole_bytes = received_bytes
            self._learn(words)

    def heard_so_far(self, item_id: str, parts: Iterable[tuple[int, int, int]]) -> str:
        """Words heard of an item that is being heard: of each content its index, and its bytes heard and received."""
        contents, heard = self._words.get(item_id, {}), ""
        for content_index, heard_bytes, received_bytes in parts:
            words = contents.get(content_index)
            if words is not None:
                n_chars = self._heard_chars(words, heard_bytes, received_bytes)
                heard += words.text[:n_chars]
                if n_chars < len(words.text):
                    break
        return heard.rstrip()

    def words_of(self, item_id: str) -> str:
        """Words heard of an item, as far as they are known."""
        turn = self.find(item_id)
        return turn.text or "" if turn is not None else ""

    def cut(self, item_id: str, content_index: int, heard_bytes: int, received_bytes: int, *, all_came: bool) -> None:
        """The caller heard `heard_bytes` of this content and no more. Nothing heard leaves no word."""
        turn, contents = self.find(item_id), self._words.get(item_id)
        if turn is None or contents is None:
            return
        turn.cut = True
        words = contents.get(content_index)
        if words is not None:
            if all_came:
                self.audio_done(item_id, content_index, received_bytes)
            words.heard_chars = self._heard_chars(words, heard_bytes, received_bytes)
            self._show(turn)

    def unheard(self, item_id: str) -> None:
        """The caller will hear nothing of an item."""
        turn = self.find(item_id)
        if turn is None:
            return
        turn.cut = True
        for words in self._words[item_id].values():
            words.heard_chars = 0
        self._show(turn)

    def over(self, item_id: str) -> None:
        """The turn is over: what was kept to place its words is needed no more."""
        self._words.pop(item_id, None)

    def _heard_chars(self, words: _Words, heard: int, received: int) -> int:
        if not heard or not received:
            return 0
        if heard >= received and words.whole_bytes is not None:
            return len(words.text)
        whole_ms = None if words.whole_bytes is None or not words.complete else words.whole_bytes / BYTES_PER_MS
        made_of = (words.text, len(words.sent), whole_ms, self.voice.learnt)
        if words.placed is None or words.placed[0] != made_of:
            words.placed = (made_of, self.voice.placed(words.text, words.sent, whole_ms))
        return words.placed[1].heard_chars(heard / BYTES_PER_MS)

    def _learn(self, words: _Words) -> None:
        """From an item of which all is known; one that came without deltas is a recording, of another voice."""
        if words.complete and words.whole_bytes and words.sent:
            self.voice.learn(words.text, words.whole_bytes / BYTES_PER_MS)

    # ---- together ----

    def _turn(self, who: Literal["caller", "bot"], item_id: str) -> Turn:
        by_item = self._by_item if who == "bot" else self.of_caller
        turn = by_item.get(item_id)
        if turn is None:
            self._number += 1
            turn = by_item[item_id] = Turn(who, item_id, number=self._number)
            self.turns.append(turn)
            if who == "bot":
                self._words[item_id] = {}
            if len(self.turns) > MAX_TURNS:
                self._forget(self.turns.pop(0))
        return turn

    def _affords(self, text: str) -> bool:
        """True if this text may be kept: so much in one call, and then no more."""
        self._chars_left -= len(text) + PIECE_CHARS
        return self._chars_left >= 0

    def _forget(self, turn: Turn) -> None:
        by_item = self._by_item if turn.who == "bot" else self.of_caller
        if by_item.get(turn.item_id) is turn:
            del by_item[turn.item_id]
        if turn.who == "bot":
            self._words.pop(turn.item_id, None)

    def _of(self, item_id: str, content_index: int) -> _Words | None:
        """Words of a content, as they are gathered; None when the turn is over."""
        self._turn("bot", item_id)
        contents = self._words.get(item_id)
        words = None if contents is None else contents.get(content_index)
        if words is None and contents is not None and len(contents) < MAX_CONTENTS:
            words = contents[content_index] = _Words()
        return words

    def _show(self, turn: Turn) -> None:
        """Put the turn's contents together: the first that was cut ends what was heard."""
        contents = self._words[turn.item_id].values()
        if not turn.cut:
            turn.text = "".join([words.text for words in contents])
            return
        heard, unheard = "", ""
        for words in contents:
            whole = words.heard_chars is None and not unheard
            at = len(words.text) if whole else words.heard_chars or 0
            heard += words.text[:at]
            unheard += words.text[at:]
        turn.text, turn.unheard = heard.rstrip(), unheard.lstrip()
