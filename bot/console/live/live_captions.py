"""Captions of live calls that are new since they were asked for last.

The core is asked a few times a second, and only of calls that somebody watches: with nobody there nothing is done.
"""

from __future__ import annotations

from bot.call.facts import TurnFact
from bot.call.turn_log.captions import Caption
from bot.server.calls.live_call import LiveCall

Key = tuple[str, str]
"""Who speaks, and the item that their turn will be."""


class LiveCaptions:
    """Keeps what was told last of each call."""

    def __init__(self) -> None:
        self._told: dict[str, dict[Key, Caption]] = {}

    def fresh(self, live: LiveCall) -> list[Caption]:
        """Captions that have changed; one whose words came to no turn comes again, empty."""
        before = self._told.get(live.call_sid, {})
        now: dict[Key, Caption] = {(one.who, one.item_id): one for one in live.bridge.captions()}
        self._told[live.call_sid] = now
        gone = [one._replace(text="") for key, one in before.items() if key not in now]
        return [*gone, *(one for key, one in now.items() if key not in before or before[key].text != one.text)]

    def turn_told(self, live: LiveCall, turn: TurnFact) -> None:
        """The turn itself has been told, and what it said before is no news any more."""
        if turn.text is not None:
            self._told.get(live.call_sid, {}).pop((turn.who, turn.item_id), None)

    def over(self, live: LiveCall) -> None:
        """The call is over here."""
        self._told.pop(live.call_sid, None)

    def nobody_watches(self) -> None:
        """Forget all: who comes next is told anew."""
        self._told.clear()
