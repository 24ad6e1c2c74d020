"""Words of both sides while they are being said: a turn tells its words once it is over, captions do so before.

Of the bot's only what was heard by the moment that is asked about, by the same estimate as a cut: so an interruption
takes nothing back. The caller's are those that the session has told so far.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.session.session_state import CurrentSession
from bot.call.step import part
from bot.call.transcript.transcript import Transcript
from bot.call.turn_log.turn_facts import TurnLog


class Caption(NamedTuple):
    """The beginning of a turn. `began_us`: when it began to be said, as far as that is known."""

    who: Literal["caller", "bot"]
    item_id: str
    text: str
    began_us: int | None


@part
class Captions:
    """Asked by whoever watches; keeps nothing."""

    _session: CurrentSession
    _speaking: PlayoutQueue
    _account: TurnLog
    _transcript: Transcript

    def at(self, now_us: int) -> list[Caption]:
        """Those of the caller, then those of the bot, each with words."""
        captions = [*self._caller(), *(self._bot(now_us) if self._account.unfinished else ())]
        return [one for one in captions if one.text]

    def _caller(self) -> list[Caption]:
        session = self._session.now
        return [
            Caption("caller", item_id, text.strip(), self._spoke_us(item_id))
            for item_id, text in session.growing.items()
        ]

    def _spoke_us(self, item_id: str) -> int | None:
        turn = self._transcript.of_caller.get(item_id)
        return self._session.now.speech.began_us(item_id) if turn is None else turn.began_us

    def _bot(self, now_us: int) -> list[Caption]:
        heard = self._speaking.ledger.heard_so_far(now_us)
        return [
            Caption(
                "bot",
                item_id,
                self._transcript.heard_so_far(
                    item_id, [(one.content_index, heard.get(one, one.heard), one.received) for one in entries]
                ),
                entries[0].began_us,
            )
            for item_id, entries in self._account.open.items()
        ]
