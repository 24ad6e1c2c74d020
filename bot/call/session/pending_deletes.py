"""Items that the caller never heard: to be deleted, but only once they stand finished (how-it-works ledger 3)."""

from __future__ import annotations

MAX_ITEMS = 256
"""Most of either kind; a response has one or two. Beyond, items stay in the conversation as if heard."""


class PendingDeletes:
    """Items waiting to be finished, and items of the active response that may come to that."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._silent: list[str] = []
        """Items of the active response that have had no audio yet."""

    def announced(self, item_id: str) -> None:
        """An item of the active response begins."""
        if len(self._silent) < MAX_ITEMS and item_id not in self._silent:
            self._silent.append(item_id)

    def sounded(self, item_id: str) -> None:
        """The first audio of an item has come: from here on the ledger knows it."""
        if item_id in self._silent:
            self._silent.remove(item_id)

    def next_response(self) -> None:
        """The active response is over, or another one is active."""
        self._silent.clear()

    def silenced(self, response_id: str) -> list[str]:
        """The active response was cut: its items without audio, which now wait, in a fixed order."""
        silent = sorted(self._silent)
        for item_id in silent:
            self.wait(item_id, response_id)
        return silent

    def wait(self, item_id: str, response_id: str) -> None:
        """Delete this item once it, or its response, is done."""
        if len(self._waiting) < MAX_ITEMS:
            self._waiting[item_id] = response_id

    def item_done(self, item_id: str) -> bool:
        """The item stands finished: True if it is to be deleted."""
        return self._waiting.pop(item_id, None) is not None

    def response_done(self, response_id: str) -> list[str]:
        """The items to delete now that their response is over."""
        gone = [item for item, response in self._waiting.items() if response == response_id]
        for item in gone:
            del self._waiting[item]
        return gone
