"""A prompt that the bot says from a recording: an entry of the ledger like all that is heard.

A recording costs no tokens and no wait. The model knows it as an assistant's text item, since assistant audio can't be
created (openai-realtime 3.1), or not at all (bot.call.prompts.filler).
"""

from __future__ import annotations

from typing import Any

from bot.call.playout.ledger import Entry
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.step import part
from bot.call.transcript.transcript import Transcript
from bot.realtime.items import message
from bot.twilio.stream import Outbound


@part
class RecordedPrompt:
    """A recording of `words`, held from the beginning of the call until the stream has started.

    The recordings of a call are played in the order in which they are made. `audio` is base64 mu-law.
    """

    _item_id: str
    _words: str
    _audio: str
    _playout: PlayoutQueue
    _transcript: Transcript

    def __post_init__(self) -> None:
        self.entry = self._playout.ledger.entry(self._item_id, 0, "")
        self._transcript.bot_words_done(self._item_id, 0, self._words)
        play(self._playout, self.entry, self._audio, 0)

    def again(self, now_us: int) -> list[Outbound]:
        """Play it once more, from its beginning."""
        self.entry = self._playout.ledger.entry(self._item_id, 0, "")
        self._transcript.bot_words_done(self._item_id, 0, self._words)
        return play(self._playout, self.entry, self._audio, now_us)

    def item(self, heard: str) -> dict[str, Any]:
        """The item by which the model knows of it: its words as they are heard, or were if a key has cut it short."""
        return message(self._item_id, "assistant", text=heard)


def play(playout: PlayoutQueue, entry: Entry, audio: str, now_us: int) -> list[Outbound]:
    """All of `entry` behind whatever waits or plays: what goes out at once. `audio` is base64 mu-law."""
    return [*playout.delta(entry, audio, now_us), *playout.done(entry, now_us)]
