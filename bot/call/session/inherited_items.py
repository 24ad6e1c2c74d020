"""Inherited items: what a session was told of items that an earlier one made and that still play.

It knows them as text, which can't be truncated: when the caller cuts one short, what was heard of it takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.call.step import Step
from bot.call.transcript.past_turns import heard_as, said_as
from bot.call.transcript.transcript import Turn
from bot.realtime.items import message


class InheritedItems:
    """Items of earlier sessions, by their ids there, that were still to be heard when the last one was lost."""

    def __init__(self, step: Step, playing: frozenset[str]) -> None:
        self._step = step
        self.items = playing
        self._told: dict[str, Turn] = {}

    def tell(self, turns: Iterable[Turn]) -> None:
        """The session was told these turns."""
        self._told = {turn.item_id: turn for turn in turns if turn.item_id in self.items}

    def cut(self, item_ids: Iterable[str]) -> None:
        """The caller heard only the beginnings of these items, or nothing of them, as their turns say by now."""
        step = self._step
        for turn in [self._told.pop(one) for one in item_ids if one in self._told]:
            if turn.text:  # behind the item that goes, hence in its place
                step.create_item(message(heard_as(turn.number), "assistant", text=turn.text), said_as(turn.number))
            step.delete_item(said_as(turn.number))
