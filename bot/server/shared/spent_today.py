"""What was spent today, by all instances, as well as this process can know it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

LOOK_S = 5.0
"""Between two looks at it."""


def utc_today() -> date:
    return datetime.now(UTC).date()


class SpentToday:
    """The store's last word, and what this process has spent since: a store that is away must not lift the day's cap.

    `own` gives all that this process has ever spent. Billionths of a dollar, since midnight UTC.
    """

    def __init__(self, own: Callable[[], int], today: Callable[[], date] = utc_today) -> None:
        self._own = own
        self._today = today
        self.stored(0)

    def stored(self, nano_usd: int, day: date | None = None) -> None:
        """So much has been spent on `day`, by the store, this process included. Told after midnight, it is void."""
        if day not in {None, self._today()}:
            return
        self._stored = nano_usd
        self._own_before = self._own()
        self._date = self._today()

    @property
    def nano_usd(self) -> int:
        """Until the store has told, what this process has spent."""
        if self._today() != self._date:
            self.stored(0)
        return self._stored + self._own() - self._own_before
