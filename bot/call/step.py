"""One step of a call: its moment, and what is to be done because of it, in order.

The parts of a call share one Step: whichever has something to say puts it here, so that order is the order of saying.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, dataclass_transform

from bot.call.outputs import Output, Report
from bot.realtime.events import CreateItem, DeleteItem
from bot.realtime.items import message

Follows = Literal["anything", "what is due", "nothing"]
"""What has to be looked at because of a step: all that follows from where the call stands; no more than what time alone
may have changed; or nothing, since it only tells that playing goes on. Who handles an item says when it is less."""

T = TypeVar("T")


@dataclass_transform()
def part(declared: type[T]) -> type[T]:
    """A part of a call: its fields are what it is given, in this order, of the settings and of the other parts."""
    return dataclass(eq=False, repr=False)(declared)


class Step:
    """`now_us` and `out` are of the step at hand; counts and event ids run on through the call."""

    def __init__(self) -> None:
        self.now_us = 0
        self.follows: Follows = "anything"
        self.out: list[Output] = []
        self.counts: Counter[str] = Counter()
        self._event_number = 0

    def begin(self, now_us: int) -> None:
        """The next step: what the last one put out is its receiver's."""
        self.now_us = now_us
        self.follows = "anything"
        self.out = []

    def send(self, output: Output) -> None:
        self.out.append(output)

    def send_all(self, outputs: Iterable[Output]) -> None:
        self.out.extend(outputs)

    def event_id(self, what: str) -> str:
        """An id for the next event that the server may refuse by it."""
        self._event_number += 1
        return f"{what}_{self._event_number}"

    def create_item(self, item: dict[str, Any], after: str = "") -> str:
        """Add an item to the conversation. Gives the id of the event, should the server refuse it."""
        event_id = self.event_id("item")
        self.out.append(CreateItem(item, event_id, after))
        return event_id

    def tell(self, item_id: str, words: str) -> None:
        """Tell the model something, at the end of the conversation."""
        self.create_item(message(item_id, "system", text=words))

    def delete_item(self, item_id: str) -> None:
        self.out.append(DeleteItem(item_id, self.event_id("delete")))

    def report(self, event: str, **details: Any) -> None:
        self.out.append(Report(event, details))

    def warn(self, event: str, **details: Any) -> None:
        self.out.append(Report(event, details, "warning"))
